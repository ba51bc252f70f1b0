/**
 * From the pods of a service and its present slices to the slices to create, update and delete. Pure.
 *
 * As few writes as can be: a slice that loses endpoints is refilled; the rest goes into the unchanged slice that it fills
 * best, or into new ones; a slice that would be deleted is reused for one that would be created. Slices are not merged:
 * half-empty ones are cheaper than moving endpoints.
 *
 * Worked example: at most 100 a slice; slices of 100 and 40, then 70 pods more. 60 do not fit in one write with the 40:
 * a new slice of 70 is made, nothing is moved.
 */
import type { Node, Pod, Service } from '#api/generated/core/v1';
import type { Endpoint, EndpointPort, EndpointSlice } from '#api/generated/discovery/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { controllerReference } from '#semantics/owner-reference';
import { isPodReady } from '#semantics/pod-state';
import { hasClusterIp, hasOwnName, HEADLESS_LABEL, isIPv6, mayServe, targetPort } from '#semantics/service-endpoints';

export const SERVICE_LABEL = 'kubernetes.io/service-name';
export const MANAGED_BY_LABEL = 'endpointslice.kubernetes.io/managed-by';
export const MANAGER = 'endpointslice-controller.k8s.io';
const RESERVED = new Set([SERVICE_LABEL, MANAGED_BY_LABEL, HEADLESS_LABEL]);

export interface SlicePlan { readonly create: EndpointSlice[]; readonly update: EndpointSlice[]; readonly delete: EndpointSlice[] }

export interface SliceInput {
  readonly service: Service;
  readonly pods: readonly Pod[];
  nodeOf(pod: Pod): Node | undefined;
  /** Managed by this controller. */
  readonly existing: readonly EndpointSlice[];
  readonly maxPerSlice: number;
}

export interface SliceOutput extends SlicePlan {
  /** Pods left out because their node is not known (yet). */
  readonly skipped: string[];
}

export function planSlices(input: SliceInput): SliceOutput {
  const plan: SliceOutput = { create: [], update: [], delete: [], skipped: [] };
  const types = addressTypes(input.service);
  plan.delete.push(...input.existing.filter((slice) => !types.includes(slice.addressType)));
  for (const type of types) planAddressType(input, type, plan);
  reuseDeleted(plan, input.service);
  return plan;
}

function addressTypes(service: Service): string[] {
  if ((service.spec?.ipFamilies ?? []).length > 0) return [...service.spec!.ipFamilies!];
  if (hasClusterIp(service)) return [isIPv6(service.spec!.clusterIP!) ? 'IPv6' : 'IPv4'];
  return ['IPv4', 'IPv6'];
}

function ownedBy(slice: EndpointSlice, service: Service): boolean {
  return slice.metadata.ownerReferences?.some((owner) => owner.uid === service.metadata.uid && owner.kind === 'Service' && owner.apiVersion === 'v1') === true;
}

interface PortGroup { readonly ports: EndpointPort[]; readonly endpoints: Map<string, Endpoint> }

function planAddressType(input: SliceInput, type: string, plan: SliceOutput): void {
  const existing = input.existing.filter((slice) => slice.addressType === type);
  const kept = new Map<string, EndpointSlice[]>();
  const gone = existing.filter((slice) => !ownedBy(slice, input.service));
  for (const slice of existing) {
    if (!ownedBy(slice, input.service)) continue;
    const key = portKey(slice.ports);
    kept.set(key, [...(kept.get(key) ?? []), slice]);
  }
  const groups = wantedGroups(input, type, plan.skipped);
  const inner: SlicePlan = { create: [], update: [], delete: gone };
  for (const [key, group] of groups) planGroup(input, type, kept.get(key) ?? [], group, inner);
  for (const [key, slices] of kept) if (!groups.has(key)) inner.delete.push(...slices);
  if (inner.delete.length === existing.length && inner.create.length === 0) keepPlaceholder(input, type, inner);
  applyHints(input.service, existing, inner);
  plan.create.push(...inner.create);
  plan.update.push(...inner.update);
  plan.delete.push(...inner.delete);
}

/** A service without endpoints keeps one empty slice, so that consumers see it is known. */
function keepPlaceholder(input: SliceInput, type: string, plan: SlicePlan): void {
  const placeholder = newSlice(input.service, type, []);
  const only = plan.delete[0];
  if (plan.delete.length === 1 && ownedBy(only!, input.service) && (only!.endpoints ?? []).length === 0 && (only!.ports ?? []).length === 0
    && semanticEqual(only!.metadata.labels, placeholder.metadata.labels)) {
    plan.delete.pop();
    return;
  }
  plan.create.push(placeholder);
}

