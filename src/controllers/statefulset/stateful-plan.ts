/**
 * The order in which a stateful set works. Pure: looks at the pods and names the next steps.
 *
 *     ordered:   0 → 1 → 2, each available before the next; down and update from the highest; one at a time
 *     parallel:  all at once, but updates still one at a time
 */
import type { ControllerRevision, StatefulSet, StatefulSetStatus } from '#api/generated/apps/v1';
import type { Pod } from '#api/generated/core/v1';
import { isPodAvailable, isPodReady } from '#semantics/pod-state';
import { inRange, newPod, ordinalOf, podRevision, startOrdinal } from './identity.ts';

export const isCreated = (pod: Pod): boolean => (pod.status?.phase ?? '') !== '';
const isTerminating = (pod: Pod): boolean => pod.metadata.deletionTimestamp !== undefined;
const isEnded = (pod: Pod): boolean => pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded';
const isRunningReady = (pod: Pod): boolean => pod.status?.phase === 'Running' && isPodReady(pod);

export function isAvailable(set: StatefulSet, pod: Pod, nowMs: number): boolean {
  return isPodAvailable(pod, set.spec!.minReadySeconds ?? 0, nowMs);
}

const isUnavailable = (set: StatefulSet, pod: Pod, nowMs: number): boolean => !isCreated(pod) || isTerminating(pod) || !isAvailable(set, pod, nowMs);
export const isOrdered = (set: StatefulSet): boolean => set.spec!.podManagementPolicy !== 'Parallel';

/** More pods than this are not missed at a time: a set of a million is no reason to think of all at once. */
const MISSING_MAX = 500;

export interface Crew {
  /** By ordinal from the first on; those that do not exist as they would be made. */
  readonly replicas: Pod[];
  /** More are missing than are listed. */
  readonly partial: boolean;
  /** Beyond the range, highest first. */
  readonly condemned: Pod[];
}

export function musterCrew(set: StatefulSet, pods: readonly Pod[], current: ControllerRevision, update: ControllerRevision): Crew {
  const start = startOrdinal(set);
  const end = start + set.spec!.replicas!;
  const present = new Map(pods.filter((pod) => inRange(set, pod)).map((pod) => [ordinalOf(pod), pod]));
  const replicas: Pod[] = [];
  let ordinal = start;
  for (let missing = 0; ordinal < end && missing < MISSING_MAX; ordinal++) {
    const pod = present.get(ordinal);
    if (pod === undefined) missing++;
    replicas.push(pod ?? newPod(set, needsCurrent(set, ordinal) ? current : update, ordinal));
  }
  if (ordinal < end) replicas.push(...[...present.values()].filter((pod) => ordinalOf(pod) >= ordinal).sort((a, b) => ordinalOf(a) - ordinalOf(b)));
  const condemned = pods.filter((pod) => !inRange(set, pod) && ordinalOf(pod) >= 0).sort((a, b) => ordinalOf(b) - ordinalOf(a));
  return { replicas, partial: ordinal < end, condemned };
}

/** A missing pod below the partition comes back as it was. */
function needsCurrent(set: StatefulSet, ordinal: number): boolean {
  if (set.spec!.updateStrategy?.type !== 'RollingUpdate') return false;
  const { rollingUpdate } = set.spec!.updateStrategy;
  return ordinal < startOrdinal(set) + (rollingUpdate === undefined ? set.status?.currentReplicas ?? 0 : rollingUpdate.partition ?? 0);
}

/** What to do with one replica; `go on` tells whether the next one may be looked at. */
export type ReplicaStep = 'delete' | 'wait' | 'create' | 'keep';

export function replicaStep(set: StatefulSet, pod: Pod, nowMs: number): ReplicaStep {
  if (isEnded(pod)) return isTerminating(pod) ? 'wait' : 'delete';
  if (!isCreated(pod)) return 'create';
  if (!isOrdered(set)) return 'keep';
  return isTerminating(pod) || !isRunningReady(pod) || !isAvailable(set, pod, nowMs) ? 'wait' : 'keep';
}

/** The pod to remove for scaling down next; undefined: wait, or nothing to do. */
export function nextCondemned(set: StatefulSet, crew: Crew, nowMs: number): Pod[] {
  if (!isOrdered(set)) return crew.condemned.filter((pod) => !isTerminating(pod));
  const [next] = crew.condemned;
  if (next === undefined || isTerminating(next)) return [];
  const all = [...crew.replicas, ...[...crew.condemned].reverse()];
  const firstUnavailable = all.find((pod) => isUnavailable(set, pod, nowMs));
  if ((!isRunningReady(next) || !isAvailable(set, next, nowMs)) && next !== firstUnavailable) return [];
  return [next];
}

/** The pod to remove for the update next. */
export function nextOutdated(set: StatefulSet, { replicas, partial }: Crew, update: ControllerRevision, nowMs: number): Pod | undefined {
  if (partial || set.spec!.updateStrategy?.type === 'OnDelete') return undefined;
  const partition = set.spec!.updateStrategy?.rollingUpdate?.partition ?? 0;
  for (let i = replicas.length - 1; i >= partition; i--) {
    const pod = replicas[i]!;
    if (podRevision(pod) !== update.metadata.name && !isTerminating(pod)) return pod;
    if (isUnavailable(set, pod, nowMs)) return undefined;
  }
  return undefined;
}

export function statusOf(set: StatefulSet, pods: readonly Pod[], current: ControllerRevision, update: ControllerRevision, collisionCount: number, nowMs: number): StatefulSetStatus {
  const count = (test: (pod: Pod) => boolean): number => pods.filter(test).length;
  const live = (pod: Pod): boolean => isCreated(pod) && !isTerminating(pod);
  return {
    observedGeneration: set.metadata.generation ?? 0,
    replicas: count(isCreated),
    readyReplicas: count(isRunningReady),
    availableReplicas: count((pod) => isRunningReady(pod) && isAvailable(set, pod, nowMs)),
    currentReplicas: count((pod) => live(pod) && podRevision(pod) === current.metadata.name),
    updatedReplicas: count((pod) => live(pod) && podRevision(pod) === update.metadata.name),
    currentRevision: current.metadata.name!,
    updateRevision: update.metadata.name!,
    collisionCount,
    ...(set.status?.conditions !== undefined && { conditions: set.status.conditions }),
  };
}

/** When all pods are of the new revision and ready, it becomes the current one. */
export function completed(set: StatefulSet, status: StatefulSetStatus): StatefulSetStatus {
  const wanted = set.spec!.replicas;
  const done = set.spec!.updateStrategy?.type === 'RollingUpdate' && status.updatedReplicas === wanted && status.readyReplicas === wanted && status.replicas === wanted;
  return done ? { ...status, currentReplicas: status.updatedReplicas!, currentRevision: status.updateRevision! } : status;
}
