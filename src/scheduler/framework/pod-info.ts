/** A pod with what the scheduler asks of it again and again, worked out once. */
import type { ContainerPort, Pod, PodAffinityTerm, WeightedPodAffinityTerm } from '#api/generated/core/v1';
import { labelSelectorOf, labelsMatch, type LabelRequirements } from '#machinery/selector/label-selector';
import { quantityMilliValue, quantityValue } from '#machinery/quantity';
import { podRequests } from '#semantics/pod-resources';

/** Amounts as plain numbers: cpu in millicores, the rest in units. */
export interface Amounts { milliCpu: number; memory: number; ephemeralStorage: number; readonly scalar: Map<string, number> }

export function noAmounts(): Amounts { return { milliCpu: 0, memory: 0, ephemeralStorage: 0, scalar: new Map() }; }

export function addAmounts(sum: Amounts, part: Amounts, sign: 1 | -1): void {
  sum.milliCpu += sign * part.milliCpu;
  sum.memory += sign * part.memory;
  sum.ephemeralStorage += sign * part.ephemeralStorage;
  for (const [name, value] of part.scalar) sum.scalar.set(name, (sum.scalar.get(name) ?? 0) + sign * value);
}

export interface HostPort { readonly ip: string; readonly protocol: string; readonly port: number }

export interface AffinityTerm {
  readonly namespaces: ReadonlySet<string>;
  /** Undefined: only the namespaces listed; otherwise also those whose labels match. */
  readonly namespaceSelector: LabelRequirements | undefined;
  readonly selector: LabelRequirements | undefined;
  readonly topologyKey: string;
  readonly weight: number;
}

export interface PodInfo {
  readonly pod: Pod;
  readonly key: string;
  readonly uid: string;
  readonly requests: Amounts;
  /** As `requests`, with upstream's assumed minimum for scoring where a container asks for none. */
  readonly scoringRequests: Amounts;
  readonly hostPorts: readonly HostPort[];
  readonly requiredAffinity: readonly AffinityTerm[];
  readonly requiredAntiAffinity: readonly AffinityTerm[];
  readonly preferredAffinity: readonly AffinityTerm[];
  readonly preferredAntiAffinity: readonly AffinityTerm[];
  readonly priority: number;
}

/** What a container without requests is taken to use when nodes are scored. */
const DEFAULT_MILLI_CPU = 100;
const DEFAULT_MEMORY_BYTES = 200 * 1024 * 1024;

export function podKey(pod: Pod): string { return `${pod.metadata.namespace}/${pod.metadata.name}`; }

export function podInfo(pod: Pod): PodInfo {
  const affinity = pod.spec?.affinity?.podAffinity;
  const anti = pod.spec?.affinity?.podAntiAffinity;
  const requests = amountsOf(pod);
  return {
    pod, key: podKey(pod), uid: pod.metadata.uid ?? '', requests, scoringRequests: scoringAmounts(pod, requests), hostPorts: hostPorts(pod),
    requiredAffinity: (affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => affinityTerm(pod, term, 0)),
    requiredAntiAffinity: (anti?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => affinityTerm(pod, term, 0)),
    preferredAffinity: (affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => weightedTerm(pod, term)),
    preferredAntiAffinity: (anti?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => weightedTerm(pod, term)),
    priority: pod.spec?.priority ?? 0,
  };
}

function amountsOf(pod: Pod): Amounts {
  const amounts = noAmounts();
  for (const [name, quantity] of Object.entries(podRequests(pod))) {
    if (name === 'cpu') amounts.milliCpu = quantityMilliValue(quantity);
    else if (name === 'memory') amounts.memory = quantityValue(quantity);
    else if (name === 'ephemeral-storage') amounts.ephemeralStorage = quantityValue(quantity);
    else amounts.scalar.set(name, quantityValue(quantity));
  }
  return amounts;
}

function scoringAmounts(pod: Pod, requests: Amounts): Amounts {
  const containers = pod.spec?.containers ?? [];
  const without = (resource: string): number => containers.filter((container) => container.resources?.requests?.[resource] === undefined && pod.spec?.resources?.requests?.[resource] === undefined).length;
  return { ...requests, milliCpu: requests.milliCpu + without('cpu') * DEFAULT_MILLI_CPU, memory: requests.memory + without('memory') * DEFAULT_MEMORY_BYTES };
}

function hostPorts(pod: Pod): HostPort[] {
  const sidecars = (pod.spec?.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  const ports: ContainerPort[] = [...pod.spec?.containers ?? [], ...sidecars].flatMap((container) => container.ports ?? []);
  return ports.filter((port) => (port.hostPort ?? 0) > 0).map((port) => ({ ip: port.hostIP || '0.0.0.0', protocol: port.protocol ?? 'TCP', port: port.hostPort! }));
}

function weightedTerm(pod: Pod, { podAffinityTerm, weight }: WeightedPodAffinityTerm): AffinityTerm {
  return affinityTerm(pod, podAffinityTerm, weight);
}

function affinityTerm(pod: Pod, term: PodAffinityTerm, weight: number): AffinityTerm {
  const explicit = term.namespaces ?? [];
  const namespaces = explicit.length === 0 && term.namespaceSelector == null ? [pod.metadata.namespace ?? ''] : explicit;
  return {
    namespaces: new Set(namespaces), namespaceSelector: labelSelectorOf(term.namespaceSelector),
    selector: labelSelectorOf(term.labelSelector), topologyKey: term.topologyKey, weight,
  };
}

export function termCovers(term: AffinityTerm, pod: Pod, namespaceLabels: (namespace: string) => Readonly<Record<string, string>> | undefined): boolean {
  const namespace = pod.metadata.namespace ?? '';
  const inNamespace = term.namespaces.has(namespace) || (term.namespaceSelector !== undefined && labelsMatch(term.namespaceSelector, namespaceLabels(namespace)));
  return inNamespace && term.selector !== undefined && labelsMatch(term.selector, pod.metadata.labels);
}