function wantedGroups(input: SliceInput, type: string, skipped: string[]): Map<string, PortGroup> {
  const groups = new Map<string, PortGroup>();
  for (const pod of input.pods) {
    if (!mayServe(pod, true)) continue;
    const ports = portsOf(input.service, pod);
    const key = portKey(ports);
    let group = groups.get(key);
    if (group === undefined) groups.set(key, group = { ports, endpoints: new Map() });
    const node = input.nodeOf(pod);
    if (node === undefined && input.service.spec?.publishNotReadyAddresses !== true) {
      if (!skipped.includes(pod.metadata.name!)) skipped.push(pod.metadata.name!);
      continue;
    }
    const endpoint = endpointOf(pod, node, input.service, type);
    if (endpoint.addresses.length > 0) group.endpoints.set(endpointKey(endpoint), endpoint);
  }
  return groups;
}

function endpointOf(pod: Pod, node: Node | undefined, service: Service, type: string): Endpoint {
  const serving = isPodReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const addresses = (pod.status?.podIPs ?? (pod.status?.podIP ? [{ ip: pod.status.podIP }] : [])).map(({ ip }) => ip).filter((ip) => isIPv6(ip) === (type === 'IPv6'));
  const zone = node?.metadata.labels?.['topology.kubernetes.io/zone'];
  return {
    addresses,
    conditions: { ready: service.spec?.publishNotReadyAddresses === true || (serving && !terminating), serving, terminating },
    targetRef: { kind: 'Pod', namespace: pod.metadata.namespace!, name: pod.metadata.name!, uid: pod.metadata.uid! },
    ...(pod.spec?.nodeName && { nodeName: pod.spec.nodeName }), ...(zone && { zone }),
    ...(hasOwnName(pod, service) && { hostname: pod.spec!.hostname! }),
  };
}

function portsOf(service: Service, pod: Pod): EndpointPort[] {
  return (service.spec?.ports ?? []).flatMap((port) => {
    const number = targetPort(pod, port);
    if (number === undefined) return [];
    return [{ name: port.name ?? '', port: number, protocol: port.protocol ?? 'TCP', ...(port.appProtocol !== undefined && { appProtocol: port.appProtocol }) }];
  });
}

export function portKey(ports: readonly EndpointPort[] | undefined): string {
  return (ports ?? []).map((port) => JSON.stringify([port.name ?? '', port.port, port.protocol ?? 'TCP', port.appProtocol])).sort().join();
}

/** What makes it the same endpoint; the rest may change in place. */
export function endpointKey(endpoint: Endpoint): string {
  return JSON.stringify([[...endpoint.addresses].sort(), endpoint.hostname, endpoint.targetRef?.namespace, endpoint.targetRef?.name, endpoint.targetRef?.uid]);
}

export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  const text = ({ nodeName, zone, conditions, targetRef }: Endpoint): string =>
    JSON.stringify([nodeName, zone, conditions?.ready, conditions?.serving, conditions?.terminating, targetRef?.kind, targetRef?.namespace, targetRef?.name, targetRef?.uid]);
  return text(a) === text(b);
}

function planGroup(input: SliceInput, type: string, existing: readonly EndpointSlice[], group: PortGroup, plan: SlicePlan): void {
  const left = new Map(group.endpoints);
  const unchanged: EndpointSlice[] = [];
  const updated: EndpointSlice[] = [];
  for (const slice of existing) {
    const endpoints: Endpoint[] = [];
    let changed = false;
    for (const old of slice.endpoints ?? []) {
      const key = endpointKey(old);
      const wanted = left.get(key);
      if (wanted === undefined) { changed = true; continue; }
      left.delete(key);
      if (!sameEndpoint(old, wanted)) changed = true;
      endpoints.push({ ...wanted, ...(old.hints !== undefined && { hints: old.hints }) });
    }
    const labels = sliceLabels(input.service);
    const relabelled = !sameUserLabels(slice, input.service);
    if (changed && endpoints.length === 0) plan.delete.push(slice);
    else if (changed || relabelled) updated.push({ ...slice, metadata: { ...slice.metadata, labels }, endpoints });
    else unchanged.push(slice);
  }
  const waiting = [...left.values()];
  const fill = (slice: EndpointSlice): void => {
    while (waiting.length > 0 && (slice.endpoints ??= []).length < input.maxPerSlice) slice.endpoints.push(waiting.shift()!);
  };
  for (const slice of [...updated].sort((a, b) => b.endpoints!.length - a.endpoints!.length)) fill(slice);
  while (waiting.length > 0) {
    const best = waiting.length < input.maxPerSlice ? bestToFill(unchanged, waiting.length, input.maxPerSlice) : undefined;
    if (best !== undefined) {
      unchanged.splice(unchanged.indexOf(best), 1);
      const filled = { ...best, endpoints: [...(best.endpoints ?? [])] };
      fill(filled);
      updated.push(filled);
    } else {
      const slice = newSlice(input.service, type, group.ports);
      fill(slice);
      plan.create.push(slice);
    }
  }
  plan.update.push(...updated);
}

