/**
 * The rules of a job's status. Most are asked only when the part they are about changes, so that a status stored before a rule
 * existed does not block its controller.
 */
import type { Job } from '#api/generated/batch/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { invalid, OMIT_VALUE } from '#machinery/field-error';
import type { Faults } from '../../rules/faults.ts';
import { firstCommonIndex, readIndexes } from '../../rules/index-intervals.ts';
import { goJsonOf } from '../../rules/internal-print.ts';
import { checkNonNegativeFields } from '../../rules/workloads.ts';

const CONDITIONS = ['Complete', 'Failed', 'FailureTarget', 'SuccessCriteriaMet', 'Suspended'] as const;
type ConditionType = (typeof CONDITIONS)[number];

function isTrue(job: Job, type: ConditionType): boolean {
  return (job.status?.conditions ?? []).some((condition) => condition.type === type && condition.status === 'True');
}

function isFinished(job: Job): boolean {
  return isTrue(job, 'Complete') || isTrue(job, 'Failed');
}

export function checkJobStatus(job: Job, old: Job, faults: Faults): void {
  const status = job.status ?? {};
  checkNonNegativeFields(status, ['active', 'succeeded', 'failed', 'ready', 'terminating'], 'status', faults);
  checkUncountedPods(job, faults);
  checkConditions(job, old, faults);
  checkTimes(job, old, faults);
  checkFinishedCounts(job, old, faults);
  checkIndexLists(job, old, faults);
  checkTransitions(job, old, faults);
}

function checkUncountedPods(job: Job, faults: Faults): void {
  const seen = new Set<string>();
  for (const list of ['succeeded', 'failed'] as const) {
    for (const [index, uid] of (job.status?.uncountedTerminatedPods?.[list] ?? []).entries()) {
      const at = `status.uncountedTerminatedPods.${list}[${index}]`;
      if (uid === '') faults.invalid(at, uid, 'must not be empty');
      else if (seen.has(uid)) faults.duplicate(at, uid);
      else seen.add(uid);
    }
  }
}

function checkConditions(job: Job, old: Job, faults: Faults): void {
  const is = Object.fromEntries(CONDITIONS.map((type) => [type, isTrue(job, type)])) as Record<ConditionType, boolean>;
  const changed = (type: ConditionType): boolean => is[type] !== isTrue(old, type);
  const refuse = (text: string): void => faults.add([invalid('status.conditions', OMIT_VALUE, text)]);
  if ((changed('Complete') || changed('Failed')) && is.Complete && is.Failed) refuse('cannot set Complete=True and Failed=true conditions');
  if ((changed('Complete') || changed('FailureTarget')) && is.Complete && is.FailureTarget) refuse('cannot set Complete=True and FailureTarget=true conditions');
  const failedIndexesChanged = job.status?.failedIndexes !== old.status?.failedIndexes;
  if ((changed('Failed') || failedIndexesChanged) && is.Failed && !is.FailureTarget) {
    refuse('cannot set Failed=True condition without the FailureTarget=true condition');
  }
  if ((changed('Complete') || changed('SuccessCriteriaMet')) && is.Complete && !is.SuccessCriteriaMet) {
    refuse('cannot set Complete=True condition without the SuccessCriteriaMet=true condition');
  }
  if (is.SuccessCriteriaMet && is.Failed) refuse('cannot set SuccessCriteriaMet=True and Failed=true conditions');
  if (is.SuccessCriteriaMet && is.FailureTarget) refuse('cannot set SuccessCriteriaMet=True and FailureTarget=true conditions');
  if (job.spec?.successPolicy && !is.SuccessCriteriaMet && is.Complete) {
    refuse('cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True');
  }
}

function checkTimes(job: Job, old: Job, faults: Faults): void {
  const { startTime, completionTime } = job.status ?? {};
  const startChanged = startTime !== old.status?.startTime;
  const completionChanged = completionTime !== old.status?.completionTime;
  const complete = isTrue(job, 'Complete');
  if (complete !== isTrue(old, 'Complete') || completionChanged) {
    if (completionTime !== undefined && !complete) {
      faults.invalid('status.completionTime', completionTime, 'cannot set completionTime when there is no Complete=True condition');
    }
    if (completionTime === undefined && complete) faults.required('status.completionTime', 'completionTime is required for Complete jobs');
  }
  if ((startChanged || completionChanged) && startTime !== undefined && completionTime !== undefined && completionTime < startTime) {
    faults.invalid('status.completionTime', completionTime, 'must be equal to or after `startTime`');
  }
  const endsEmpty = job.spec?.suspend === true && job.spec.completions === 0;
  if ((isFinished(job) !== isFinished(old) || startChanged) && !endsEmpty && startTime === undefined && isFinished(job)) {
    faults.required('status.startTime', 'startTime is required for finished job');
  }
}

