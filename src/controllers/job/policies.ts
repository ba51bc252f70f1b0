/** Pod failure policies and success policies of jobs. Pure. */
import type { Job, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyRule } from '#api/generated/batch/v1';
import type { ContainerStatus, Pod } from '#api/generated/core/v1';
import { IndexSet } from './index-set.ts';

export interface FailureVerdict {
  /** It counts towards the backoff limit. */
  readonly counts: boolean;
  readonly action?: 'Ignore' | 'FailIndex' | 'Count' | 'FailJob';
  /** For FailJob: why. */
  readonly message?: string;
}

/** The first rule that matches decides. */
export function judgeFailure(job: Job, pod: Pod): FailureVerdict {
  for (const [index, rule] of (job.spec!.podFailurePolicy?.rules ?? []).entries()) {
    const cause = causeOf(rule, pod);
    if (cause === undefined) continue;
    switch (rule.action) {
      case 'Ignore': return { counts: false, action: 'Ignore' };
      case 'FailIndex': return { counts: true, action: 'FailIndex' };
      case 'Count': return { counts: true, action: 'Count' };
      case 'FailJob': return { counts: true, action: 'FailJob', message: `${cause} matching FailJob rule at index ${index}` };
    }
  }
  return { counts: true };
}

function causeOf(rule: PodFailurePolicyRule, pod: Pod): string | undefined {
  const name = `${pod.metadata.namespace}/${pod.metadata.name}`;
  if (rule.onExitCodes !== undefined) {
    const container = matchingContainer(pod.status?.containerStatuses, rule.onExitCodes) ?? matchingContainer(pod.status?.initContainerStatuses, rule.onExitCodes);
    return container && `Container ${container.name} for pod ${name} failed with exit code ${container.state!.terminated!.exitCode}`;
  }
  const condition = pod.status?.conditions?.find(({ type, status }) => rule.onPodConditions?.some((pattern) => pattern.type === type && (pattern.status ?? 'True') === status));
  return condition && `Pod ${name} has condition ${condition.type}`;
}

function matchingContainer(statuses: readonly ContainerStatus[] | undefined, wanted: PodFailurePolicyOnExitCodesRequirement): ContainerStatus | undefined {
  return statuses?.find((status) => {
    const code = status.state?.terminated?.exitCode;
    if (code === undefined || code === 0 || (wanted.containerName !== undefined && wanted.containerName !== status.name)) return false;
    return wanted.operator === 'In' ? wanted.values.includes(code) : wanted.operator === 'NotIn' && !wanted.values.includes(code);
  });
}

/** The message of the first rule that is met. */
export function metSuccessPolicy(job: Job, succeeded: IndexSet): string | undefined {
  if (succeeded.size() === 0) return undefined;
  for (const [index, rule] of (job.spec!.successPolicy?.rules ?? []).entries()) {
    if (isMet(rule, job.spec!.completions!, succeeded)) return `Matched rules at index ${index}`;
  }
  return undefined;
}

function isMet(rule: { succeededIndexes?: string; succeededCount?: number }, completions: number, succeeded: IndexSet): boolean {
  if (rule.succeededIndexes === undefined) return rule.succeededCount !== undefined && succeeded.size() >= rule.succeededCount;
  const required = IndexSet.parse(rule.succeededIndexes, completions);
  if (required.size() === 0) return false;
  const met = required.size() + succeeded.size() - required.union(succeeded).size();
  return met >= (rule.succeededCount ?? required.size());
}
