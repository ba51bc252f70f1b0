import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCron, zonedTime } from './cron-schedule.ts';

const CASES: [schedule: string, zone: string, after: string, next: string][] = [
  ['* * * * *', 'UTC', '2026-01-01T00:00:00Z', '2026-01-01T00:01:00Z'],
  ['*/15 * * * *', 'UTC', '2026-01-01T00:01:30Z', '2026-01-01T00:15:00Z'],
  ['0 9 * * mon-fri', 'UTC', '2026-01-02T09:00:00Z', '2026-01-05T09:00:00Z'],
  ['0 0 29 2 *', 'UTC', '2026-01-01T00:00:00Z', '2028-02-29T00:00:00Z'],
  ['0 0 13 * 5', 'UTC', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'],
  ['@hourly', 'UTC', '2026-01-01T00:30:00Z', '2026-01-01T01:00:00Z'],
  ['@every 90m', 'UTC', '2026-01-01T00:00:00Z', '2026-01-01T01:30:00Z'],
  ['0 9 * * *', 'Europe/Berlin', '2026-07-01T00:00:00Z', '2026-07-01T07:00:00Z'],
  ['30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', '2026-03-30T00:30:00Z'], // skipped on the 29th
  ['30 2 * * *', 'Europe/Berlin', '2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z'], // repeated on the 25th
  ['TZ=Asia/Kolkata 0 0 * * *', 'UTC', '2026-01-01T00:00:00Z', '2026-01-01T18:30:00Z'],
];
for (const [schedule, zone, after, next] of CASES) {
  test(`${schedule} in ${zone} after ${after}`, () => {
    assert.equal(new Date(parseCron(schedule, zone).next(Date.parse(after))!).toISOString().replace('.000Z', 'Z'), next);
  });
}

test('an instant in its zone', () => {
  assert.equal(zonedTime(Date.parse('2026-07-01T07:00:00Z'), 'Europe/Berlin'), '2026-07-01T09:00:00+02:00');
  assert.equal(zonedTime(Date.parse('2026-07-01T07:00:00Z')), '2026-07-01T07:00:00Z');
});
