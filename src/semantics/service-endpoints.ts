/** Which pods back a service, and where: the rules that endpoint slices and the old endpoints share. */
import type { Pod, Service, ServicePort } from '#api/generated/core/v1';
import { isPodTerminal } from './pod-state.ts';

/** The number that a service's target port means for this pod; undefined when no container names it. */
export function targetPort(pod: Pod, port: ServicePort): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === 'number') return target;
  const protocol = port.protocol ?? 'TCP';
  const sidecars = (pod.spec?.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  for (const container of [...(pod.spec?.containers ?? []), ...sidecars]) {
    const found = container.ports?.find((candidate) => candidate.name === target && (candidate.protocol ?? 'TCP') === protocol);
    if (found !== undefined) return found.containerPort;
  }
  return undefined;
}

/** It has an address and will run (on). */
export function mayServe(pod: Pod, includeTerminating: boolean): boolean {
  if (isPodTerminal(pod) || (!pod.status?.podIP && (pod.status?.podIPs ?? []).length === 0)) return false;
  return includeTerminating || pod.metadata.deletionTimestamp === undefined;
}

/** The pod gets a DNS name of its own under this service. */
export function hasOwnName(pod: Pod, service: Service): boolean {
  return !!pod.spec?.hostname && pod.spec.subdomain === service.metadata.name && pod.metadata.namespace === service.metadata.namespace;
}

export function hasClusterIp(service: Service): boolean {
  return service.spec?.clusterIP !== 'None' && !!service.spec?.clusterIP;
}

export function isIPv6(address: string): boolean {
  return address.includes(':');
}

export const HEADLESS_LABEL = 'service.kubernetes.io/headless';
export const TRIGGER_TIME_ANNOTATION = 'endpoints.kubernetes.io/last-change-trigger-time';
