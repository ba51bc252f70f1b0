/**
 * Whether this node takes a pod that was assigned to it: resources, ports, sysctls, pressure. Pure.
 *
 * The scheduler has looked already; this catches what raced, and pods that name their node themselves.
 */
import type { Node, Pod } from '#api/generated/core/v1';
import { podMatchesNode } from '#semantics/node-affinity';
import { podQos } from '#semantics/qos';
import type { PressureKind } from '../node/node-object.ts';
import { bytes, milliCpu, podAmounts } from '../translation/amounts.ts';
import type { PodFailure } from './pod-workers.ts';

export interface AdmissionFacts {
  allocatable: Readonly<Record<string, string>>;
  /** Pods of this node that are not ended, without the new one. */
  others: readonly Pod[];
  pressures: ReadonlySet<PressureKind>;
  allowedUnsafeSysctls: readonly string[];
  node: Node | undefined;
}

/** Namespaced and without effect on others: upstream's list. */
const SAFE_SYSCTLS: ReadonlySet<string> = new Set([
  'kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range', 'net.ipv4.tcp_syncookies', 'net.ipv4.ping_group_range', 'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports', 'net.ipv4.tcp_keepalive_time', 'net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl', 'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem',
]);

/** Undefined: admitted. */
export function refusal(pod: Pod, facts: AdmissionFacts): PodFailure | undefined {
  return pressureRefusal(pod, facts) ?? sysctlRefusal(pod, facts) ?? resourceRefusal(pod, facts) ?? selectorRefusal(pod, facts) ?? portRefusal(pod, facts);
}

function pressureRefusal(pod: Pod, { pressures }: AdmissionFacts): PodFailure | undefined {
  const critical = (pod.spec?.priority ?? 0) >= 2_000_000_000;
  if (pressures.size === 0 || critical) return undefined;
  if (pressures.size === 1 && pressures.has('MemoryPressure') && podQos(pod) !== 'BestEffort') return undefined;
  return { reason: 'Evicted', message: `The node had condition: [${[...pressures].join(' ')}]. ` };
}

function sysctlRefusal(pod: Pod, { allowedUnsafeSysctls }: AdmissionFacts): PodFailure | undefined {
  for (const { name } of pod.spec?.securityContext?.sysctls ?? []) {
    const dotted = name.replaceAll('/', '.');
    const allowed = SAFE_SYSCTLS.has(dotted) || allowedUnsafeSysctls.some((pattern) => (pattern.endsWith('*') ? dotted.startsWith(pattern.slice(0, -1)) : dotted === pattern));
    if (!allowed) return { reason: 'SysctlForbidden', message: `forbidden sysctl: "${name}" not allowlisted` };
  }
  return undefined;
}

export function resourceRefusal(pod: Pod, { allocatable, others }: Pick<AdmissionFacts, 'allocatable' | 'others'>): PodFailure | undefined {
  const refuse = (name: string, requested: number, used: number, capacity: number): PodFailure =>
    ({ reason: `OutOf${name}`, message: `Node didn't have enough resource: ${name}, requested: ${requested}, used: ${used}, capacity: ${capacity}` });
  const podsMax = bytes(allocatable['pods']);
  if (others.length + 1 > podsMax) return refuse('pods', 1, others.length, podsMax);
  const requests = podAmounts(pod).requests;
  for (const [name, quantity] of Object.entries(requests)) {
    // The cluster's, not this node's: told of it by others, or not yet.
    if (isExtended(name) && allocatable[name] === undefined) continue;
    const amount = name === 'cpu' ? milliCpu : bytes;
    const requested = amount(quantity);
    if (requested === 0) continue;
    const used = others.reduce((sum, other) => sum + amount(podAmounts(other).requests[name]), 0);
    const capacity = amount(allocatable[name]);
    if (used + requested > capacity) return refuse(name, requested, used, capacity);
  }
  return undefined;
}

/** Of a vendor: `example.com/gpu`. */
function isExtended(name: string): boolean {
  return name.includes('/') && !name.split('/')[0]!.endsWith('kubernetes.io');
}

function selectorRefusal(pod: Pod, { node }: AdmissionFacts): PodFailure | undefined {
  return node !== undefined && !podMatchesNode(pod, node) ? { reason: 'NodeAffinity', message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector" } : undefined;
}

function portRefusal(pod: Pod, { others }: AdmissionFacts): PodFailure | undefined {
  const taken = others.flatMap(hostPorts);
  const clash = hostPorts(pod).some((port) => taken.some((other) => other.port === port.port && other.protocol === port.protocol && (other.ip === port.ip || anyAddress(other.ip) || anyAddress(port.ip))));
  return clash ? { reason: 'NodePorts', message: "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports" } : undefined;
}

function hostPorts(pod: Pod): { port: number; protocol: string; ip: string }[] {
  return (pod.spec?.containers ?? []).flatMap((container) => (container.ports ?? []).filter((port) => (port.hostPort ?? 0) > 0)
    .map((port) => ({ port: port.hostPort!, protocol: port.protocol ?? 'TCP', ip: port.hostIP ?? '' })));
}

function anyAddress(ip: string): boolean {
  return ip === '' || ip === '0.0.0.0' || ip === '::';
}
