/** Endpoints as the proxy sees them, out of endpoint slices, and the choice of those that get traffic. */
import type { EndpointSlice } from '#api/generated/discovery/v1';
import type { ServicePort, TrafficPolicy } from './service-port.ts';

export interface Endpoint {
  readonly ip: string;
  readonly port: number;
  readonly nodeName: string;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  /** Zones that should use it; empty: no hint. */
  readonly zoneHints: readonly string[];
  readonly nodeHints: readonly string[];
}

const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';

/** `namespace/name` of the service a slice belongs to. */
export function sliceService(slice: EndpointSlice): string {
  return `${slice.metadata.namespace ?? ''}/${slice.metadata.labels?.[SERVICE_NAME_LABEL] ?? ''}`;
}

/** The endpoints of one service port of one address family, each address once, sorted by address. */
export function endpointsOf(servicePort: ServicePort, slices: readonly EndpointSlice[], addressType: 'IPv4' | 'IPv6'): Endpoint[] {
  const byAddress = new Map<string, Endpoint>();
  for (const slice of slices) {
    if (slice.addressType !== addressType) continue;
    const port = slice.ports?.find((candidate) => (candidate.name ?? '') === servicePort.portName && (candidate.protocol ?? 'TCP').toLowerCase() === servicePort.protocol)?.port;
    if (port === undefined) continue;
    for (const endpoint of slice.endpoints ?? []) {
      const ip = endpoint.addresses[0];
      if (ip === undefined) continue;
      const ready = endpoint.conditions?.ready ?? true;
      byAddress.set(`${ip}:${port}`, {
        ip, port, ready,
        nodeName: endpoint.nodeName ?? '',
        serving: endpoint.conditions?.serving ?? ready,
        terminating: endpoint.conditions?.terminating ?? false,
        zoneHints: endpoint.hints?.forZones?.map((zone) => zone.name) ?? [],
        nodeHints: endpoint.hints?.forNodes?.map((node) => node.name) ?? [],
      });
    }
  }
  return [...byAddress.values()].sort((a, b) => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : a.port - b.port));
}

/**
 * Who gets traffic: the ready ones, or, when none is ready, those that still serve while they end (KEP-1669), so that a
 * rollout refuses nobody. With policy `Cluster`, hints for this node or its zone narrow the choice when every endpoint has them.
 */
export function selectEndpoints(endpoints: readonly Endpoint[], policy: TrafficPolicy, node: { name: string; zone: string }): Endpoint[] {
  const candidates = policy === 'Local' ? endpoints.filter((endpoint) => endpoint.nodeName === node.name) : endpoints;
  const ready = candidates.filter((endpoint) => endpoint.ready);
  const usable = ready.length > 0 ? ready : candidates.filter((endpoint) => endpoint.serving && endpoint.terminating);
  if (policy === 'Local' || usable.length === 0) return usable;
  return near(usable, (endpoint) => endpoint.nodeHints, node.name) ?? near(usable, (endpoint) => endpoint.zoneHints, node.zone) ?? usable;
}

function near(endpoints: readonly Endpoint[], hints: (endpoint: Endpoint) => readonly string[], here: string): Endpoint[] | undefined {
  if (here === '' || endpoints.some((endpoint) => hints(endpoint).length === 0)) return undefined;
  const close = endpoints.filter((endpoint) => hints(endpoint).includes(here));
  return close.length > 0 ? close : undefined;
}
