/**
 * Which of several equal pods goes first when there are too many: the one whose loss costs least.
 *
 *     not on a node · Pending before Unknown before Running · not ready · lower deletion cost ·
 *     more siblings on its node · ready for a shorter time · more restarts · younger
 *
 * Times are compared by their order of magnitude (base 2), so that among pods of about the same age chance, the uid,
 * decides: pods do not all go from the node that was filled last.
 */
import type { Pod } from '#api/generated/core/v1';
import { isPodReady, podCondition } from './pod-state.ts';

export interface RankedPod {
  readonly pod: Pod;
  /** Related pods on the same node. */
  readonly rank: number;
}

export const DELETION_COST_ANNOTATION = 'controller.kubernetes.io/pod-deletion-cost';
const PHASE_ORDER: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/** Below zero when `a` goes first. */
export function compareForDeletion(a: RankedPod, b: RankedPod, nowMs: number): number {
  const assigned = Number(!!a.pod.spec?.nodeName) - Number(!!b.pod.spec?.nodeName);
  if (assigned !== 0) return assigned;
  const phase = (PHASE_ORDER[a.pod.status?.phase ?? ''] ?? 0) - (PHASE_ORDER[b.pod.status?.phase ?? ''] ?? 0);
  if (phase !== 0) return phase;
  const aReady = isPodReady(a.pod);
  const bReady = isPodReady(b.pod);
  if (aReady !== bReady) return aReady ? 1 : -1;
  const cost = deletionCost(a.pod) - deletionCost(b.pod);
  if (cost !== 0) return cost;
  if (a.rank !== b.rank) return b.rank - a.rank;
  if (aReady) {
    const since = compareTimes(a.pod, b.pod, readySinceMs(a.pod), readySinceMs(b.pod), nowMs);
    if (since !== 0) return since;
  }
  const restarts = compareRestarts(a.pod, b.pod);
  if (restarts !== 0) return restarts;
  return compareTimes(a.pod, b.pod, timeMs(a.pod.metadata.creationTimestamp), timeMs(b.pod.metadata.creationTimestamp), nowMs);
}

/** 0 without the annotation, or when it is not a number of 32 bits. */
export function deletionCost(pod: Pod): number {
  const text = pod.metadata.annotations?.[DELETION_COST_ANNOTATION] ?? '';
  if (!/^-?(0|[1-9][0-9]{0,9})$/.test(text) || text === '-0') return 0;
  const cost = Number(text);
  return cost >= -(2 ** 31) && cost < 2 ** 31 ? cost : 0;
}

function timeMs(time: string | null | undefined): number {
  return !time ? 0 : Date.parse(time);
}

function readySinceMs(pod: Pod): number {
  return timeMs(podCondition(pod, 'Ready')?.lastTransitionTime);
}

function compareTimes(a: Pod, b: Pod, aMs: number, bMs: number, nowMs: number): number {
  if (aMs === bMs) return 0;
  if (aMs === 0 || bMs === 0) return aMs === 0 ? -1 : 1;
  const magnitude = logarithm(nowMs - aMs) - logarithm(nowMs - bMs);
  if (magnitude !== 0) return magnitude;
  return a.metadata.uid! < b.metadata.uid! ? -1 : 1;
}

/** Of nanoseconds, as upstream's steps lie. */
function logarithm(durationMs: number): number {
  return durationMs > 0 ? Math.floor(Math.log2(durationMs * 1e6)) : -1;
}

function compareRestarts(a: Pod, b: Pod): number {
  const [aMain, aSidecar] = restarts(a);
  const [bMain, bSidecar] = restarts(b);
  return aMain !== bMain ? bMain - aMain : bSidecar - aSidecar;
}

/** The highest counts, of the containers and of the restartable init containers. */
function restarts(pod: Pod): [main: number, sidecar: number] {
  const sidecars = new Set(pod.spec?.initContainers?.filter((container) => container.restartPolicy === 'Always').map((container) => container.name));
  const highest = (counts: number[]): number => counts.reduce((most, count) => Math.max(most, count), 0);
  return [
    highest((pod.status?.containerStatuses ?? []).map((status) => status.restartCount)),
    highest((pod.status?.initContainerStatuses ?? []).filter((status) => sidecars.has(status.name)).map((status) => status.restartCount)),
  ];
}
