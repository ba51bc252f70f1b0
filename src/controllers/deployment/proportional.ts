/**
 * Scaling in the middle of a rollout: every active replica set keeps its share. Pure.
 *
 * Worked example: 10 replicas and a surge of 3, rolled half way as 8 old and 5 new, are scaled to 15: 18 pods are allowed
 * where there were 13. The old set gets round(8 × 18 / 13) = 11, the new one round(5 × 18 / 13) = 7.
 */
import type { Deployment, ReplicaSet } from '#api/generated/apps/v1';
import { DESIRED_REPLICAS, MAX_REPLICAS, numberAnnotation } from './revisions.ts';
import type { Resize } from './rolling.ts';
import { activeSets, byCreation, isRolling, maxSurge, wantedReplicas } from './sizes.ts';

/** The deployment's size was changed since the active replica sets were last scaled. */
export function isScalingEvent(deployment: Deployment, sets: readonly ReplicaSet[]): boolean {
  return activeSets(sets).some((set) => {
    const desired = numberAnnotation(set, DESIRED_REPLICAS);
    return desired !== undefined && desired !== deployment.spec!.replicas;
  });
}

export function planScale(deployment: Deployment, newSet: ReplicaSet | undefined, old: readonly ReplicaSet[]): Resize[] {
  const wanted = deployment.spec!.replicas!;
  const all = newSet === undefined ? [...old] : [...old, newSet];
  const active = activeSets(all);
  if (active.length <= 1) {
    const only = active[0] ?? newSet ?? [...old].sort(byCreation).at(-1);
    return only === undefined || only.spec!.replicas === wanted ? [] : [{ set: only, to: wanted }];
  }
  if (newSet !== undefined && isSaturated(deployment, newSet)) return activeSets(old).map((set) => ({ set, to: 0 }));
  return isRolling(deployment) ? distribute(deployment, active) : [];
}

/** The new replica set alone has all that is wanted, available. */
function isSaturated(deployment: Deployment, set: ReplicaSet): boolean {
  const wanted = deployment.spec!.replicas!;
  return set.spec!.replicas === wanted && numberAnnotation(set, DESIRED_REPLICAS) === wanted && (set.status?.availableReplicas ?? 0) === wanted;
}

function distribute(deployment: Deployment, active: ReplicaSet[]): Resize[] {
  const wanted = deployment.spec!.replicas!;
  const allowed = wanted > 0 ? wanted + maxSurge(deployment) : 0;
  const toAdd = allowed - wantedReplicas(active);
  const sign = toAdd > 0 ? -1 : 1; // of equal size: newer first to grow, older first to shrink
  const sets = toAdd === 0 ? active : [...active].sort((a, b) => b.spec!.replicas! - a.spec!.replicas! || sign * byCreation(a, b));
  let added = 0;
  const sizes = sets.map((set) => {
    const share = toAdd === 0 ? 0 : proportion(deployment, set, toAdd, added);
    added += share;
    return set.spec!.replicas! + share;
  });
  if (toAdd !== 0) sizes[0] = Math.max(0, sizes[0]! + toAdd - added); // the rest goes to the largest
  return sets.map((set, i) => ({ set, to: sizes[i]!, force: true }));
}

function proportion(deployment: Deployment, set: ReplicaSet, toAdd: number, added: number): number {
  if (toAdd === added) return 0;
  const left = toAdd - added;
  const share = fraction(deployment, set);
  return toAdd > 0 ? Math.min(share, left) : Math.max(share, left);
}

function fraction(deployment: Deployment, set: ReplicaSet): number {
  const size = set.spec!.replicas!;
  if (deployment.spec!.replicas === 0) return -size;
  const before = numberAnnotation(set, MAX_REPLICAS) || (deployment.status?.replicas ?? 0);
  if (before === 0) return 0;
  return roundHalfAwayFromZero((size * (deployment.spec!.replicas! + maxSurge(deployment))) / before) - size;
}

function roundHalfAwayFromZero(value: number): number {
  return value < 0 ? Math.ceil(value - 0.5) : Math.floor(value + 0.5);
}
