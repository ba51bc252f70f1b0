/**
 * Cluster IPs and IP families of services before addresses are allocated: what follows from what, and what cannot be.
 *
 * Pure. Allocation itself (addresses, node ports) is the caller's: first `normalizeClusterIps` (and on update `keepAllocated`
 * before it), then `fillIpFamilies`, then addresses for families without one.
 */
import type { Service, ServicePort } from '#api/generated/core/v1';
import { parseIp } from '#machinery/ip';
import { Faults } from '../../rules/faults.ts';
import type { FieldError } from '#machinery/field-error';
import { checkClusterIpFields } from './cluster-ips.ts';

export type IpFamily = 'IPv4' | 'IPv6';

export function needsClusterIp(service: Service): boolean {
  return service.spec?.type !== 'ExternalName';
}

export function needsNodePorts(service: Service): boolean {
  return service.spec?.type === 'NodePort' || service.spec?.type === 'LoadBalancer';
}

/** A load balancer that sends traffic only to nodes with pods asks each node whether it has one. */
export function needsHealthCheckPort(service: Service): boolean {
  return service.spec?.type === 'LoadBalancer' && service.spec.externalTrafficPolicy === 'Local';
}

export function isHeadless(service: Service): boolean {
  const ips = service.spec?.clusterIPs ?? [];
  return ips.length === 1 && ips[0] === 'None';
}

export function isExternallyAccessible(service: Service): boolean {
  const { type, externalIPs } = service.spec ?? {};
  return type === 'LoadBalancer' || type === 'NodePort' || (type === 'ClusterIP' && (externalIPs ?? []).length > 0);
}

export function sameList(a: readonly unknown[] | undefined, b: readonly unknown[] | undefined): boolean {
  return (a ?? []).length === (b ?? []).length && (a ?? []).every((item, index) => item === b![index]);
}

export function sameClusterIps(a: Service, b: Service): boolean {
  return (a.spec?.clusterIP ?? '') === (b.spec?.clusterIP ?? '') && sameList(a.spec?.clusterIPs, b.spec?.clusterIPs);
}

export function familyOf(ip: string): IpFamily {
  return parseIp(ip)?.bytes.length === 16 && !parseIp(ip)!.mapped ? 'IPv6' : 'IPv4';
}

/** Old clients know `clusterIP` only: the list follows it. */
export function normalizeClusterIps(service: Service, old: Service | undefined): void {
  const spec = service.spec!;
  const ips = spec.clusterIPs ?? [];
  if (!old) {
    if (spec.clusterIP && ips.length === 0) spec.clusterIPs = [spec.clusterIP];
    return;
  }
  const before = old.spec!;
  const same = (before.clusterIP ?? '') === (spec.clusterIP ?? '');
  if (same) {
    if ((before.clusterIPs ?? []).length > 0 && ips.length === 0) spec.clusterIPs = [...before.clusterIPs!];
  } else if (sameList(before.clusterIPs, spec.clusterIPs)) {
    if (before.clusterIP && !spec.clusterIP) delete spec.clusterIPs;
    else spec.clusterIPs = [spec.clusterIP!];
  }
}

/** What an update leaves out of what was allocated stays as it is. */
export function keepAllocated(service: Service, old: Service): void {
  const spec = service.spec!;
  const before = old.spec!;
  if (needsClusterIp(old) && needsClusterIp(service)) {
    if (!spec.clusterIP && before.clusterIP) spec.clusterIP = before.clusterIP;
    if (!spec.clusterIPs?.length && before.clusterIPs?.length) spec.clusterIPs = [...before.clusterIPs];
  }
  if (getsNodePorts(old) && getsNodePorts(service)) keepNodePorts(spec.ports ?? [], before.ports ?? []);
  if (needsHealthCheckPort(old) && needsHealthCheckPort(service) && !spec.healthCheckNodePort && before.healthCheckNodePort) {
    spec.healthCheckNodePort = before.healthCheckNodePort;
  }
}

/** A load balancer may do without. */
function getsNodePorts(service: Service): boolean {
  return needsNodePorts(service) && (service.spec!.type === 'NodePort' || service.spec!.allocateLoadBalancerNodePorts !== false);
}

function keepNodePorts(ports: ServicePort[], before: readonly ServicePort[]): void {
  const oldPorts = new Set(before.map((port) => port.nodePort).filter(Boolean));
  const inBoth = new Set(ports.map((port) => port.nodePort).filter((port) => port && oldPorts.has(port)));
  for (const port of ports) {
    if (port.nodePort) continue;
    const nodePort = before.findLast((old) => (old.name ?? '') === (port.name ?? ''))?.nodePort;
    if (nodePort && !inBoth.has(nodePort)) port.nodePort = nodePort;
  }
}

