/**
 * The subsets of the old Endpoints: addresses grouped so that each is named once for each set of ports. Pure.
 *
 *     10.0.0.1 → 80, 443 · 10.0.0.2 → 80, 443 · 10.0.0.3 → 80   gives   {1, 2: 80, 443} {3: 80}
 */
import type { EndpointAddress, EndpointPort, EndpointSubset, Pod, Service } from '#api/generated/core/v1';
import { isPodReady } from '#semantics/pod-state';
import { hasClusterIp, hasOwnName, isIPv6, mayServe, targetPort } from '#semantics/service-endpoints';

/** More addresses than this are left out, as the object would grow too large. */
export const ADDRESSES_MAX = 1000;

interface Entry { readonly address: EndpointAddress; ready: boolean; readonly ports: Map<string, EndpointPort> }

export function subsetsOf(service: Service, pods: readonly Pod[]): EndpointSubset[] {
  const publishAll = service.spec?.publishNotReadyAddresses === true;
  const subsets: EndpointSubset[] = [];
  for (const pod of pods) {
    if (!mayServe(pod, publishAll)) continue;
    const address = addressOf(service, pod);
    if (address === undefined) continue;
    const ready = publishAll || isPodReady(pod);
    const add = (ports: EndpointPort[]): void => { subsets.push(ready ? { addresses: [address], ports } : { notReadyAddresses: [address], ports }); };
    const wanted = service.spec?.ports ?? [];
    if (wanted.length === 0) {
      if (service.spec?.clusterIP === 'None') add([]);
      continue;
    }
    for (const port of wanted) {
      const number = targetPort(pod, port);
      if (number !== undefined) add([{ ...(port.name && { name: port.name }), port: number, protocol: port.protocol ?? 'TCP', ...(port.appProtocol !== undefined && { appProtocol: port.appProtocol }) }]);
    }
  }
  return repack(subsets);
}

/** Of the service's own family; the first of the pod's that is. */
function addressOf(service: Service, pod: Pod): EndpointAddress | undefined {
  const family = service.spec?.ipFamilies?.[0] ?? (hasClusterIp(service) ? (isIPv6(service.spec!.clusterIP!) ? 'IPv6' : 'IPv4') : undefined);
  const ips = pod.status?.podIPs?.map(({ ip }) => ip) ?? [pod.status!.podIP!];
  const ip = family === undefined ? ips[0] : ips.find((candidate) => isIPv6(candidate) === (family === 'IPv6'));
  if (ip === undefined) return undefined;
  return {
    ip, ...(pod.spec?.nodeName && { nodeName: pod.spec.nodeName }), ...(hasOwnName(pod, service) && { hostname: pod.spec!.hostname! }),
    targetRef: { kind: 'Pod', namespace: pod.metadata.namespace!, name: pod.metadata.name!, uid: pod.metadata.uid! },
  };
}

export function repack(subsets: readonly EndpointSubset[]): EndpointSubset[] {
  const entries = new Map<string, Entry>();
  const note = (address: EndpointAddress, ready: boolean, ports: readonly EndpointPort[]): void => {
    const key = `${address.ip}|${address.targetRef?.uid ?? ''}`;
    let entry = entries.get(key);
    if (entry === undefined) entries.set(key, entry = { address, ready, ports: new Map() });
    entry.ready ||= ready;
    for (const port of ports) entry.ports.set(JSON.stringify([port.name, port.port, port.protocol, port.appProtocol]), port);
  };
  for (const subset of subsets) {
    for (const address of subset.addresses ?? []) note(address, true, subset.ports ?? []);
    for (const address of subset.notReadyAddresses ?? []) note(address, false, subset.ports ?? []);
  }
  const groups = new Map<string, { ports: EndpointPort[]; ready: EndpointAddress[]; notReady: EndpointAddress[] }>();
  for (const { address, ready, ports } of entries.values()) {
    const keys = [...ports.keys()].sort();
    let group = groups.get(keys.join());
    if (group === undefined) groups.set(keys.join(), group = { ports: keys.map((key) => ports.get(key)!), ready: [], notReady: [] });
    (ready ? group.ready : group.notReady).push(address);
  }
  const byAddress = (a: EndpointAddress, b: EndpointAddress): number => (a.ip === b.ip ? ((a.targetRef?.uid ?? '') < (b.targetRef?.uid ?? '') ? -1 : 1) : a.ip < b.ip ? -1 : 1);
  return [...groups.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, { ports, ready, notReady }]) => ({
    ...(ready.length > 0 && { addresses: ready.sort(byAddress) }), ...(notReady.length > 0 && { notReadyAddresses: notReady.sort(byAddress) }), ...(ports.length > 0 && { ports }),
  }));
}

/** Ready ones stay before others, each subset in proportion. @returns whether anything was left out. */
export function truncate(subsets: EndpointSubset[]): boolean {
  const count = (key: 'addresses' | 'notReadyAddresses'): number => subsets.reduce((sum, subset) => sum + (subset[key]?.length ?? 0), 0);
  const ready = count('addresses');
  const notReady = count('notReadyAddresses');
  if (ready + notReady <= ADDRESSES_MAX) return false;
  const cutReady = ready > ADDRESSES_MAX;
  const room = cutReady ? ADDRESSES_MAX : ADDRESSES_MAX - ready;
  const total = cutReady ? ready : notReady;
  const key = cutReady ? 'addresses' : 'notReadyAddresses';
  let left = room;
  for (const subset of subsets) {
    const own = subset[key] ?? [];
    const share = Math.min(left, Math.ceil((own.length / total) * room));
    subset[key] = own.slice(0, share);
    left -= Math.min(own.length, share);
    if (cutReady) delete subset.notReadyAddresses;
  }
  return true;
}
