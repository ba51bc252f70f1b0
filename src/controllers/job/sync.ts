/**
 * One reconciliation of a job: look, decide, make or remove pods, then count.
 *
 * Counting goes in three writes (see `job-state.ts`): uncounted pods into the status, finalizers off, counts up.
 */
import { rfc3339 } from '#base/clock';
import { inTurns } from '#base/in-turns';
import { jobs, type Job, type JobCondition, type JobStatus } from '#api/generated/batch/v1';
import { pods, type Pod } from '#api/generated/core/v1';
import { subjectOf } from '#client/events/event-recorder';
import type { Result } from '#client/reconcile/reconciler';
import { semanticEqual } from '#machinery/deep-equal';
import { isNotFound } from '#machinery/status-error';
import { findCondition } from '#semantics/condition';
import { isPodReady } from '#semantics/pod-state';
import type { ControllerContext } from '../controller.ts';
import { createPod, deletePod, isNamespaceTerminating, slowStart } from '../pod-control.ts';
import { nextRecord, type BackoffRecord } from './failure-backoff.ts';
import { isFailed, indexOf, isIndexed, isSuspended, isTracked, TRACKING_FINALIZER } from './job-pods.ts';
import { COMPLETIONS_REACHED, endingOf, observe, untilDeadlineMs, type Ending, type JobState } from './job-state.ts';
import { jobPod } from './job-template.ts';
import { judgeFailure } from './policies.ts';
import { planPods } from './replicas.ts';

export interface JobWorld {
  readonly context: ControllerContext;
  readonly backoff: BackoffRecord;
  wrotePod(pod: Pod): void;
  deletedPod(pod: Pod): void;
  wroteJob(job: Job): void;
  keepBackoff(record: BackoffRecord): void;
  readonly signal: AbortSignal;
}

/** Pods noted as uncounted at once: the status must stay small. */
const UNCOUNTED_MAX = 500;

interface Outcome { active: number; ready: number; terminating: number; afterMs: number | undefined; error?: unknown }

export async function syncJob(original: Job, owned: readonly Pod[], world: JobWorld): Promise<Result> {
  const { context, signal } = world;
  const nowMs = context.clock.now();
  const job = structuredClone(original);
  job.status ??= {};
  const before = structuredClone(job.status);
  const state = observe(job, owned);
  if (!job.status.startTime && !isSuspended(job)) job.status.startTime = rfc3339(nowMs);
  const record = nextRecord(world.backoff, state.newSucceeded, state.newFailed);

  let ending = endingOf(job, state, nowMs);
  const deadlineMs = ending === undefined ? untilDeadlineMs(job, nowMs) : undefined;
  const outcome: Outcome = { active: state.active.length, ready: state.ready, terminating: state.terminating, afterMs: deadlineMs };
  if (ending !== undefined) {
    await removePods(job, state.active, outcome, world, false);
    if (outcome.active > 0) ending = undefined; // not before all are told to go
  } else {
    const managed = job.metadata.deletionTimestamp === undefined;
    if (managed) await managePods(job, state, record, outcome, world);
    const enough = job.spec!.completions === undefined ? state.succeeded > 0 : state.succeeded >= job.spec!.completions;
    if (enough && outcome.active === 0) ending = COMPLETIONS_REACHED;
    else if (managed) noteSuspension(job, context, nowMs);
  }
  signal.throwIfAborted();
  job.status.active = outcome.active;
  job.status.ready = outcome.ready;
  job.status.terminating = outcome.terminating;
  await count(job, before, state, ending, record, world);
  if (outcome.error !== undefined) throw outcome.error;
  return outcome.afterMs === undefined ? undefined : { afterMs: Math.max(0, outcome.afterMs) };
}

async function managePods(job: Job, state: JobState, record: BackoffRecord, outcome: Outcome, world: JobWorld): Promise<void> {
  const { context, signal } = world;
  const plan = planPods(job, state, record, context.clock.now());
  switch (plan.kind) {
    case 'remove': return removePods(job, plan.pods, outcome, world, true);
    case 'wait':
      outcome.active = 0;
      outcome.afterMs = Math.min(outcome.afterMs ?? Infinity, plan.afterMs);
      return;
    case 'create': {
      const owner = { object: job, type: jobs };
      const { done, error } = await slowStart(plan.indexes.length, async (i) => {
        const index = plan.indexes[i];
        try {
          world.wrotePod(await createPod(context, owner, jobPod(job, index, index === undefined ? undefined : state.delayed.get(index)), signal));
        } catch (failure) {
          if (!isNamespaceTerminating(failure)) throw failure;
        }
      });
      outcome.active += done.length;
      if (error !== undefined) outcome.error = error;
      return;
    }
    case 'none':
  }
}

