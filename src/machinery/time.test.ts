import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDuration, parseDuration } from './duration.ts';
import { scaledIntOrPercent } from './int-or-string.ts';
import { canonicalMicroTime, canonicalTime, formatMicroTime, formatTime } from './time.ts';

test('times', () => {
  assert.equal(canonicalTime('2024-01-02T03:04:05Z'), '2024-01-02T03:04:05Z');
  assert.equal(canonicalTime('2024-01-02T03:04:05.999+01:00'), '2024-01-02T02:04:05Z');
  assert.equal(canonicalTime('2024-02-29T3:04:05Z'), '2024-02-29T03:04:05Z');
  assert.equal(canonicalTime('0001-01-01T00:00:00Z'), undefined);
  assert.throws(() => canonicalTime('x'), { message: 'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"' });
  assert.throws(() => canonicalTime('2023-02-29T00:00:00Z'), { message: 'parsing time "2023-02-29T00:00:00Z": day out of range' });
  assert.throws(() => canonicalTime('2023-02-20T00:00:00Zx'), { message: 'parsing time "2023-02-20T00:00:00Zx": extra text: "x"' });
  assert.throws(() => canonicalTime('2023-02-20'), { message: 'parsing time "2023-02-20" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T"' });
  assert.equal(canonicalMicroTime('2024-01-02T03:04:05.123456+01:00'), '2024-01-02T02:04:05.123456Z');
  assert.throws(() => canonicalMicroTime('2024-01-02T03:04:05.5Z'), /cannot parse ".5Z" as ".000000"/);
  assert.equal(formatTime(1.7e12 + 999), '2023-11-14T22:13:20Z');
  assert.equal(formatMicroTime(1.7e12 + 999), '2023-11-14T22:13:20.999000Z');
});

test('durations', () => {
  for (const text of ['1h0m0s', '1.5s', '20ms', '0s', '1m30s', '-2h0m0.5s', '15µs', '7ns']) assert.equal(formatDuration(parseDuration(text)), text);
  assert.throws(() => parseDuration('1'), { message: 'time: missing unit in duration "1"' });
  assert.throws(() => parseDuration('1x'), { message: 'time: unknown unit "x" in duration "1x"' });
  assert.throws(() => parseDuration('soon'), { message: 'time: invalid duration "soon"' });
});

test('percentages', () => {
  assert.equal(scaledIntOrPercent('25%', 3, true), 1);
  assert.equal(scaledIntOrPercent('25%', 3, false), 0);
  assert.equal(scaledIntOrPercent(5, 3, false), 5);
  assert.throws(() => scaledIntOrPercent('5', 3, false), { message: 'invalid value for IntOrString: invalid type: string is not a percentage' });
});
