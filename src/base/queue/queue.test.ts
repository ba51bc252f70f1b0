import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../virtual-clock.ts';
import { delayingQueue } from './delaying-queue.ts';
import { rateLimitedQueue } from './rate-limited-queue.ts';
import { exponentialPerKey, tokenBucket } from './rate-limiter.ts';
import { WorkQueue } from './work-queue.ts';

test('a key waits once and keeps its place', async () => {
  const queue = new WorkQueue<string>();
  for (const key of ['a', 'b', 'a', 'b']) queue.add(key);
  assert.equal(queue.length(), 2);
  assert.equal(await queue.take(), 'a');
  assert.equal(await queue.take(), 'b');
});

test('a key added while processed is handed out again, after done', async () => {
  const queue = new WorkQueue<string>();
  queue.add('a');
  await queue.take();
  queue.add('a');
  queue.add('a');
  assert.equal(queue.length(), 0);
  queue.done('a');
  assert.equal(queue.length(), 1);
  assert.equal(await queue.take(), 'a');
  queue.done('a');
  assert.equal(queue.length(), 0);
});

test('shutdown hands out what waits, then undefined', async () => {
  const queue = new WorkQueue<string>();
  queue.add('a');
  queue.shutDown();
  queue.add('b');
  assert.equal(await queue.take(), 'a');
  assert.equal(await queue.take(), undefined);
});

test('an aborted take leaves no waiter behind', async () => {
  const queue = new WorkQueue<string>();
  const stop = new AbortController();
  const taken = queue.take(stop.signal);
  stop.abort(new Error('stopped'));
  await assert.rejects(taken, /stopped/);
  queue.add('a');
  assert.equal(await queue.take(), 'a');
});

test('delayed keys come in order of their time, the earliest request of a key counts', async () => {
  const clock = new VirtualClock();
  const queue = delayingQueue(new WorkQueue<string>(), clock);
  queue.addAfter('late', 300);
  queue.addAfter('soon', 100);
  queue.addAfter('late', 200);
  queue.addAfter('late', 900);
  queue.addAfter('now', 0);
  const seen: string[] = [];
  const drain = async (): Promise<void> => { while (queue.length() > 0) { const key = (await queue.take())!; seen.push(`${clock.monotonicNow()}:${key}`); queue.done(key); } };
  await drain();
  await clock.advance(100); await drain();
  await clock.advance(100); await drain();
  await clock.advance(5000); await drain();
  assert.deepEqual(seen, ['0:now', '100:soon', '200:late']);
  queue.addAfter('never', 50);
  queue.shutDown();
  assert.equal(clock.pendingTimers(), 0);
});

test('many delayed keys keep heap order', async () => {
  const clock = new VirtualClock();
  const queue = delayingQueue(new WorkQueue<number>(), clock);
  for (let i = 0; i < 200; i++) queue.addAfter(i, 1 + ((i * 7919) % 200));
  for (let i = 0; i < 200; i += 3) queue.addAfter(i, 1);
  await clock.advance(1000);
  assert.equal(queue.length(), 200);
  const times = Array.from({ length: 200 }, (_, i) => (i % 3 === 0 ? 1 : 1 + ((i * 7919) % 200)));
  let last = 0;
  for (let i = 0; i < 200; i++) { const key = (await queue.take())!; assert.ok(times[key]! >= last); last = times[key]!; }
});

test('delays double per key and stop at the maximum', () => {
  const limiter = exponentialPerKey<string>(5, 50);
  assert.deepEqual(Array.from({ length: 5 }, () => limiter.whenMs('a')), [5, 10, 20, 40, 50]);
  assert.equal(limiter.whenMs('b'), 5);
  limiter.forget('a');
  assert.equal(limiter.whenMs('a'), 5);
});

test('the bucket lets the burst pass, then spaces', async () => {
  const clock = new VirtualClock();
  const limiter = tokenBucket<string>(10, 2, clock);
  assert.deepEqual([0, 0, 0, 0].map(() => limiter.whenMs('a')), [0, 0, 100, 200]);
  await clock.advance(1000);
  assert.equal(limiter.whenMs('a'), 0);
});

test('a failed key comes back later each time until forgotten', async () => {
  const clock = new VirtualClock();
  const queue = rateLimitedQueue<string>('q', clock, { limiter: exponentialPerKey(100, 1000) });
  queue.addRateLimited('a');
  await clock.advance(99);
  assert.equal(queue.length(), 0);
  await clock.advance(1);
  assert.equal(queue.length(), 1);
  queue.done((await queue.take())!);
  queue.addRateLimited('a');
  assert.equal(queue.failures('a'), 2);
  await clock.advance(199);
  assert.equal(queue.length(), 0);
  queue.forget('a');
  assert.equal(queue.failures('a'), 0);
});
