import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#base/virtual-clock';
import { CompactedError } from '../contract.ts';
import { storageContract } from '../testing/contract.ts';
import { collectEvents } from '../testing/watch-reader.ts';
import { createMemoryStorage } from './memory-storage.ts';

storageContract('memory', async () => {
  const clock = new VirtualClock();
  return {
    engine: createMemoryStorage({ clock }),
    passSeconds: (seconds) => clock.advance(seconds * 1000),
    dispose: async () => undefined,
  };
});

test('memory: history is bounded by count, the newest values stay', async () => {
  const engine = createMemoryStorage({ clock: new VirtualClock(), historyLimit: 10 });
  for (let i = 0; i < 5_000; i++) await engine.write({ key: `/a/${i % 3}`, value: Buffer.from(`${i}`) });
  const status = await engine.status();
  assert.deepEqual([status.keys, status.revision - status.compactedRevision], [3, 10]);
  assert.ok(status.bytes <= 4 * 14, `${status.bytes} bytes are held`);
  const { items } = await engine.range({ start: '/a/', end: '/a0' });
  assert.deepEqual(items.map((item) => item.value.toString()), ['4998', '4999', '4997']);
  const range = { start: '/', end: '0' };
  assert.equal((await collectEvents(engine, { ...range, afterRevision: status.compactedRevision }, 10, 1000)).length, 10);
  await assert.rejects(collectEvents(engine, { ...range, afterRevision: status.compactedRevision - 1 }, 1, 1000), CompactedError);
});

test('memory: an idle watch with progress reports the revision every few seconds', async () => {
  const clock = new VirtualClock();
  const engine = createMemoryStorage({ clock });
  const abort = new AbortController();
  const batches: number[] = [];
  const reading = (async () => {
    for await (const batch of engine.watch({ start: '/b', end: '/c', afterRevision: 1, progress: true, signal: abort.signal })) batches.push(batch.revision);
  })();
  await clock.advance(10);
  await engine.write({ key: '/a', value: Buffer.from('1') });
  await clock.advance(20_000);
  await engine.write({ key: '/a', value: Buffer.from('1') });
  await clock.advance(20_000);
  abort.abort();
  await reading;
  assert.deepEqual(batches, [2, 3]);
});
