/** How long a job waits before it replaces failed pods: 10 s, 20 s, 40 s, … up to 10 minutes. Pure. */
import type { Pod } from '#api/generated/core/v1';
import { exponentialMs } from '#base/backoff';
import { allIndexFailures, finishedMs } from './job-pods.ts';

const BASE_MS = 10_000;
const MAX_MS = 600_000;

export interface BackoffRecord { readonly failures: number; readonly lastFailureMs: number }

export const NO_FAILURES: BackoffRecord = { failures: 0, lastFailureMs: 0 };

/** Failures before the last success are forgiven. */
export function nextRecord(old: BackoffRecord, succeeded: readonly Pod[], failed: readonly Pod[]): BackoffRecord {
  const failures = failed.map(finishedMs).sort((a, b) => a - b);
  if (succeeded.length === 0) return failures.length === 0 ? old : { failures: old.failures + failures.length, lastFailureMs: failures.at(-1)! };
  const lastSuccessMs = Math.max(...succeeded.map(finishedMs));
  const after = failures.filter((ms) => ms > lastSuccessMs);
  return after.length === 0 ? NO_FAILURES : { failures: after.length, lastFailureMs: after.at(-1)! };
}

export function remainingMs(record: BackoffRecord, nowMs: number): number {
  if (record.failures === 0) return 0;
  return Math.max(0, exponentialMs(BASE_MS, MAX_MS, 2, record.failures - 1) - (nowMs - record.lastFailureMs));
}

/** For the replacement of this pod, where each index has its own limit. */
export function remainingOfIndexMs(replaced: Pod | undefined, nowMs: number): number {
  return replaced === undefined ? 0 : remainingMs({ failures: allIndexFailures(replaced) + 1, lastFailureMs: finishedMs(replaced) }, nowMs);
}
