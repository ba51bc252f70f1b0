/**
 * Services as the proxy sees them: one record per (service, port), with only what decides about rules.
 *
 * Left out: headless services (no cluster IP), ExternalName, and services that another proxy claims by label.
 */
import type { Service, ServicePort as ApiServicePort } from '#api/generated/core/v1';

export type Protocol = 'tcp' | 'udp' | 'sctp';
export type TrafficPolicy = 'Cluster' | 'Local';

export interface ServicePort {
  /** `namespace/name:port`, unique. */
  readonly id: string;
  readonly namespace: string;
  readonly service: string;
  /** Name of the port, '' for the only one. */
  readonly portName: string;
  readonly protocol: Protocol;
  readonly clusterIPs: readonly string[];
  /** Load-balancer and external addresses: same port as the cluster IP, external traffic policy. */
  readonly externalIPs: readonly string[];
  readonly port: number;
  /** 0: none. */
  readonly nodePort: number;
  /** Seconds a client stays with its endpoint; 0: no affinity. */
  readonly affinitySeconds: number;
  readonly internalTrafficPolicy: TrafficPolicy;
  readonly externalTrafficPolicy: TrafficPolicy;
  /** CIDRs that may use the load-balancer addresses; empty: all. */
  readonly loadBalancerSourceRanges: readonly string[];
  /** Health check port of external traffic policy Local; 0: none. */
  readonly healthCheckNodePort: number;
}

const PROXY_NAME_LABEL = 'service.kubernetes.io/service-proxy-name';
const HEADLESS_LABEL = 'service.kubernetes.io/headless';

export function servicePorts(service: Service): ServicePort[] {
  const spec = service.spec ?? {};
  const labels = service.metadata.labels ?? {};
  if (spec.type === 'ExternalName' || spec.clusterIP === undefined || spec.clusterIP === '' || spec.clusterIP === 'None') return [];
  if (labels[PROXY_NAME_LABEL] !== undefined || labels[HEADLESS_LABEL] !== undefined) return [];
  return (spec.ports ?? []).map((port) => toServicePort(service, port));
}

function toServicePort(service: Service, port: ApiServicePort): ServicePort {
  const spec = service.spec!;
  const { namespace = '', name = '' } = service.metadata;
  const ingress = (service.status?.loadBalancer?.ingress ?? []).filter((entry) => (entry.ipMode ?? 'VIP') === 'VIP').map((entry) => entry.ip ?? '');
  return {
    id: `${namespace}/${name}:${port.name ?? ''}`,
    namespace,
    service: name,
    portName: port.name ?? '',
    protocol: (port.protocol ?? 'TCP').toLowerCase() as Protocol,
    clusterIPs: spec.clusterIPs ?? [spec.clusterIP!],
    externalIPs: [...(spec.externalIPs ?? []), ...ingress].filter((ip) => ip !== ''),
    port: port.port,
    nodePort: port.nodePort ?? 0,
    affinitySeconds: spec.sessionAffinity === 'ClientIP' ? spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800 : 0,
    internalTrafficPolicy: spec.internalTrafficPolicy === 'Local' ? 'Local' : 'Cluster',
    externalTrafficPolicy: spec.externalTrafficPolicy === 'Local' ? 'Local' : 'Cluster',
    loadBalancerSourceRanges: spec.loadBalancerSourceRanges ?? [],
    healthCheckNodePort: spec.healthCheckNodePort ?? 0,
  };
}
