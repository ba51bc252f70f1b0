/** How a job sees its pods: ended, failed, of which index, when. Pure. */
import type { Job } from '#api/generated/batch/v1';
import type { ContainerStatus, Pod } from '#api/generated/core/v1';
import { podCondition } from '#semantics/pod-state';

export const TRACKING_FINALIZER = 'batch.kubernetes.io/job-tracking';
export const INDEX_ANNOTATION = 'batch.kubernetes.io/job-completion-index';
export const FAILURES_ANNOTATION = 'batch.kubernetes.io/job-index-failure-count';
export const IGNORED_FAILURES_ANNOTATION = 'batch.kubernetes.io/job-index-ignored-failure-count';

export const isIndexed = (job: Job): boolean => job.spec!.completionMode === 'Indexed';
export const hasLimitPerIndex = (job: Job): boolean => job.spec!.backoffLimitPerIndex !== undefined;
export const isSuspended = (job: Job): boolean => job.spec!.suspend === true;
export const isTracked = (pod: Pod): boolean => pod.metadata.finalizers?.includes(TRACKING_FINALIZER) === true;

/** Terminating pods are not replaced before they have ended. */
export function replacesOnlyFailed(job: Job): boolean {
  return job.spec!.podReplacementPolicy === 'Failed' || job.spec!.podFailurePolicy !== undefined;
}

export function isFailed(pod: Pod, job: Job): boolean {
  if (pod.status?.phase === 'Failed') return true;
  return !replacesOnlyFailed(job) && pod.metadata.deletionTimestamp !== undefined && pod.status?.phase !== 'Succeeded';
}

/** Undefined: none, or not a number. */
export function indexOf(pod: Pod): number | undefined {
  const text = pod.metadata.annotations?.[INDEX_ANNOTATION] ?? '';
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

function countOf(pod: Pod, annotation: string): number {
  const text = pod.metadata.annotations?.[annotation] ?? '';
  return /^\d+$/.test(text) ? Number(text) : 0;
}

export const indexFailures = (pod: Pod): number => countOf(pod, FAILURES_ANNOTATION);
export const ignoredIndexFailures = (pod: Pod): number => countOf(pod, IGNORED_FAILURES_ANNOTATION);
export const allIndexFailures = (pod: Pod): number => indexFailures(pod) + ignoredIndexFailures(pod);

/** When its last container ended, else when it stopped being ready, else when its deletion was asked for. */
export function finishedMs(pod: Pod): number {
  const sidecars = new Set((pod.spec?.initContainers ?? []).filter((container) => container.restartPolicy === 'Always').map((container) => container.name));
  const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? []).filter((status) => sidecars.has(status.name))];
  const ended = statuses.map(endedMs);
  if (ended.length > 0 && ended.every((ms) => ms !== undefined)) return Math.max(...ended);
  const ready = podCondition(pod, 'Ready');
  if (ready?.status === 'False' && !!ready.lastTransitionTime) return Date.parse(ready.lastTransitionTime);
  const { deletionTimestamp, deletionGracePeriodSeconds, creationTimestamp } = pod.metadata;
  if (deletionTimestamp !== undefined) return Date.parse(deletionTimestamp) - (deletionGracePeriodSeconds ?? 0) * 1000;
  return Date.parse(creationTimestamp ?? '') || 0;
}

function endedMs(status: ContainerStatus): number | undefined {
  const time = status.state?.terminated?.finishedAt;
  return !time ? undefined : Date.parse(time);
}
