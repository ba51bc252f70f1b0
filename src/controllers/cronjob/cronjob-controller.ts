/**
 * Cron jobs: a job for each scheduled time, and a bounded history of them.
 *
 * The job's name is made from its scheduled minute, so that a repeated creation meets the first one.
 */
import { rfc3339 } from '#base/clock';
import { cronjobs, jobs, type CronJob, type CronJobStatus, type Job } from '#api/generated/batch/v1';
import { subjectOf } from '#client/events/event-recorder';
import { objectKey, splitKey } from '#client/informer/object-store';
import type { Result } from '#client/reconcile/reconciler';
import { semanticEqual } from '#machinery/deep-equal';
import { isAlreadyExists, isNotFound } from '#machinery/status-error';
import { isConditionTrue } from '#semantics/condition';
import { parseCron, zonedTime, type CronSchedule } from '#semantics/cron-schedule';
import { controllerOf, controllerReference, isControlledBy } from '#semantics/owner-reference';
import { CONTROLLER_INDEX, controllerIndexValues } from '../claiming.ts';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';
import { isNamespaceTerminating } from '../pod-control.ts';
import { dueTime, untilNextMs } from './cron-times.ts';

export const cronJobController: ControllerDefinition = {
  name: 'cronjob-controller',
  serviceAccount: 'cronjob-controller',
  make: makeController,
};

const SCHEDULED_ANNOTATION = 'batch.kubernetes.io/cronjob-scheduled-timestamp';
const MINUTE_MS = 60_000;

const succeeded = (job: Job): boolean => isConditionTrue(job.status?.conditions, 'Complete');
const failed = (job: Job): boolean => isConditionTrue(job.status?.conditions, 'Failed');

interface Work { readonly cron: CronJob; readonly status: CronJobStatus; readonly key: string; readonly signal: AbortSignal }