/** The slice that comes closest to full without overflowing. */
function bestToFill(slices: readonly EndpointSlice[], count: number, max: number): EndpointSlice | undefined {
  let best: EndpointSlice | undefined;
  let bestRoom = max;
  for (const slice of slices) {
    const room = max - count - (slice.endpoints ?? []).length;
    if (room >= 0 && room < bestRoom) { best = slice; bestRoom = room; }
  }
  return best;
}

function sliceLabels(service: Service): Record<string, string> {
  const labels = Object.fromEntries(Object.entries(service.metadata.labels ?? {}).filter(([key]) => !RESERVED.has(key)));
  return { ...labels, ...(!hasClusterIp(service) && { [HEADLESS_LABEL]: '' }), [SERVICE_LABEL]: service.metadata.name!, [MANAGED_BY_LABEL]: MANAGER };
}

function sameUserLabels(slice: EndpointSlice, service: Service): boolean {
  const own = (labels: Record<string, string> | undefined): Record<string, string> => Object.fromEntries(Object.entries(labels ?? {}).filter(([key]) => !RESERVED.has(key)));
  return semanticEqual(own(slice.metadata.labels), own(service.metadata.labels));
}

function newSlice(service: Service, type: string, ports: EndpointPort[]): EndpointSlice {
  return {
    metadata: {
      generateName: `${service.metadata.name}-`, namespace: service.metadata.namespace!, labels: sliceLabels(service),
      ownerReferences: [controllerReference(service, { group: '', version: 'v1', kind: 'Service' })],
    },
    addressType: type, ports, endpoints: [],
  };
}

function reuseDeleted(plan: SlicePlan, service: Service): void {
  for (const old of [...plan.delete]) {
    const at = plan.create.findIndex((slice) => slice.addressType === old.addressType);
    if (at < 0 || !ownedBy(old, service)) continue;
    const [slice] = plan.create.splice(at, 1);
    plan.delete.splice(plan.delete.indexOf(old), 1);
    plan.update.push({ ...slice!, metadata: { ...slice!.metadata, name: old.metadata.name! } });
  }
}

/** `trafficDistribution` of a service: each ready endpoint is meant for its own zone, or node. */
function applyHints(service: Service, existing: readonly EndpointSlice[], plan: SlicePlan): void {
  const wish = service.spec?.trafficDistribution;
  const close = wish === 'PreferClose' || wish === 'PreferSameZone' || wish === 'PreferSameNode';
  const touched = new Set([...plan.update, ...plan.delete].map((slice) => slice.metadata.name));
  const hinted = (slice: EndpointSlice): EndpointSlice => ({ ...slice, endpoints: (slice.endpoints ?? []).map((endpoint) => withHints(endpoint, close, wish === 'PreferSameNode')) });
  for (const slice of existing) {
    if (touched.has(slice.metadata.name)) continue;
    const wanted = hinted(slice);
    if (!semanticEqual(wanted.endpoints, slice.endpoints)) plan.update.push(wanted);
  }
  for (const list of [plan.create, plan.update]) list.splice(0, list.length, ...list.map(hinted));
}

function withHints(endpoint: Endpoint, close: boolean, node: boolean): Endpoint {
  const { hints, ...rest } = endpoint;
  if (!close) return rest;
  if (endpoint.conditions?.ready !== true) return hints === undefined ? rest : { ...rest, hints };
  const wanted = {
    ...(endpoint.zone !== undefined && { forZones: [{ name: endpoint.zone }] }),
    ...(node && endpoint.nodeName !== undefined && { forNodes: [{ name: endpoint.nodeName }] }),
  };
  return Object.keys(wanted).length === 0 ? rest : { ...rest, hints: wanted };
}
