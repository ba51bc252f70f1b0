import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '#base/log';
import { nextTurn } from '#base/turn';
import { VirtualClock } from '#base/virtual-clock';
import { CompactedError, CorruptError, type KeyValue, type StorageEngine, type WatchEvent } from '#storage/contract';
import { createMemoryStorage } from '#storage/memory/memory-storage';
import { FRESHNESS_WAIT_MS, StorageFeed, type FeedSink } from './storage-feed.ts';

class Sink implements FeedSink {
  readonly prefix: string;
  readonly keys = new Map<string, number>();
  loadedRevision = 0;
  loads = 0;
  constructor(prefix = '/registry/a/') { this.prefix = prefix; }
  replace(items: readonly KeyValue[], revision: number): void {
    this.keys.clear();
    for (const item of items) this.keys.set(item.key, item.modRevision);
    this.loadedRevision = revision;
    this.loads++;
  }
  apply(event: WatchEvent): void {
    if (event.revision <= this.loadedRevision) return;
    if (event.type === 'put') this.keys.set(event.key, event.revision); else this.keys.delete(event.key);
  }
}

const put = async (engine: StorageEngine, key: string): Promise<number> => {
  const result = await engine.write({ key, value: Buffer.from('{}') });
  assert.ok(result.ok);
  return result.revision;
};

/** Lets promises that are due settle. */
async function settle(): Promise<void> { for (let i = 0; i < 20; i++) await nextTurn(); }

test('a reader is not kept waiting by writes that concern no cache: progress is asked for', async () => {
  const clock = new VirtualClock();
  const engine = createMemoryStorage({ clock });
  const feed = new StorageFeed({ engine, clock, log: silentLogger });
  await feed.start();
  await settle();
  await put(engine, '/elsewhere/x');
  const startMs = clock.monotonicNow();
  const fresh = feed.waitUntilFresh();
  await clock.advance(150);
  assert.equal(await fresh, true);
  assert.ok(clock.monotonicNow() - startMs < FRESHNESS_WAIT_MS);
  await feed.close();
});

test('what servers write for themselves keeps no reader waiting where progress cannot be asked for', async () => {
  const clock = new VirtualClock();
  const engine: StorageEngine = { ...createMemoryStorage({ clock }), requestProgress() {} };
  const feed = new StorageFeed({ engine, clock, log: silentLogger });
  await feed.start();
  await settle();
  await put(engine, '/kubernode/apiservers/x');
  const fresh = feed.waitUntilFresh();
  await clock.advance(FRESHNESS_WAIT_MS * 2);
  assert.equal(await fresh, true);
  await feed.close();
});

test('an older load never ends after a newer one', async () => {
  const clock = new VirtualClock();
  const memory = createMemoryStorage({ clock });
  let slow: (() => void) | undefined;
  let broken = false;
  const engine: StorageEngine = {
    ...memory,
    async range(options) {
      const page = await memory.range(options);
      // The first load reads, and then takes its time.
      if (slow === undefined) await new Promise<void>((resolve) => { slow = resolve; });
      return page;
    },
    async *watch(options) {
      if (broken) { broken = false; throw new CompactedError(2); }
      for await (const batch of memory.watch(options)) {
        yield batch;
        if (broken) { broken = false; throw new CompactedError(2); }
      }
    },
  };
  const feed = new StorageFeed({ engine, clock, log: silentLogger });
  await feed.start();
  const sink = new Sink();
  const first = await put(memory, '/registry/a/1');
  const attaching = feed.attach(sink);
  await settle();
  // The watch breaks and everything is read anew, while the first load is still under way.
  broken = true;
  const second = await put(memory, '/registry/a/2');
  await clock.advance(100);
  await settle();
  slow!();
  await attaching;
  await clock.advance(3_000);
  await settle();
  const third = await put(memory, '/registry/a/3');
  await clock.advance(3_000);
  await settle();
  assert.deepEqual(Object.fromEntries(sink.keys), { '/registry/a/1': first, '/registry/a/2': second, '/registry/a/3': third });
  await feed.close();
});

test('a load begins again when history is compacted under it', async () => {
  const clock = new VirtualClock();
  const memory = createMemoryStorage({ clock });
  for (let i = 0; i < 5; i++) await put(memory, `/registry/a/${i}`);
  let failures = 3;
  const engine: StorageEngine = { ...memory, async range(options) { if (failures-- > 0) throw new CompactedError(3); return memory.range(options); } };
  const feed = new StorageFeed({ engine, clock, log: silentLogger });
  await feed.start();
  const sink = new Sink();
  await feed.attach(sink);
  assert.deepEqual([sink.keys.size, sink.loads], [5, 1]);
  await feed.close();
});

test('R15: one damaged record costs only itself', async () => {
  const clock = new VirtualClock();
  const memory = createMemoryStorage({ clock });
  for (const name of ['a', 'bad', 'c']) await put(memory, `/registry/a/${name}`);
  const damaged = (): never => { throw new CorruptError('the value is damaged'); };
  const engine: StorageEngine = {
    ...memory,
    range: (options) => (options.keysOnly === true ? memory.range(options) : Promise.reject(new CorruptError('the value is damaged'))),
    get: async (key, options) => (key.endsWith('bad') ? damaged() : memory.get(key, options)),
  };
  const feed = new StorageFeed({ engine, clock, log: silentLogger });
  await feed.start();
  const sink = new Sink();
  await feed.attach(sink);
  assert.deepEqual([...sink.keys.keys()], ['/registry/a/a', '/registry/a/c']);
  await feed.close();
});

test('a sink that could not be loaded is fed nothing', async () => {
  const clock = new VirtualClock();
  const memory = createMemoryStorage({ clock });
  let fails = true;
  const engine: StorageEngine = { ...memory, async range(options) { if (fails) throw new Error('no answer'); return memory.range(options); } };
  const feed = new StorageFeed({ engine, clock, log: silentLogger });
  await feed.start();
  const sink = new Sink();
  await assert.rejects(feed.attach(sink), /no answer/);
  await put(memory, '/registry/a/1');
  await settle();
  assert.equal(sink.keys.size, 0);
  fails = false;
  await feed.attach(sink);
  assert.equal(sink.keys.size, 1);
  await feed.close();
});