function checkFinishedCounts(job: Job, old: Job, faults: Faults): void {
  const status = job.status ?? {};
  const before = old.status ?? {};
  const finished = isFinished(job);
  const finishedChanged = finished !== isFinished(old);
  const activeChanged = (status.active ?? 0) !== (before.active ?? 0);
  if ((finishedChanged || activeChanged) && finished && (status.active ?? 0) > 0) faults.invalid('status.active', status.active, 'active>0 is invalid for finished job');
  const uncounted = status.uncountedTerminatedPods;
  if ((finishedChanged || !semanticEqual(uncounted, before.uncountedTerminatedPods)) && finished
    && (uncounted?.failed?.length || uncounted?.succeeded?.length)) {
    faults.invalid('status.uncountedTerminatedPods', goJsonOf('batch/v1.UncountedTerminatedPods', uncounted), 'must be empty for finished job');
  }
  if ((finishedChanged || status.terminating !== before.terminating) && finished && (status.terminating ?? 0) > 0) {
    faults.invalid('status.terminating', status.terminating, 'terminating>0 is invalid for finished job');
  }
  if ((status.ready !== before.ready || activeChanged) && status.ready !== undefined && status.ready > (status.active ?? 0)) {
    faults.invalid('status.ready', status.ready, 'cannot set more ready pods than active');
  }
}

function checkIndexLists(job: Job, old: Job, faults: Faults): void {
  const spec = job.spec ?? ({} as NonNullable<Job['spec']>);
  const completed = job.status?.completedIndexes ?? '';
  const failed = job.status?.failedIndexes;
  const completedChanged = completed !== (old.status?.completedIndexes ?? '');
  const failedChanged = failed !== old.status?.failedIndexes;
  const { completions } = spec;
  const parse = (field: string, text: string): void => {
    const read = readIndexes(text, completions!);
    if (typeof read === 'string') faults.invalid(`status.${field}`, text, `error parsing ${field}: ${read}`);
  };
  if (completedChanged && completions !== undefined) parse('completedIndexes', completed);
  if (failedChanged && completions !== undefined && spec.backoffLimitPerIndex !== undefined && failed !== undefined) parse('failedIndexes', failed);
  if (completedChanged && completed !== '' && spec.completionMode !== 'Indexed') {
    faults.invalid('status.completedIndexes', completed, 'cannot set non-empty completedIndexes when non-indexed completion mode');
  }
  if (failedChanged && spec.backoffLimitPerIndex === undefined && failed !== undefined) {
    faults.invalid('status.failedIndexes', failed, 'cannot set non-null failedIndexes when backoffLimitPerIndex is null');
  }
  if ((!completedChanged && !failedChanged) || completions === undefined || !failed || completed === '') return;
  const common = firstCommonIndex(completed, failed, completions);
  if (common !== undefined) faults.invalid('status.failedIndexes', failed, `failedIndexes and completedIndexes overlap at index: ${common}`);
}

function checkTransitions(job: Job, old: Job, faults: Faults): void {
  const status = job.status ?? {};
  const before = old.status ?? {};
  const refuse = (text: string): void => faults.add([invalid('status.conditions', OMIT_VALUE, text)]);
  for (const type of ['Failed', 'Complete', 'FailureTarget'] as const) {
    if (isTrue(old, type) && !isTrue(job, type)) refuse(`cannot disable the terminal ${type}=True condition`);
  }
  if ((status.failed ?? 0) < (before.failed ?? 0)) faults.invalid('status.failed', status.failed ?? 0, 'cannot decrease the failed counter');
  const isElastic = job.spec?.completionMode === 'Indexed' && job.spec.completions === job.spec.parallelism;
  if (!isElastic && (status.succeeded ?? 0) < (before.succeeded ?? 0)) {
    faults.invalid('status.succeeded', status.succeeded ?? 0, 'cannot decrease the succeeded counter');
  }
  if (status.completionTime !== undefined && before.completionTime !== undefined && status.completionTime !== before.completionTime) {
    faults.invalid('status.completionTime', status.completionTime, 'field is immutable');
  }
  const resumes = isTrue(old, 'Suspended') && (status.conditions ?? []).some(({ type, status: value }) => type === 'Suspended' && value === 'False');
  if (before.startTime !== undefined && before.startTime !== status.startTime && !resumes && job.spec?.suspend !== true) {
    faults.invalid('status.startTime', status.startTime ?? null, 'field is immutable for unsuspended job once set');
  }
  if (isTrue(old, 'SuccessCriteriaMet') && !isTrue(job, 'SuccessCriteriaMet')) refuse('cannot disable the SuccessCriteriaMet=True condition');
  if (isTrue(old, 'Complete') && !isTrue(old, 'SuccessCriteriaMet') && isTrue(job, 'SuccessCriteriaMet')) {
    refuse('cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions');
  }
}
