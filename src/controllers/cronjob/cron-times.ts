/**
 * Which scheduled time a cron job has to serve now. Pure.
 *
 * Only the latest missed time counts; a hundred missed ones are reported, as they mean that the clocks or the deadline are
 * wrong.
 */
import type { CronJob } from '#api/generated/batch/v1';
import type { CronSchedule } from '#semantics/cron-schedule';

const TOO_MANY = 100;
/** Looked at a little late, so that the time has surely come. */
const DELTA_MS = 100;

export interface DueTime { readonly atMs: number; readonly tooMany: boolean }

/** Undefined: nothing is due. */
export function dueTime(job: CronJob, schedule: CronSchedule, nowMs: number): DueTime | undefined {
  let fromMs = Date.parse(job.status?.lastScheduleTime ?? job.metadata.creationTimestamp ?? '');
  const deadline = job.spec!.startingDeadlineSeconds;
  if (deadline !== undefined) fromMs = Math.max(fromMs, nowMs - deadline * 1000);
  const first = schedule.next(fromMs);
  if (first === undefined || first > nowMs) return undefined;
  const second = schedule.next(first);
  if (second === undefined || second > nowMs) return { atMs: first, tooMany: false };
  const stepMs = second - first;
  const missed = Math.floor((nowMs - first) / stepMs) + 1;
  return { atMs: latest(schedule, first, nowMs, stepMs), tooMany: missed > TOO_MANY };
}

/** The last time up to now. Looks ever further back, as the times need not lie evenly. */
function latest(schedule: CronSchedule, firstMs: number, nowMs: number, stepMs: number): number {
  for (let backMs = stepMs; nowMs - backMs > firstMs; backMs *= 2) {
    let found: number | undefined;
    for (let time = schedule.next(nowMs - backMs); time !== undefined && time <= nowMs; time = schedule.next(time)) found = time;
    if (found !== undefined) return found;
  }
  let found = firstMs;
  for (let time = schedule.next(firstMs); time !== undefined && time <= nowMs; time = schedule.next(time)) found = time;
  return found;
}

/** Milliseconds until it is to be looked at again. */
export function untilNextMs(schedule: CronSchedule, nowMs: number): number | undefined {
  const next = schedule.next(nowMs);
  return next === undefined ? undefined : next + DELTA_MS - nowMs;
}