/** @param uncount the pods are not to count as failed: their finalizer goes first. */
async function removePods(job: Job, chosen: readonly Pod[], outcome: Outcome, world: JobWorld, uncount: boolean): Promise<void> {
  const results = await inTurns(chosen, async (pod) => {
    if (uncount && isTracked(pod)) await release(pod, world);
    await deletePod(world.context, { object: job, type: jobs }, pod, world.signal);
    world.deletedPod(pod);
    return pod;
  });
  for (const result of results) {
    if (result.status === 'rejected') { outcome.error ??= result.reason; continue; }
    outcome.active--;
    outcome.terminating++;
    if (isPodReady(result.value)) outcome.ready--;
  }
}

/** Takes the tracking finalizer off. */
async function release(pod: Pod, world: JobWorld): Promise<void> {
  const { name, namespace, uid } = pod.metadata;
  const patch = { metadata: { uid, '$deleteFromPrimitiveList/finalizers': [TRACKING_FINALIZER] } };
  try {
    world.wrotePod(await world.context.client.for(pods, namespace).patch(name!, 'application/strategic-merge-patch+json', patch, { signal: world.signal }));
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

function noteSuspension(job: Job, context: ControllerContext, nowMs: number): void {
  const current = findCondition(job.status!.conditions, 'Suspended')?.status;
  if (isSuspended(job)) {
    if (current === 'True') return;
    setCondition(job, 'Suspended', 'True', 'JobSuspended', 'Job suspended', nowMs);
    event(context, job, 'Normal', 'Suspended', 'Job suspended');
    delete job.status!.startTime;
  } else if (current === 'True') {
    setCondition(job, 'Suspended', 'False', 'JobResumed', 'Job resumed', nowMs);
    event(context, job, 'Normal', 'Resumed', 'Job resumed');
    job.status!.startTime = rfc3339(nowMs);
  }
}

function event(context: ControllerContext, job: Job, type: 'Normal' | 'Warning', reason: string, message: string): void {
  context.events.event(subjectOf(job, 'batch/v1', 'Job'), type, reason, message);
}

function setCondition(job: Job, type: string, status: string, reason: string, message: string, nowMs: number): void {
  const time = rfc3339(nowMs);
  const condition: JobCondition = { type, status, reason, message, lastProbeTime: time, lastTransitionTime: time };
  const conditions = (job.status!.conditions ??= []);
  const at = conditions.findIndex((known) => known.type === type);
  if (at < 0) conditions.push(condition); else conditions[at] = condition;
}

async function count(job: Job, before: JobStatus, state: JobState, ending: Ending | undefined, record: BackoffRecord, world: JobWorld): Promise<void> {
  const status = job.status!;
  const uncounted = { succeeded: [...(status.uncountedTerminatedPods?.succeeded ?? [])], failed: [...(status.uncountedTerminatedPods?.failed ?? [])] };
  status.uncountedTerminatedPods = uncounted;
  const tracked = new Set(state.pods.filter(isTracked).map((pod) => pod.metadata.uid!));
  const context = world.context;
  moveCounted(job, uncounted, tracked);
  const { chosen, succeededIndexes, overflow } = choose(job, state, ending, uncounted, tracked);
  if (isIndexed(job)) {
    const all = state.previousIndexes.with(succeededIndexes);
    status.succeeded = all.size();
    status.completedIndexes = all.toString();
    if (state.failedIndexes === undefined) delete status.failedIndexes; else status.failedIndexes = state.failedIndexes.toString();
  }
  if (ending !== undefined && findCondition(status.conditions, ending.type)?.status !== 'True') setCondition(job, ending.type, 'True', ending.reason, ending.message, context.clock.now());
  let current = await flush(job, before, world);
  world.keepBackoff(record);
  const released = await inTurns(chosen, async (pod) => { await release(pod, world); tracked.delete(pod.metadata.uid!); });
  const after = structuredClone(current.status!);
  const left = { succeeded: [...(current.status!.uncountedTerminatedPods?.succeeded ?? [])], failed: [...(current.status!.uncountedTerminatedPods?.failed ?? [])] };
  current.status!.uncountedTerminatedPods = left;
  moveCounted(current, left, tracked);
  const failure = released.find((result) => result.status === 'rejected')?.reason as unknown;
  const finished = failure === undefined && !overflow && ending !== undefined && left.succeeded.length + left.failed.length === 0 && (status.terminating ?? 0) === 0;
  if (finished) finish(current, ending!, context);
  current = await flush(current, after, world);
  if (finished) announce(current, ending!, context);
  if (failure !== undefined) throw failure;
}

/** Pods whose finalizer is gone move from the list into the number. */
function moveCounted(job: Job, uncounted: { succeeded: string[]; failed: string[] }, tracked: ReadonlySet<string>): void {
  const status = job.status!;
  const move = (list: string[]): number => {
    const kept = list.filter((uid) => tracked.has(uid));
    const moved = list.length - kept.length;
    list.splice(0, list.length, ...kept);
    return moved;
  };
  const succeeded = move(uncounted.succeeded);
  const failed = move(uncounted.failed);
  if (succeeded > 0) status.succeeded = (status.succeeded ?? 0) + succeeded;
  if (failed > 0) status.failed = (status.failed ?? 0) + failed;
}

/** Which pods may go now, each noted as what it counts for. */
function choose(job: Job, state: JobState, ending: Ending | undefined, uncounted: { succeeded: string[]; failed: string[] }, tracked: ReadonlySet<string>): { chosen: Pod[]; succeededIndexes: number[]; overflow: boolean } {
  const chosen: Pod[] = [];
  const succeededIndexes: number[] = [];
  const ordered = isIndexed(job) ? [...state.pods].sort((a, b) => (indexOf(a) ?? -1) - (indexOf(b) ?? -1)) : state.pods;
  for (const pod of ordered) {
    const uid = pod.metadata.uid!;
    if (!tracked.has(uid)) continue;
    const failed = isFailed(pod, job);
    if (!mayRelease(job, state, ending, pod, failed)) continue;
    chosen.push(pod);
    const index = indexOf(pod);
    const valid = !isIndexed(job) || (index !== undefined && index < job.spec!.completions!);
    if (pod.status?.phase === 'Succeeded' && !uncounted.failed.includes(uid)) {
      if (isIndexed(job)) { if (valid && !state.previousIndexes.has(index!)) succeededIndexes.push(index!); }
      else if (!uncounted.succeeded.includes(uid)) uncounted.succeeded.push(uid);
    } else if ((failed || (ending !== undefined && ending.type !== 'SuccessCriteriaMet')) && valid && !uncounted.failed.includes(uid) && judgeFailure(job, pod).counts) {
      uncounted.failed.push(uid);
    }
    if (succeededIndexes.length + uncounted.succeeded.length + uncounted.failed.length >= UNCOUNTED_MAX) return { chosen, succeededIndexes, overflow: true };
  }
  return { chosen, succeededIndexes, overflow: false };
}

function mayRelease(job: Job, state: JobState, ending: Ending | undefined, pod: Pod, failed: boolean): boolean {
  if (job.metadata.deletionTimestamp !== undefined || ending !== undefined || pod.status?.phase === 'Succeeded') return true;
  if (!failed) return false;
  const index = indexOf(pod);
  return index === undefined || state.delayed.get(index) !== pod; // its replacement still needs its failure count
}

function finish(job: Job, ending: Ending, context: ControllerContext): void {
  const nowMs = context.clock.now();
  setCondition(job, ending.type === 'SuccessCriteriaMet' ? 'Complete' : 'Failed', 'True', ending.reason, ending.message, nowMs);
  if (ending.type === 'SuccessCriteriaMet') job.status!.completionTime = rfc3339(nowMs);
}

function announce(job: Job, ending: Ending, context: ControllerContext): void {
  if (ending.type !== 'SuccessCriteriaMet') { event(context, job, 'Warning', ending.reason, ending.message); return; }
  if (job.spec!.completions !== undefined && (job.status!.succeeded ?? 0) > job.spec!.completions) {
    event(context, job, 'Warning', 'TooManySucceededPods', 'Too many succeeded pods running after completion count reached');
  }
  event(context, job, 'Normal', 'Completed', 'Job completed');
}

/** Writes the status when it differs. @returns the job as it is now. */
async function flush(job: Job, before: JobStatus, world: JobWorld): Promise<Job> {
  if (semanticEqual(comparable(before), comparable(job.status!))) return job;
  const written = await world.context.client.for(jobs, job.metadata.namespace).updateStatus(job, { signal: world.signal });
  world.wroteJob(written);
  written.status ??= {};
  return written;
}

/** Zero counts and empty lists may be absent. */
function comparable(status: JobStatus): Record<string, unknown> {
  const { uncountedTerminatedPods, ...rest } = status;
  const optional = ['ready', 'terminating'];
  return {
    ...Object.fromEntries(Object.entries(rest).filter(([key, value]) => value !== '' && (value !== 0 || optional.includes(key)))),
    failedIndexes: status.failedIndexes === undefined ? '-' : status.failedIndexes,
    uncounted: [uncountedTerminatedPods?.succeeded ?? [], uncountedTerminatedPods?.failed ?? []],
  };
}
