/** How many pods a job makes or removes now. Pure. */
import type { Job } from '#api/generated/batch/v1';
import type { Pod } from '#api/generated/core/v1';
import { compareForDeletion } from '#semantics/pod-ranking';
import { isPodTerminating } from '#semantics/pod-state';
import { remainingMs, remainingOfIndexMs, type BackoffRecord } from './failure-backoff.ts';
import { IndexSet } from './index-set.ts';
import { hasLimitPerIndex, indexOf, isIndexed, isSuspended, replacesOnlyFailed } from './job-pods.ts';
import type { JobState } from './job-state.ts';

/** Pods made or removed in one go. */
export const CHANGES_MAX = 500;

export type JobPlan =
  | { readonly kind: 'remove'; readonly pods: readonly Pod[] }
  /** Indexes to make; undefined ones for jobs without. */
  | { readonly kind: 'create'; readonly indexes: readonly (number | undefined)[] }
  | { readonly kind: 'wait'; readonly afterMs: number }
  | { readonly kind: 'none' };

export function planPods(job: Job, state: JobState, backoff: BackoffRecord, nowMs: number): JobPlan {
  if (isSuspended(job)) return state.active.length === 0 ? { kind: 'none' } : { kind: 'remove', pods: toRemove(job, state.active, state.active.length, nowMs) };
  const wanted = wantedActive(job, state);
  const surplus = toRemove(job, state.active, Math.max(0, state.active.length - wanted), nowMs).slice(0, CHANGES_MAX);
  if (surplus.length > 0) return { kind: 'remove', pods: surplus };
  const missing = wanted - state.active.length - (replacesOnlyFailed(job) ? state.terminating : 0);
  return missing > 0 ? planCreation(job, state, Math.min(missing, CHANGES_MAX), backoff, nowMs) : { kind: 'none' };
}

function wantedActive(job: Job, state: JobState): number {
  const { parallelism, completions } = job.spec!;
  // A work queue: once one pod has succeeded the others finish, and none is added.
  if (completions === undefined) return state.succeeded > 0 ? state.active.length : parallelism!;
  return Math.max(0, Math.min(completions - state.succeeded, parallelism!));
}

function planCreation(job: Job, state: JobState, count: number, backoff: BackoffRecord, nowMs: number): JobPlan {
  if (!hasLimitPerIndex(job)) {
    const afterMs = remainingMs(backoff, nowMs);
    if (afterMs > 0) return { kind: 'wait', afterMs };
  }
  if (!isIndexed(job)) return { kind: 'create', indexes: Array.from({ length: count }, () => undefined) };
  const taken = (pods: readonly Pod[]): IndexSet => IndexSet.of(pods.map(indexOf).filter((index) => index !== undefined));
  let busy = state.succeededIndexes.union(taken(state.active));
  if (replacesOnlyFailed(job)) busy = busy.union(taken(state.pods.filter(isPodTerminating)));
  if (state.failedIndexes !== undefined) busy = busy.union(state.failedIndexes);
  const indexes = busy.firstMissing(count, job.spec!.completions!);
  if (!hasLimitPerIndex(job)) return indexes.length === 0 ? { kind: 'none' } : { kind: 'create', indexes };
  const waits = indexes.map((index) => remainingOfIndexMs(state.delayed.get(index), nowMs));
  const due = indexes.filter((_, i) => waits[i] === 0);
  if (due.length > 0) return { kind: 'create', indexes: due };
  return indexes.length === 0 ? { kind: 'none' } : { kind: 'wait', afterMs: Math.min(...waits) };
}

/** First pods of an index that another one has, or that is too high; then by rank. */
function toRemove(job: Job, active: readonly Pod[], atLeast: number, nowMs: number): Pod[] {
  const rank = (a: Pod, b: Pod): number => compareForDeletion({ pod: a, rank: 0 }, { pod: b, rank: 0 }, nowMs);
  if (!isIndexed(job)) return [...active].sort(rank).slice(0, atLeast);
  const removed: Pod[] = [];
  const kept: Pod[] = [];
  const byIndex = new Map<number, Pod[]>();
  for (const pod of active) {
    const index = indexOf(pod);
    if (index === undefined || index >= job.spec!.completions!) removed.push(pod);
    else byIndex.set(index, [...(byIndex.get(index) ?? []), pod]);
  }
  for (const same of byIndex.values()) {
    const ranked = same.sort(rank);
    removed.push(...ranked.slice(0, -1));
    kept.push(ranked.at(-1)!);
  }
  if (removed.length < atLeast) removed.push(...kept.sort(rank).slice(0, atLeast - removed.length));
  return removed;
}
