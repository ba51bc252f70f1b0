/**
 * From measurements to a number of replicas. Pure.
 *
 *     4 pods, target 50 %, measured 100 %  →  ratio 2  →  ceil(2 × 4) = 8
 *
 * A ratio within the tolerance changes nothing. Pods without a measurement count as on target when scaling down and as
 * idle when scaling up; pods that are not ready count as idle when scaling up: the direction is never overdone, and when
 * these assumptions would turn it round nothing happens.
 */
import type { Pod } from '#api/generated/core/v1';
import { parseQuantity, quantityMilliValue } from '#machinery/quantity';
import { isPodReady, podCondition } from '#semantics/pod-state';
import type { PodMetrics } from './metrics-reader.ts';

export interface Tolerances { readonly up: number; readonly down: number }

const CPU_INITIALIZATION_MS = 300_000;
const INITIAL_READINESS_MS = 30_000;

const within = (ratio: number, { up, down }: Tolerances): boolean => 1 - down <= ratio && ratio <= 1 + up;

interface Groups { readonly measured: Map<string, number>; readonly ready: number; readonly unready: string[]; readonly missing: string[] }

function group(pods: readonly Pod[], metrics: PodMetrics, isCpu: boolean, nowMs: number): Groups {
  const groups = { measured: new Map<string, number>(), ready: 0, unready: [] as string[], missing: [] as string[] };
  for (const pod of pods) {
    const name = pod.metadata.name!;
    if (pod.metadata.deletionTimestamp !== undefined || pod.status?.phase === 'Failed') continue;
    const metric = metrics.get(name);
    if (pod.status?.phase === 'Pending') groups.unready.push(name);
    else if (metric === undefined) groups.missing.push(name);
    else if (isCpu && startsUp(pod, metric, nowMs)) groups.unready.push(name);
    else { groups.ready++; groups.measured.set(name, metric.milli); }
  }
  return groups;
}

/** What a starting pod burns says nothing about its load. */
function startsUp(pod: Pod, metric: { atMs: number; windowMs: number }, nowMs: number): boolean {
  const ready = podCondition(pod, 'Ready');
  if (!ready?.lastTransitionTime || !pod.status?.startTime) return true;
  const startMs = Date.parse(pod.status.startTime);
  const changedMs = Date.parse(ready.lastTransitionTime);
  if (startMs + CPU_INITIALIZATION_MS > nowMs) return ready.status === 'False' || metric.atMs < changedMs + metric.windowMs;
  return ready.status === 'False' && startMs + INITIAL_READINESS_MS > changedMs;
}

export interface CountInput {
  readonly pods: readonly Pod[];
  readonly metrics: PodMetrics;
  readonly current: number;
  readonly tolerances: Tolerances;
  readonly isCpu: boolean;
  readonly nowMs: number;
}

export interface Count { readonly replicas: number; readonly averageMilli: number; readonly utilization?: number }

/** By a target for the average of all pods. */
export function countByAverage(input: CountInput, targetMilli: number): Count {
  return count(input, (measured) => mean(measured) / targetMilli, () => targetMilli);
}

/** By a share of what the pods request, in percent. */
export function countByUtilization(input: CountInput, targetPercent: number, requests: ReadonlyMap<string, number>): Count {
  const utilization = (measured: ReadonlyMap<string, number>): number => {
    let used = 0;
    let requested = 0;
    for (const [name, milli] of measured) {
      const request = requests.get(name);
      if (request === undefined) continue;
      used += milli;
      requested += request;
    }
    if (requested === 0) throw new Error('no metrics returned matched known pods');
    return Math.trunc((used * 100) / requested);
  };
  const fallback = Math.max(100, targetPercent);
  let first: number | undefined;
  const result = count(input, (measured) => {
    const percent = utilization(measured);
    first ??= percent;
    return percent / targetPercent;
  }, (name) => ((requests.get(name) ?? 0) * fallback) / 100);
  return { ...result, utilization: first! };
}

function mean(measured: ReadonlyMap<string, number>): number {
  return measured.size === 0 ? 0 : Math.trunc([...measured.values()].reduce((sum, milli) => sum + milli, 0) / measured.size);
}

function count(input: CountInput, ratioOf: (measured: ReadonlyMap<string, number>) => number, onTarget: (name: string) => number): Count {
  if (input.pods.length === 0) throw new Error('no pods returned by selector while calculating replica count');
  const { measured, ready, unready, missing } = group(input.pods, input.metrics, input.isCpu, input.nowMs);
  if (measured.size === 0) throw new Error('did not receive metrics for targeted pods (pods might be unready)');
  const averageMilli = mean(measured);
  const same: Count = { replicas: input.current, averageMilli };
  const ratio = ratioOf(measured);
  const addUnready = unready.length > 0 && ratio > 1;
  if (!addUnready && missing.length === 0) return within(ratio, input.tolerances) ? same : { replicas: Math.ceil(ratio * ready), averageMilli };
  if (ratio !== 1) for (const name of missing) measured.set(name, ratio < 1 ? onTarget(name) : 0);
  if (addUnready) for (const name of unready) measured.set(name, 0);
  const cautious = ratioOf(measured);
  if (within(cautious, input.tolerances) || (ratio < 1 && cautious > 1) || (ratio > 1 && cautious < 1)) return same;
  const replicas = Math.ceil(cautious * measured.size);
  return (cautious < 1 && replicas > input.current) || (cautious > 1 && replicas < input.current) ? same : { replicas, averageMilli };
}

/** By one value for all pods together. */
export function countByTotal(usageMilli: number, targetMilli: number, current: number, pods: readonly Pod[], tolerances: Tolerances): number {
  const ratio = usageMilli / targetMilli;
  if (current === 0) return Math.ceil(ratio);
  if (within(ratio, tolerances)) return current;
  if (pods.length === 0) throw new Error('unable to calculate ready pods: no pods returned by selector while calculating replica count');
  return Math.ceil(ratio * pods.filter((pod) => pod.status?.phase === 'Running' && isPodReady(pod)).length);
}

/** By one value, of which each pod is to have its share. */
export function countByShare(usageMilli: number, targetMilli: number, statusReplicas: number, tolerances: Tolerances): Count {
  const ratio = usageMilli / (targetMilli * statusReplicas);
  return { replicas: within(ratio, tolerances) ? statusReplicas : Math.ceil(usageMilli / targetMilli), averageMilli: Math.ceil(usageMilli / statusReplicas) };
}

/** Thousandths by pod. @throws Error when a container requests nothing: its share cannot be known. */
export function requestsOf(pods: readonly Pod[], resource: string, container: string | undefined): Map<string, number> {
  return new Map(pods.map((pod) => {
    const sidecars = (pod.spec?.initContainers ?? []).filter((one) => one.restartPolicy === 'Always');
    const counted = [...(pod.spec?.containers ?? []), ...sidecars].filter((one) => container === undefined || one.name === container);
    const total = counted.reduce((sum, one) => {
      const text = one.resources?.requests?.[resource];
      if (text === undefined) throw new Error(`missing request for ${resource} in container ${one.name} of Pod ${pod.metadata.name}`);
      return sum + quantityMilliValue(parseQuantity(text));
    }, 0);
    return [pod.metadata.name!, total];
  }));
}
