/**
 * The next step of a rolling update. Pure: (deployment, replica sets) → sizes.
 *
 * Worked example: 10 replicas, at most 3 more, at most 2 unavailable. An update makes a new set of 3 and takes the old one
 * to 8; when the new pods get available, the old shrink by as many and the new grow. If the 5 new pods never get ready and
 * one old pod is lost: 13 pods − 8 needed − 5 new unavailable = 0 may go, so the old set stays as it is.
 */
import type { Deployment, ReplicaSet } from '#api/generated/apps/v1';
import { activeSets, availableReplicas, byCreation, maxSurge, maxUnavailable, occupiedReplicas, wantedReplicas } from './sizes.ts';

export interface Resize { readonly set: ReplicaSet; readonly to: number; readonly force?: boolean }

/** The size that the new replica set may grow to now. */
export function newSetSize(deployment: Deployment, all: readonly ReplicaSet[], current: number): number {
  const wanted = deployment.spec!.replicas!;
  if (deployment.spec!.strategy?.type === 'Recreate') return wanted;
  const room = wanted + maxSurge(deployment) - occupiedReplicas(all);
  return room <= 0 ? current : current + Math.min(room, wanted - current);
}

/** Undefined when the new replica set has its size. */
export function planNewSet(deployment: Deployment, newSet: ReplicaSet, old: readonly ReplicaSet[]): Resize | undefined {
  const wanted = deployment.spec!.replicas!;
  const current = newSet.spec!.replicas!;
  if (current === wanted) return undefined;
  const to = current > wanted ? wanted : newSetSize(deployment, [...old, newSet], current);
  return to === current ? undefined : { set: newSet, to };
}

/** First what is not available in the old sets, then what the new ones make superfluous. */
export function planOldSets(deployment: Deployment, newSet: ReplicaSet, old: readonly ReplicaSet[]): Resize[] {
  const sets = activeSets(old).sort(byCreation);
  if (sets.length === 0) return [];
  const minAvailable = deployment.spec!.replicas! - maxUnavailable(deployment);
  const newUnavailable = newSet.spec!.replicas! - (newSet.status?.availableReplicas ?? 0);
  const mayGo = wantedReplicas([...old, newSet]) - minAvailable - newUnavailable;
  if (mayGo <= 0) return [];
  const sizes = new Map(sets.map((set) => [set, set.spec!.replicas!]));
  let left = mayGo;
  for (const set of sets) {
    const unhealthy = sizes.get(set)! - (set.status?.availableReplicas ?? 0);
    if (left <= 0 || unhealthy === 0) continue;
    const down = Math.min(left, unhealthy);
    sizes.set(set, sizes.get(set)! - down);
    left -= down;
  }
  let surplus = availableReplicas([...old, newSet]) - minAvailable;
  for (const set of sets) {
    if (surplus <= 0) break;
    const down = Math.min(sizes.get(set)!, surplus);
    sizes.set(set, sizes.get(set)! - down);
    surplus -= down;
  }
  return sets.filter((set) => sizes.get(set) !== set.spec!.replicas).map((set) => ({ set, to: sizes.get(set)! }));
}
