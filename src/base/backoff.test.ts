import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBackoff } from './backoff.ts';
import { seededRandom } from './random.ts';
import { VirtualClock } from './virtual-clock.ts';

test('delays grow to the maximum and start over when quiet', async () => {
  const clock = new VirtualClock();
  const backoff = createBackoff({ baseMs: 100, maxMs: 400, jitter: 0, resetAfterMs: 1000 }, clock, seededRandom(1));
  assert.deepEqual([1, 2, 3, 4].map(() => backoff.nextMs()), [100, 200, 400, 400]);
  await clock.advance(1001);
  assert.equal(backoff.nextMs(), 100);
  backoff.nextMs();
  backoff.reset();
  assert.equal(backoff.nextMs(), 100);
});

test('jitter adds at most its share', () => {
  const backoff = createBackoff({ baseMs: 100, maxMs: 100, jitter: 0.5 }, new VirtualClock(), seededRandom(7));
  for (let i = 0; i < 50; i++) { const ms = backoff.nextMs(); assert.ok(ms >= 100 && ms <= 150); }
});
