/**
 * The bounds of a rollout and the counts over replica sets. Pure.
 *
 *     10 replicas, maxSurge 25 %, maxUnavailable 25 %: at most 13 pods (rounded up), at least 8 available (rounded down)
 */
import type { Deployment, ReplicaSet } from '#api/generated/apps/v1';
import { scaledValue } from '#semantics/int-or-percent';

const UNLIMITED = 2 ** 31 - 1;

export function isRolling(deployment: Deployment): boolean {
  return deployment.spec!.strategy?.type === 'RollingUpdate';
}

/** Both bounds; when rounding made both zero, one pod may be missing: otherwise nothing could move. */
function bounds(deployment: Deployment): { surge: number; unavailable: number } {
  const rolling = deployment.spec!.strategy?.rollingUpdate;
  const replicas = deployment.spec!.replicas!;
  const surge = scaledValue(rolling?.maxSurge ?? 0, replicas, true);
  const unavailable = scaledValue(rolling?.maxUnavailable ?? 0, replicas, false);
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}

export function maxSurge(deployment: Deployment): number {
  return isRolling(deployment) ? bounds(deployment).surge : 0;
}

export function maxUnavailable(deployment: Deployment): number {
  const replicas = deployment.spec!.replicas!;
  return !isRolling(deployment) || replicas === 0 ? 0 : Math.min(bounds(deployment).unavailable, replicas);
}

const sum = (sets: readonly ReplicaSet[], value: (set: ReplicaSet) => number | undefined): number => sets.reduce((total, set) => total + (value(set) ?? 0), 0);

export const wantedReplicas = (sets: readonly ReplicaSet[]): number => sum(sets, (set) => set.spec?.replicas);
/** Pods that may be there: a set that was made smaller still counts with those that it has not removed yet. */
export const occupiedReplicas = (sets: readonly ReplicaSet[]): number => sum(sets, (set) => Math.max(set.spec?.replicas ?? 0, set.status?.replicas ?? 0));
export const actualReplicas = (sets: readonly ReplicaSet[]): number => sum(sets, (set) => set.status?.replicas);
export const readyReplicas = (sets: readonly ReplicaSet[]): number => sum(sets, (set) => set.status?.readyReplicas);
export const availableReplicas = (sets: readonly ReplicaSet[]): number => sum(sets, (set) => set.status?.availableReplicas);

/** Undefined while a replica set that was observed has not reported its number. */
export function terminatingReplicas(sets: readonly ReplicaSet[]): number | undefined {
  const observed = sets.filter((set) => (set.status?.observedGeneration ?? 0) !== 0 || set.status?.terminatingReplicas !== undefined);
  return observed.some((set) => set.status?.terminatingReplicas === undefined) ? undefined : sum(observed, (set) => set.status?.terminatingReplicas);
}

export const activeSets = (sets: readonly ReplicaSet[]): ReplicaSet[] => sets.filter((set) => (set.spec?.replicas ?? 0) > 0);

export function hasProgressDeadline(deployment: Deployment): boolean {
  const deadline = deployment.spec!.progressDeadlineSeconds;
  return deadline !== undefined && deadline !== UNLIMITED;
}

export function hasHistoryLimit(deployment: Deployment): boolean {
  const limit = deployment.spec!.revisionHistoryLimit;
  return limit !== undefined && limit !== UNLIMITED;
}

/** Older first, then by name. */
export function byCreation(a: ReplicaSet, b: ReplicaSet): number {
  const [left, right] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  if (left !== right) return left < right ? -1 : 1;
  return a.metadata.name! < b.metadata.name! ? -1 : 1;
}
