/** Quota of pods: their number while they live, and the compute resources they ask for. */
import type { Affinity, Container, Pod, PodAffinityTerm } from '#api/generated/core/v1';
import { newQuantity, type Quantity } from '#machinery/quantity';
import { parseAmounts, podLimits, podRequests } from '../pod-resources.ts';
import { computePodQos } from '../qos.ts';
import type { Amounts } from './amounts.ts';
import type { QuotaEvaluator } from './quota-evaluator.ts';
import { scopeSelects } from './scope.ts';

const COUNT = 'count/pods';
const RESOURCES: ReadonlySet<string> = new Set([
  COUNT, 'cpu', 'memory', 'ephemeral-storage', 'requests.cpu', 'requests.memory', 'requests.ephemeral-storage',
  'limits.cpu', 'limits.memory', 'limits.ephemeral-storage', 'pods',
]);
/** A quota on one of these demands that each container names it. */
const DEMANDED: ReadonlySet<string> = new Set(['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']);

export const podEvaluator: QuotaEvaluator = {
  handles(operation, subresource, object, old) {
    if (subresource === 'resize') return operation === 'UPDATE';
    if (subresource !== '') return false;
    return operation === 'CREATE' || hasDeadline(object as Pod) !== hasDeadline(old as Pod);
  },
  matchingResources: (names) => names.filter((name) =>
    RESOURCES.has(name) || name.startsWith('hugepages-') || name.startsWith('requests.hugepages-') || isExtended(name)),
  matchesScope(selector, object) {
    const pod = object as Pod;
    switch (selector.scopeName) {
      case 'Terminating': return hasDeadline(pod);
      case 'NotTerminating': return !hasDeadline(pod);
      case 'BestEffort': return computePodQos(pod) === 'BestEffort';
      case 'NotBestEffort': return computePodQos(pod) !== 'BestEffort';
      case 'PriorityClass': return scopeSelects(selector, pod.spec?.priorityClassName);
      case 'CrossNamespacePodAffinity': return looksAcrossNamespaces(pod.spec?.affinity);
      default: return false;
    }
  },
  constraintFault(required, object) {
    const { spec } = object as Pod;
    if (Object.keys(spec?.resources?.requests ?? {}).length + Object.keys(spec?.resources?.limits ?? {}).length > 0) return undefined;
    const missing = new Map<string, Set<string>>();
    for (const container of [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]) {
      const named = computeUsage(parseAmounts(container.resources?.requests), parseAmounts(container.resources?.limits));
      for (const name of required.filter((each) => DEMANDED.has(each) && named[each] === undefined)) note(missing, name, container);
    }
    if (missing.size === 0) return undefined;
    return `must specify ${[...missing.keys()].sort().map((name) => `${name} for: ${[...missing.get(name)!].sort().join(',')}`).join('; ')}`;
  },
  usage(object, nowMs) {
    const pod = object as Pod;
    const counted = { [COUNT]: newQuantity(1) };
    return isCharged(pod, nowMs) ? { ...counted, ...computeUsage(podRequests(pod), podLimits(pod)) } : counted;
  },
};

function note(missing: Map<string, Set<string>>, name: string, container: Container): void {
  const known = missing.get(name);
  if (known === undefined) missing.set(name, new Set([container.name]));
  else known.add(container.name);
}

function hasDeadline(pod: Pod): boolean {
  return (pod.spec?.activeDeadlineSeconds ?? -1) >= 0;
}

/** Finished pods, and those long past their deletion, are not charged for. */
function isCharged({ status, metadata }: Pod, nowMs: number): boolean {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return false;
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return true;
  return nowMs <= Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

/** `requests.example.com/gpu`: extended resources are limited by their requests only. */
function isExtended(name: string): boolean {
  if (!name.startsWith('requests.')) return false;
  const isNative = !name.includes('/') || name.includes('kubernetes.io/');
  return !isNative || name.startsWith('requests.deviceclass.resource.kubernetes.io/');
}

function computeUsage(requests: Readonly<Record<string, Quantity>>, limits: Readonly<Record<string, Quantity>>): Amounts {
  const usage: Record<string, Quantity> = { pods: newQuantity(1) };
  for (const name of ['cpu', 'memory', 'ephemeral-storage']) {
    const request = requests[name];
    if (request !== undefined) { usage[name] = request; usage[`requests.${name}`] = request; }
    if (limits[name] !== undefined) usage[`limits.${name}`] = limits[name];
  }
  for (const [name, request] of Object.entries(requests)) {
    if (name.startsWith('hugepages-')) { usage[name] = request; usage[`requests.${name}`] = request; }
    else if (name.includes('/')) usage[`requests.${name}`] = request;
  }
  return usage;
}

function looksAcrossNamespaces(affinity: Affinity | undefined): boolean {
  const terms: (PodAffinityTerm | undefined)[] = [affinity?.podAffinity, affinity?.podAntiAffinity].flatMap((side) => [
    ...(side?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(side?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm }) => podAffinityTerm),
  ]);
  return terms.some((term) => (term?.namespaces ?? []).length > 0 || term?.namespaceSelector !== undefined);
}
