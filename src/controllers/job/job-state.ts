/**
 * What a job's pods say about it: counts, indexes, and whether it has come to an end. Pure.
 *
 * Pods carry a finalizer until they are counted. A pod is first noted as uncounted in the status, then released, then
 * moved into the count: so that after a crash at any point each pod counts exactly once.
 */
import type { Job, JobCondition } from '#api/generated/batch/v1';
import type { Pod } from '#api/generated/core/v1';
import { findCondition } from '#semantics/condition';
import { isPodActive, isPodReady, isPodTerminating } from '#semantics/pod-state';
import { IndexSet } from './index-set.ts';
import { allIndexFailures, finishedMs, hasLimitPerIndex, indexFailures, indexOf, isFailed, isIndexed, isSuspended, isTracked } from './job-pods.ts';
import { judgeFailure, metSuccessPolicy } from './policies.ts';

export interface Ending { readonly type: 'SuccessCriteriaMet' | 'FailureTarget'; readonly reason: string; readonly message: string }

export interface JobState {
  readonly pods: readonly Pod[];
  readonly active: Pod[];
  readonly terminating: number;
  readonly ready: number;
  /** Ended since the status was written. */
  readonly newSucceeded: Pod[];
  readonly newFailed: Pod[];
  readonly succeeded: number;
  readonly failed: number;
  readonly previousIndexes: IndexSet;
  readonly succeededIndexes: IndexSet;
  readonly failedIndexes: IndexSet | undefined;
  /** Index → the failed pod that its replacement takes the failure count from. */
  readonly delayed: ReadonlyMap<number, Pod>;
}

export function observe(job: Job, pods: readonly Pod[]): JobState {
  const uncounted = { succeeded: new Set(job.status?.uncountedTerminatedPods?.succeeded), failed: new Set(job.status?.uncountedTerminatedPods?.failed) };
  const active = pods.filter(isPodActive);
  const uncountedPods = (seen: ReadonlySet<string>, test: (pod: Pod) => boolean): Pod[] => pods.filter((pod) => isTracked(pod) && !seen.has(pod.metadata.uid!) && test(pod) && isCountable(job, pod));
  const newSucceeded = uncountedPods(uncounted.succeeded, (pod) => pod.status?.phase === 'Succeeded');
  const newFailed = uncountedPods(uncounted.failed, (pod) => isFailed(pod, job));
  const counting = job.spec!.podFailurePolicy === undefined ? newFailed : newFailed.filter((pod) => judgeFailure(job, pod).counts);
  const completions = job.spec!.completions ?? 0;
  const previousIndexes = isIndexed(job) ? IndexSet.parse(job.status?.completedIndexes, completions) : IndexSet.empty();
  const succeededIndexes = previousIndexes.with(indexesOf(job, pods, (pod) => pod.status?.phase === 'Succeeded'));
  const failedIndexes = isIndexed(job) && hasLimitPerIndex(job) ? IndexSet.parse(job.status?.failedIndexes, completions).with(indexesOf(job, pods, (pod) => indexFailed(job, pod))) : undefined;
  return {
    pods, active, terminating: pods.filter(isPodTerminating).length, ready: active.filter(isPodReady).length, newSucceeded, newFailed,
    succeeded: isIndexed(job) ? succeededIndexes.size() : (job.status?.succeeded ?? 0) + newSucceeded.length + uncounted.succeeded.size,
    failed: (job.status?.failed ?? 0) + counting.length + uncounted.failed.size,
    previousIndexes, succeededIndexes, failedIndexes,
    delayed: failedIndexes === undefined ? new Map() : delayedPods(job, pods, active, succeededIndexes, failedIndexes),
  };
}

/** Pods of an indexed job without a valid index are not counted. */
function isCountable(job: Job, pod: Pod): boolean {
  if (!isIndexed(job)) return true;
  const index = indexOf(pod);
  return index !== undefined && index < job.spec!.completions!;
}

function indexesOf(job: Job, pods: readonly Pod[], test: (pod: Pod) => boolean): number[] {
  if (!isIndexed(job)) return [];
  return pods.filter((pod) => isTracked(pod) && isCountable(job, pod) && test(pod)).map((pod) => indexOf(pod)!);
}

