/** From Endpoints that someone else keeps to the slices that mirror them. Pure. */
import type { EndpointAddress, Endpoints } from '#api/generated/core/v1';
import type { Endpoint, EndpointPort, EndpointSlice } from '#api/generated/discovery/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { parseIp } from '#machinery/ip';
import { controllerReference } from '#semantics/owner-reference';
import { isIPv6, TRIGGER_TIME_ANNOTATION } from '#semantics/service-endpoints';

export const SERVICE_LABEL = 'kubernetes.io/service-name';
export const MANAGED_BY_LABEL = 'endpointslice.kubernetes.io/managed-by';
export const MANAGER = 'endpointslicemirroring-controller.k8s.io';
const NOT_COPIED = new Set([TRIGGER_TIME_ANNOTATION, 'kubectl.kubernetes.io/last-applied-configuration']);
/** Addresses of one subset that are mirrored. */
export const ADDRESSES_PER_SUBSET_MAX = 1000;

export interface MirrorPlan {
  readonly create: EndpointSlice[];
  readonly update: EndpointSlice[];
  readonly delete: EndpointSlice[];
  readonly invalidAddresses: number;
  readonly skippedAddresses: number;
}

interface Group { readonly type: string; readonly ports: EndpointPort[]; readonly endpoints: Map<string, Endpoint> }

export function planMirror(endpoints: Endpoints, existing: readonly EndpointSlice[]): MirrorPlan {
  const plan = { create: [] as EndpointSlice[], update: [] as EndpointSlice[], delete: [] as EndpointSlice[], invalidAddresses: 0, skippedAddresses: 0 };
  const groups = new Map<string, Group>();
  for (const subset of endpoints.subsets ?? []) {
    const ports = (subset.ports ?? []).map((port) => ({ name: port.name ?? '', port: port.port, protocol: port.protocol ?? 'TCP', ...(port.appProtocol !== undefined && { appProtocol: port.appProtocol }) }));
    let added = 0;
    const add = (address: EndpointAddress, ready: boolean): void => {
      if (added >= ADDRESSES_PER_SUBSET_MAX) { plan.skippedAddresses++; return; }
      if (parseIp(address.ip) === undefined) { plan.invalidAddresses++; return; }
      added++;
      const type = isIPv6(address.ip) ? 'IPv6' : 'IPv4';
      const key = groupKey(type, ports);
      let group = groups.get(key);
      if (group === undefined) groups.set(key, group = { type, ports, endpoints: new Map() });
      const endpoint = endpointOf(address, ready);
      group.endpoints.set(endpointKey(endpoint), endpoint);
    };
    for (const address of subset.addresses ?? []) add(address, true);
    for (const address of subset.notReadyAddresses ?? []) add(address, false);
  }
  const byKey = groupSlices(existing);
  for (const [key, group] of groups) planGroup(endpoints, group, byKey.get(key) ?? [], plan);
  for (const [key, slices] of byKey) if (!groups.has(key)) plan.delete.push(...slices);
  recycle(plan);
  return plan;
}

function groupSlices(slices: readonly EndpointSlice[]): Map<string, EndpointSlice[]> {
  const groups = new Map<string, EndpointSlice[]>();
  for (const slice of slices) {
    const key = groupKey(slice.addressType, slice.ports ?? []);
    groups.set(key, [...(groups.get(key) ?? []), slice]);
  }
  return groups;
}

function groupKey(type: string, ports: readonly EndpointPort[]): string {
  return `${type}|${ports.map((port) => JSON.stringify([port.name ?? '', port.port, port.protocol ?? 'TCP', port.appProtocol])).sort().join()}`;
}

function endpointOf(address: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [address.ip], conditions: { ready }, ...(address.targetRef !== undefined && { targetRef: address.targetRef }),
    ...(address.nodeName !== undefined && { nodeName: address.nodeName }), ...(address.hostname && { hostname: address.hostname }),
  };
}

function endpointKey(endpoint: Endpoint): string {
  return JSON.stringify([endpoint.addresses, endpoint.hostname, endpoint.targetRef?.namespace, endpoint.targetRef?.name]);
}

function planGroup(endpoints: Endpoints, group: Group, existing: readonly EndpointSlice[], plan: Pick<MirrorPlan, 'create' | 'update' | 'delete'>): void {
  const [first, ...surplus] = existing;
  plan.delete.push(...surplus);
  const slice = mirrorSlice(endpoints, group, first?.metadata.name);
  if (first === undefined) { plan.create.push(slice); return; }
  const old = new Map((first.endpoints ?? []).map((endpoint) => [endpointKey(endpoint), endpoint]));
  const sameEndpoints = old.size === group.endpoints.size && [...group.endpoints].every(([key, endpoint]) => semanticEqual(old.get(key), endpoint));
  if (sameEndpoints && semanticEqual(first.metadata.labels, slice.metadata.labels) && semanticEqual(first.metadata.annotations, slice.metadata.annotations)) return;
  plan.update.push(slice);
}

function mirrorSlice(endpoints: Endpoints, group: Group, name: string | undefined): EndpointSlice {
  const annotations = Object.fromEntries(Object.entries(endpoints.metadata.annotations ?? {}).filter(([key]) => !NOT_COPIED.has(key)));
  return {
    metadata: {
      ...(name === undefined ? { generateName: `${endpoints.metadata.name}-` } : { name }), namespace: endpoints.metadata.namespace!, annotations,
      labels: { ...endpoints.metadata.labels, [SERVICE_LABEL]: endpoints.metadata.name!, [MANAGED_BY_LABEL]: MANAGER },
      ownerReferences: [controllerReference(endpoints, { group: '', version: 'v1', kind: 'Endpoints' })],
    },
    addressType: group.type, ports: group.ports, endpoints: [...group.endpoints.values()],
  };
}

/** A slice to delete becomes one to create. */
function recycle(plan: Pick<MirrorPlan, 'create' | 'update' | 'delete'>): void {
  for (const slice of [...plan.create]) {
    const at = plan.delete.findIndex((old) => old.addressType === slice.addressType);
    if (at < 0) continue;
    const [old] = plan.delete.splice(at, 1);
    plan.create.splice(plan.create.indexOf(slice), 1);
    plan.update.push({ ...slice, metadata: { ...slice.metadata, name: old!.metadata.name! } });
  }
}