/** PreferDualStack with unchanged addresses: nothing is to be decided again. */
function isUnchangedPreferDualStack(service: Service, old: Service | undefined): boolean {
  if (!old) return false;
  const spec = service.spec!;
  const before = old.spec!;
  if (spec.type !== before.type || spec.ipFamilyPolicy !== 'PreferDualStack' || before.ipFamilyPolicy !== 'PreferDualStack') return false;
  return (spec.clusterIPs ?? []).length > 0 && (spec.ipFamilies ?? []).length > 0
    && sameList(spec.clusterIPs, before.clusterIPs) && sameList(spec.ipFamilies, before.ipFamilies);
}

/**
 * Fills `ipFamilyPolicy` and `ipFamilies`, and shortens the lists when a service gives its second family back.
 * @param families those that the cluster allocates, its primary one first.
 * @returns faults; with any, nothing may be allocated.
 */
export function fillIpFamilies(service: Service, old: Service | undefined, families: readonly IpFamily[]): FieldError[] {
  if (!needsClusterIp(service) || isUnchangedPreferDualStack(service, old)) return [];
  const spec = service.spec!;
  const selectorless = Object.keys(spec.selector ?? {}).length === 0;
  spec.ipFamilyPolicy ??= old?.spec?.ipFamilyPolicy ?? (spec.clusterIP === 'None' && selectorless ? 'RequireDualStack' : 'SingleStack');
  const faults = new Faults();
  checkClusterIpFields(service, old, faults);
  if (faults.count > 0) return faults.errors;
  if (old) shrink(service, old, faults);
  if (spec.ipFamilyPolicy === 'SingleStack') checkSingle(service, faults);
  for (const [index, ip] of (spec.clusterIPs ?? []).entries()) {
    if (ip === 'None') break;
    if (index < (spec.ipFamilies ?? []).length) continue;
    const family = familyOf(ip);
    if (families.includes(family)) spec.ipFamilies = [...(spec.ipFamilies ?? []), family];
    else faults.invalid(`spec.clusterIPs[${index}]`, spec.clusterIPs, `${family} is not configured on this cluster`);
  }
  if (faults.count > 0) return faults.errors;
  if (spec.clusterIP === 'None' && selectorless) {
    // Nothing is allocated, so that the other family need not be configured.
    spec.ipFamilies = spec.ipFamilies?.length ? spec.ipFamilies : [families[0]!];
    if (spec.ipFamilies.length < 2 && spec.ipFamilyPolicy !== 'SingleStack') spec.ipFamilies.push(otherFamily(spec.ipFamilies[0]!));
    return [];
  }
  if (spec.ipFamilyPolicy === 'RequireDualStack' && families.length < 2) {
    faults.invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy, 'this cluster is not configured for dual-stack services');
  }
  for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
    if (!families.includes(family as IpFamily)) faults.invalid(`spec.ipFamilies[${index}]`, family, 'not configured on this cluster');
  }
  if (faults.count > 0) return faults.errors;
  spec.ipFamilies = spec.ipFamilies?.length ? spec.ipFamilies : [families[0]!];
  if (spec.ipFamilyPolicy !== 'SingleStack' && spec.ipFamilies.length === 1 && families.length === 2) spec.ipFamilies.push(otherFamily(spec.ipFamilies[0]!));
  return [];
}

function otherFamily(family: string): IpFamily {
  return family === 'IPv4' ? 'IPv6' : 'IPv4';
}

function shrink(service: Service, old: Service, faults: Faults): void {
  const spec = service.spec!;
  const before = old.spec!;
  const lost = (now: readonly string[] | undefined, was: readonly string[] | undefined): boolean =>
    (now ?? []).length === 1 && (was ?? []).length === 2 && now![0] === was![0];
  if (spec.ipFamilyPolicy === 'SingleStack') {
    if (sameClusterIps(old, service) && (spec.clusterIPs ?? []).length > 1) spec.clusterIPs = spec.clusterIPs!.slice(0, 1);
    if (sameList(before.ipFamilies, spec.ipFamilies) && (spec.ipFamilies ?? []).length > 1) spec.ipFamilies = spec.ipFamilies!.slice(0, 1);
    return;
  }
  if (lost(spec.clusterIPs, before.clusterIPs)) {
    faults.invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy, "must be 'SingleStack' to release the secondary cluster IP");
  }
  if (lost(spec.ipFamilies, before.ipFamilies)) {
    faults.invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy, "must be 'SingleStack' to release the secondary IP family");
  }
}

function checkSingle(service: Service, faults: Faults): void {
  for (const [list, what] of [['clusterIPs', 'cluster IPs'], ['ipFamilies', 'IP families']] as const) {
    if (service.spec![list]?.length === 2) {
      faults.invalid('spec.ipFamilyPolicy', service.spec!.ipFamilyPolicy, `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`);
    }
  }
}
