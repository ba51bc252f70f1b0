/** Services and slices → the rules they ask for on this node: pure. */
import type { Service } from '#api/generated/core/v1';
import type { EndpointSlice } from '#api/generated/discovery/v1';
import type { ServiceRules } from './backends/nftables/desired-table.ts';
import { endpointsOf, selectEndpoints } from './endpoint.ts';
import { servicePorts } from './service-port.ts';

export interface NodePlace { readonly name: string; readonly zone: string }

/** @param slicesOf the slices of a service, by `namespace/name`. */
export function proxyRules(services: readonly Service[], slicesOf: (service: string) => readonly EndpointSlice[], node: NodePlace): ServiceRules[] {
  const rules: ServiceRules[] = [];
  for (const service of services) {
    const ports = servicePorts(service);
    if (ports.length === 0) continue;
    const slices = slicesOf(`${service.metadata.namespace ?? ''}/${service.metadata.name ?? ''}`);
    for (const port of ports) {
      const addressType = port.clusterIPs[0]!.includes(':') ? 'IPv6' : 'IPv4';
      const endpoints = endpointsOf(port, slices, addressType);
      rules.push({
        port,
        internal: selectEndpoints(endpoints, port.internalTrafficPolicy, node),
        external: selectEndpoints(endpoints, port.externalTrafficPolicy, node),
        anyEndpoint: selectEndpoints(endpoints, 'Cluster', { name: '', zone: '' }).length > 0,
      });
    }
  }
  return rules;
}

/** UDP flows that the kernel still steers to an endpoint that is gone, as `conntrack -D` needs them. */
export interface StaleFlow { readonly originalDestination: string; readonly port: number; readonly endpoint: string | undefined }

/**
 * What became stale between two snapshots. Without endpoint: all flows to that address, because packets sent before the first
 * endpoint came bypass the rules.
 */
export function staleUdpFlows(before: readonly ServiceRules[], after: readonly ServiceRules[]): StaleFlow[] {
  const flows: StaleFlow[] = [];
  const now = new Map(after.map((rules) => [rules.port.id, rules]));
  for (const old of before) {
    if (old.port.protocol !== 'udp') continue;
    const kept = new Set(now.get(old.port.id)?.internal.map((endpoint) => endpoint.ip));
    for (const endpoint of old.internal) {
      if (kept.has(endpoint.ip)) continue;
      for (const ip of [...old.port.clusterIPs, ...old.port.externalIPs]) flows.push({ originalDestination: ip, port: old.port.port, endpoint: endpoint.ip });
    }
  }
  const had = new Map(before.map((rules) => [rules.port.id, rules.internal.length]));
  for (const rules of after) {
    if (rules.port.protocol !== 'udp' || rules.internal.length === 0 || (had.get(rules.port.id) ?? 0) > 0) continue;
    for (const ip of [...rules.port.clusterIPs, ...rules.port.externalIPs]) flows.push({ originalDestination: ip, port: rules.port.port, endpoint: undefined });
  }
  return flows;
}