function indexFailed(job: Job, pod: Pod): boolean {
  if (!isFailed(pod, job)) return false;
  const verdict = judgeFailure(job, pod);
  return verdict.action === 'FailIndex' || (verdict.counts && indexFailures(pod) >= job.spec!.backoffLimitPerIndex!);
}

function delayedPods(job: Job, pods: readonly Pod[], active: readonly Pod[], succeeded: IndexSet, failed: IndexSet): Map<number, Pod> {
  const delayed = new Map<number, Pod>();
  const running = new Set(active.map(indexOf));
  for (const pod of pods) {
    const index = indexOf(pod);
    if (!isTracked(pod) || index === undefined || !isCountable(job, pod) || !isFailed(pod, job) || succeeded.has(index) || failed.has(index) || running.has(index)) continue;
    const last = delayed.get(index);
    if (last === undefined || (allIndexFailures(last) <= allIndexFailures(pod) && finishedMs(pod) >= finishedMs(last))) delayed.set(index, pod);
  }
  return delayed;
}

const failure = (reason: string, message: string): Ending => ({ type: 'FailureTarget', reason, message });

/** Why the job ends now, whatever its pods still do; undefined while it goes on. */
export function endingOf(job: Job, state: JobState, nowMs: number): Ending | undefined {
  const decided = standing(job, 'SuccessCriteriaMet') ?? standing(job, 'FailureTarget');
  if (decided !== undefined) return decided;
  if (job.spec!.podFailurePolicy !== undefined) {
    for (const pod of state.pods) {
      const message = isFailed(pod, job) ? judgeFailure(job, pod).message : undefined;
      if (message !== undefined) return failure('PodFailurePolicy', message);
    }
  }
  if (state.failed > job.spec!.backoffLimit! || restartedTooOften(job, state.pods)) return failure('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  if (pastDeadline(job, nowMs)) return failure('DeadlineExceeded', 'Job was active longer than specified deadline');
  return isIndexed(job) ? indexedEnding(job, state) : undefined;
}

function standing(job: Job, type: Ending['type']): Ending | undefined {
  const condition = findCondition<JobCondition>(job.status?.conditions, type);
  return condition?.status === 'True' ? { type, reason: condition.reason ?? '', message: condition.message ?? '' } : undefined;
}

function indexedEnding(job: Job, state: JobState): Ending | undefined {
  if (state.failedIndexes !== undefined) {
    const failed = state.failedIndexes.size();
    if (job.spec!.maxFailedIndexes !== undefined && failed > job.spec!.maxFailedIndexes) return failure('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes');
    if (failed > 0 && failed + state.succeededIndexes.size() >= job.spec!.completions!) return failure('FailedIndexes', 'Job has failed indexes');
  }
  const message = metSuccessPolicy(job, state.succeededIndexes);
  return message === undefined ? undefined : { type: 'SuccessCriteriaMet', reason: 'SuccessPolicy', message };
}

export const COMPLETIONS_REACHED: Ending = { type: 'SuccessCriteriaMet', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' };

/** With restart policy OnFailure the container restarts count. */
function restartedTooOften(job: Job, pods: readonly Pod[]): boolean {
  if (job.spec!.template.spec?.restartPolicy !== 'OnFailure') return false;
  const restarts = pods.filter((pod) => pod.status?.phase === 'Running' || pod.status?.phase === 'Pending')
    .flatMap((pod) => [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])])
    .reduce((sum, status) => sum + status.restartCount, 0);
  return job.spec!.backoffLimit === 0 ? restarts > 0 : restarts >= job.spec!.backoffLimit!;
}

/** Undefined: no deadline, or it does not run. */
export function untilDeadlineMs(job: Job, nowMs: number): number | undefined {
  const { activeDeadlineSeconds } = job.spec!;
  if (activeDeadlineSeconds === undefined || !job.status?.startTime || isSuspended(job)) return undefined;
  return Date.parse(job.status.startTime) + activeDeadlineSeconds * 1000 - nowMs;
}

function pastDeadline(job: Job, nowMs: number): boolean {
  const leftMs = untilDeadlineMs(job, nowMs);
  return leftMs !== undefined && leftMs <= 0;
}

export function isFinished(job: Job): boolean {
  return job.status?.conditions?.some(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True') === true;
}