function makeController(context: ControllerContext): Controller {
  const { client, clock, informers } = context;
  const all = informers.for(cronjobs);
  const allJobs = informers.for(jobs);
  allJobs.addIndex(CONTROLLER_INDEX, controllerIndexValues);
  const loop = keyedLoop(context, { name: 'cronjob', informers: [all, allJobs] as const, workers: context.options.concurrentSyncs, reconcile });
  all.addHandlers({ onAdd: loop.enqueue, onUpdate: (_old, current) => loop.enqueue(current), onDelete: (cron) => loop.writes.forget(objectKey(cron)) });
  const wakeOwner = (job: Job): void => {
    const owner = controllerOf(job);
    if (owner?.kind === 'CronJob') loop.queue.add(`${job.metadata.namespace}/${owner.name}`);
  };
  allJobs.addHandlers({ onAdd: wakeOwner, onUpdate: (_old, current) => wakeOwner(current), onDelete: wakeOwner });

  const event = (cron: CronJob, type: 'Normal' | 'Warning', reason: string, message: string): void => context.events.event(subjectOf(cron, 'batch/v1', 'CronJob'), type, reason, message);

  async function reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const { namespace, name } = splitKey(key);
    const cron = all.get(name, namespace);
    if (cron === undefined) return undefined;
    const work: Work = { cron, status: structuredClone(cron.status ?? {}), key, signal };
    const owned = allJobs.byIndex(CONTROLLER_INDEX, cron.metadata.uid!);
    let failure: unknown;
    let afterMs: number | undefined;
    try {
      await trimHistory(work, owned);
      await noteFinished(work, owned);
      afterMs = cron.metadata.deletionTimestamp === undefined ? await start(work) : undefined;
    } catch (error) {
      signal.throwIfAborted();
      failure = error;
    }
    if (!semanticEqual(cron.status ?? {}, work.status)) {
      loop.writes.wrote(key, all, await client.for(cronjobs, namespace).updateStatus({ ...cron, status: work.status }, { signal }));
    }
    if (failure !== undefined) throw failure;
    return afterMs === undefined ? undefined : { afterMs };
  }

  async function deleteJob(work: Work, job: Job): Promise<void> {
    const { name, namespace, uid } = job.metadata;
    try {
      await client.for(jobs, namespace).delete(name!, { propagationPolicy: 'Background', preconditions: { uid: uid! }, signal: work.signal });
      loop.writes.deleted(work.key, allJobs, job);
    } catch (error) {
      if (!isNotFound(error)) {
        event(work.cron, 'Warning', 'FailedDelete', `Deleted job: ${(error as Error).message}`);
        throw error;
      }
    }
    dropActive(work, uid!);
    event(work.cron, 'Normal', 'SuccessfulDelete', `Deleted job ${name}`);
  }

  async function trimHistory(work: Work, owned: readonly Job[]): Promise<void> {
    const { successfulJobsHistoryLimit, failedJobsHistoryLimit } = work.cron.spec!;
    for (const [test, limit] of [[succeeded, successfulJobsHistoryLimit], [failed, failedJobsHistoryLimit]] as const) {
      if (limit === undefined) continue;
      const ended = owned.filter((job) => test(job) && job.metadata.deletionTimestamp === undefined).sort((a, b) => (startKey(a) < startKey(b) ? -1 : 1));
      for (const job of ended.slice(0, Math.max(0, ended.length - limit))) {
        await deleteJob(work, job);
      }
    }
  }

  function noteCompletion(work: Work, job: Job): void {
    dropActive(work, job.metadata.uid!);
    event(work.cron, 'Normal', 'SawCompletedJob', `Saw completed job: ${job.metadata.name}, condition: ${succeeded(job) ? 'Complete' : 'Failed'}`);
  }

  async function noteFinished(work: Work, owned: readonly Job[]): Promise<void> {
    for (const job of owned) {
      const ended = succeeded(job) || failed(job);
      if (!ended && !isActive(work, job)) event(work.cron, 'Warning', 'UnexpectedJob', `Saw a job that the controller did not create or forgot: ${job.metadata.name}`);
      if (!ended) continue;
      if (isActive(work, job)) noteCompletion(work, job);
      const time = succeeded(job) ? job.status?.completionTime : undefined;
      if (!!time && (!work.status.lastSuccessfulTime || Date.parse(time) > Date.parse(work.status.lastSuccessfulTime))) work.status.lastSuccessfulTime = time;
    }
    for (const active of work.status.active ?? []) {
      if (owned.some((job) => job.metadata.uid === active.uid)) continue;
      try {
        await client.for(jobs, active.namespace).get(active.name!, { signal: work.signal });
      } catch (error) {
        if (!isNotFound(error)) throw error;
        event(work.cron, 'Normal', 'MissingJob', `Active job went missing: ${active.name}`);
        dropActive(work, active.uid!);
      }
    }
  }

  /** @returns when to look again. */
  async function start(work: Work): Promise<number | undefined> {
    const { cron } = work;
    if (cron.spec!.suspend === true) return undefined;
    let schedule: CronSchedule;
    try {
      schedule = parseCron(cron.spec!.schedule, cron.spec!.timeZone);
    } catch (error) {
      event(cron, 'Warning', 'UnparseableSchedule', `unparseable schedule: "${cron.spec!.schedule}" : ${(error as Error).message}`);
      return undefined;
    }
    const nowMs = clock.now();
    const afterMs = untilNextMs(schedule, nowMs);
    const due = dueTime(cron, schedule, nowMs);
    if (due === undefined) return afterMs;
    if (due.tooMany) event(cron, 'Warning', 'TooManyMissedTimes', 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew');
    const deadline = cron.spec!.startingDeadlineSeconds;
    if (deadline !== undefined && due.atMs + deadline * 1000 < nowMs) {
      event(cron, 'Warning', 'MissSchedule', `Missed scheduled time to start a job: ${new Date(due.atMs).toUTCString().replace('GMT', 'UTC')}`);
      return afterMs;
    }
    const name = `${cron.metadata.name}-${Math.floor(due.atMs / MINUTE_MS)}`;
    const served = work.status.active?.some((active) => active.name === name) === true || (!!work.status.lastScheduleTime && Date.parse(work.status.lastScheduleTime) === due.atMs);
    if (served) return afterMs;
    if (cron.spec!.concurrencyPolicy === 'Forbid' && (work.status.active ?? []).length > 0) {
      event(cron, 'Normal', 'JobAlreadyActive', 'Not starting job because prior execution is running and concurrency policy is Forbid');
      return afterMs;
    }
    if (cron.spec!.concurrencyPolicy === 'Replace') await replaceActive(work);
    await create(work, name, due.atMs);
    return afterMs;
  }

  async function replaceActive(work: Work): Promise<void> {
    for (const active of [...work.status.active ?? []]) {
      try {
        await deleteJob(work, await client.for(jobs, active.namespace).get(active.name!, { signal: work.signal }));
      } catch (error) {
        if (!work.signal.aborted) event(work.cron, 'Warning', 'FailedGet', `Get job: ${(error as Error).message}`);
        throw error;
      }
    }
  }

  async function create(work: Work, name: string, atMs: number): Promise<void> {
    const { cron, signal } = work;
    const api = client.for(jobs, cron.metadata.namespace);
    let job: Job;
    try {
      job = await api.create(jobFor(cron, name, atMs), { signal });
      loop.writes.wrote(work.key, allJobs, job);
      event(cron, 'Normal', 'SuccessfulCreate', `Created job ${name}`);
    } catch (error) {
      if (signal.aborted || isNamespaceTerminating(error)) throw error;
      if (!isAlreadyExists(error)) {
        event(cron, 'Warning', 'FailedCreate', `Error creating job: ${(error as Error).message}`);
        throw error;
      }
      job = await api.get(name, { signal });
      if (!isControlledBy(job, cron) || isActive(work, job)) return;
    }
    const { uid, resourceVersion } = job.metadata;
    work.status.active = [...work.status.active ?? [], { kind: 'Job', namespace: cron.metadata.namespace!, name, uid: uid!, apiVersion: 'batch/v1', resourceVersion: resourceVersion! }];
    work.status.lastScheduleTime = rfc3339(atMs);
  }

  return { run: loop.run };
}

function jobFor(cron: CronJob, name: string, atMs: number): Job {
  const template = cron.spec!.jobTemplate;
  return {
    metadata: {
      name, namespace: cron.metadata.namespace!, labels: { ...template.metadata?.labels },
      annotations: { ...template.metadata?.annotations, [SCHEDULED_ANNOTATION]: zonedTime(atMs, cron.spec!.timeZone) },
      ownerReferences: [controllerReference(cron, cronjobs)],
    },
    spec: structuredClone(template.spec!),
  };
}

function isActive(work: Work, job: Job): boolean {
  return work.status.active?.some((active) => active.uid === job.metadata.uid) === true;
}

function dropActive(work: Work, uid: string): void {
  const active = (work.status.active ?? []).filter((reference) => reference.uid !== uid);
  if (active.length > 0) work.status.active = active; else delete work.status.active;
}

const startKey = (job: Job): string => `${job.status?.startTime ?? '~'}${job.metadata.name}`;
