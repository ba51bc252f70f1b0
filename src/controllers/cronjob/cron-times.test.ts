import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CronJob } from '#api/generated/batch/v1';
import { parseCron } from '#semantics/cron-schedule';
import { dueTime, untilNextMs } from './cron-times.ts';

const job = (created: string, last?: string, deadline?: number): CronJob => ({
  metadata: { name: 'j', creationTimestamp: created },
  spec: { schedule: '', jobTemplate: {}, ...(deadline !== undefined && { startingDeadlineSeconds: deadline }) } as never, ...(last !== undefined && { status: { lastScheduleTime: last } }),
});

const CASES: [name: string, schedule: string, job: CronJob, now: string, due: string][] = [
  ['not yet', '0 * * * *', job('2026-01-01T00:30:00Z'), '2026-01-01T00:59:59Z', '-'],
  ['now', '0 * * * *', job('2026-01-01T00:30:00Z'), '2026-01-01T01:00:00Z', '2026-01-01T01:00:00Z'],
  ['served already', '0 * * * *', job('2026-01-01T00:30:00Z', '2026-01-01T01:00:00Z'), '2026-01-01T01:30:00Z', '-'],
  ['only the latest of several', '0 * * * *', job('2026-01-01T00:30:00Z', '2026-01-01T01:00:00Z'), '2026-01-01T05:30:00Z', '2026-01-01T05:00:00Z'],
  ['too late for the deadline', '0 * * * *', job('2026-01-01T00:30:00Z', undefined, 60), '2026-01-01T01:02:00Z', '-'],
  ['many missed', '* * * * *', job('2026-01-01T00:00:00Z'), '2026-01-01T03:00:30Z', '2026-01-01T03:00:00Z too many'],
  ['many missed, but a deadline', '* * * * *', job('2026-01-01T00:00:00Z', undefined, 200), '2026-01-01T03:00:30Z', '2026-01-01T03:00:00Z'],
  ['uneven times: an hour, then twenty-three', '0 9,10 * * *', job('2026-01-01T08:00:00Z'), '2026-01-02T08:59:00Z', '2026-01-01T10:00:00Z'],
  ['uneven times: long, then short', '0-5 0 1 * *', job('2026-01-01T00:05:30Z'), '2026-02-01T00:03:30Z', '2026-02-01T00:03:00Z'],
  ['never', '0 0 31 2 *', job('2026-01-01T00:00:00Z'), '2026-12-01T00:00:00Z', '-'],
];
for (const [name, schedule, given, now, expect] of CASES) {
  test(`due: ${name}`, () => {
    const due = dueTime(given, parseCron(schedule), Date.parse(now));
    assert.equal(due === undefined ? '-' : `${new Date(due.atMs).toISOString().replace('.000', '')}${due.tooMany ? ' too many' : ''}`, expect);
  });
}

test('looked at again a little after the next time', () => {
  assert.equal(untilNextMs(parseCron('0 * * * *'), Date.parse('2026-01-01T00:59:00Z')), 60_100);
});
