/** R7: readers that do not read. What a watch tells is `resource-store.test.ts`, and at length `test/reliability`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '#base/log';
import { nextTurn } from '#base/turn';
import { VirtualClock } from '#base/virtual-clock';
import type { KubeObject } from '#machinery/meta';
import { createMemoryStorage } from '#storage/memory/memory-storage';
import { selectAll, type Describer } from './described.ts';
import { EVENT_LOG_LIMITS } from './event-log.ts';
import { ResourceStore } from './resource-store.ts';
import { storedTail } from './stored-object.ts';
import { StorageFeed } from './storage-feed.ts';
import { WatchCache } from './watch-cache.ts';
import { WATCH_STALL_MS_MAX, watchStream, type EventEncoder } from './watch-stream.ts';

const tail = storedTail('v1', 'ConfigMap');
const describer: Describer = { namespaced: true, fields: () => undefined, canonical: (bytes) => bytes };

async function setUp(eventsMax = EVENT_LOG_LIMITS.eventsMax) {
  const clock = new VirtualClock();
  const engine = createMemoryStorage({ clock });
  const feed = new StorageFeed({ engine, clock, log: silentLogger });
  const prefix = '/registry/configmaps/';
  const cache = new WatchCache({ prefix, describer, now: () => clock.now(), limits: { ...EVENT_LOG_LIMITS, eventsMin: 1, eventsMax } });
  const store = new ResourceStore({ engine, feed, prefix, tail, describer, cache, now: () => clock.now() });
  await feed.start();
  await feed.attach(store.cache);
  let encoded = 0;
  const encoder: EventEncoder = {
    key: 'json', event: (type, object, revision) => { encoded++; return Buffer.from(`${type} ${object.key} ${revision}\n`); },
    bookmark: () => Buffer.from('BOOKMARK\n'), error: (error) => Buffer.from(`ERROR ${error.code}\n`),
  };
  const put = async (name: string, value: string): Promise<void> => {
    const object: KubeObject = { metadata: { name, namespace: 'n', labels: { value } } };
    await store.update(store.keyOf('n', name), () => ({ kind: 'put', object }));
    await nextTurn();
  };
  const open = (): { stream: AsyncGenerator<Buffer, void>; givenUp: () => number } => {
    let givenUp = 0;
    const stream = watchStream(store, {
      selection: selectAll(), from: { kind: 'after', revision: feed.revision }, bookmarks: false, markInitialEnd: false, timeoutMs: 3_600_000, signal: new AbortController().signal, giveUp: () => { givenUp++; },
    }, encoder, clock);
    return { stream, givenUp: () => givenUp };
  };
  const close = async (): Promise<void> => { await feed.close(); await engine.close(); };
  return { clock, put, open, close, encoded: () => encoded };
}

test('an event is encoded once for all watchers, and not at all for those that do not read', async () => {
  const { put, open, close, encoded } = await setUp();
  const readers = Array.from({ length: 5 }, () => open());
  const stalled = Array.from({ length: 5 }, () => open());
  const first = [...readers, ...stalled].map(({ stream }) => stream.next());
  await nextTurn();
  await put('a', '0');
  await Promise.all(first);
  assert.equal(encoded(), 1);
  const next = readers.map(({ stream }) => stream.next());
  await put('a', '1');
  const chunks = (await Promise.all(next)).map((result) => result.value as Buffer);
  assert.equal(encoded(), 2);
  for (const chunk of chunks) assert.equal(chunk, chunks[0], 'the very same bytes');
  for (let i = 2; i < 50; i++) await put('a', `${i}`);
  assert.equal(encoded(), 2, 'nobody has asked for the others yet');
  await Promise.all([...readers, ...stalled].map(({ stream }) => stream.return()));
  await close();
});

test('a reader that takes nothing for too long is given up; one that takes its time is not', async () => {
  const { clock, put, open, close } = await setUp();
  const [stalled, slow] = [open(), open()];
  const waiting = [stalled.stream.next(), slow.stream.next()];
  await nextTurn();
  await put('a', '0');
  await Promise.all(waiting);
  for (let ms = 0; ms < WATCH_STALL_MS_MAX; ms += WATCH_STALL_MS_MAX / 4) {
    await clock.advance(WATCH_STALL_MS_MAX / 4);
    await put('a', `after ${ms} ms`);
    await slow.stream.next();
  }
  assert.deepEqual([stalled.givenUp(), slow.givenUp()], [1, 0]);
  assert.equal((await stalled.stream.next()).done, true, 'nothing more comes');
  await clock.advance(WATCH_STALL_MS_MAX * 2);
  assert.equal(stalled.givenUp(), 1, 'once');
  assert.equal(slow.givenUp(), 1, 'it has stalled since');
  await close();
});

test('an idle watch is no slow one', async () => {
  const { clock, put, open, close } = await setUp();
  const idle = open();
  const next = idle.stream.next();
  await nextTurn();
  await put('a', '0');
  await next;
  const waiting = idle.stream.next();
  await clock.advance(WATCH_STALL_MS_MAX * 3);
  assert.equal(idle.givenUp(), 0);
  await put('a', '1');
  assert.equal((await waiting).done, false);
  await idle.stream.return();
  await close();
});

test('a reader that the log has moved past is given up at once', async () => {
  const { put, open, close } = await setUp(10);
  const stalled = open();
  const next = stalled.stream.next();
  await nextTurn();
  await put('a', '0');
  await next;
  for (let i = 1; i <= 10; i++) await put('a', `${i}`);
  assert.equal(stalled.givenUp(), 0, 'all it has not read is still there');
  await put('a', '11');
  assert.equal(stalled.givenUp(), 1);
  assert.equal((await stalled.stream.next()).done, true);
  await close();
});
