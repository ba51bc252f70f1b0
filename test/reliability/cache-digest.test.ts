/**
 * The watch cache is what the store has, at each of its revisions: under load, after reloads forced by compaction, and when it
 * lags. Its checker finds a cache that missed, doubled or kept something.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#base/clock';
import { seededRandom } from '#base/random';
import { nextTurn } from '#base/turn';
import type { StorageEngine, WatchEvent } from '#storage/contract';
import { checkDigest } from './checkers/cache-digest.ts';
import { ENGINES } from './harness/engines.ts';
import { withLaggingWatch } from './harness/lagging-watch.ts';
import { openObjectStore, PREFIX, storeSubject } from './harness/object-store.ts';
import { chance, pause, sizeOf } from './harness/size.ts';

const WRITES = sizeOf('DIGEST_WRITES', 800);
const KEYS = 50;

/** An engine whose watches end now and then, and are compacted away when they come back. */
function withBrokenWatches(engine: StorageEngine, breaks: () => boolean): StorageEngine {
  return {
    ...engine,
    async *watch(options) {
      for await (const batch of engine.watch(options)) {
        if (breaks()) {
          await pause(1);
          await engine.compact(await engine.currentRevision());
          throw new Error('the connection broke');
        }
        yield batch;
      }
    },
  };
}

for (const kind of ENGINES.filter((one) => one.name !== 'etcd')) {
  test(`digest: the cache on ${kind.name} is the store's state`, { timeout: 60_000 + WRITES * 20 }, async (t) => {
    const random = chance(t);
    const opened = await kind.open();
    const { engine } = opened;
    let reloads = 0;
    const feeds: StorageEngine[] = [
      engine, withLaggingWatch(engine, systemClock, () => random.integer(10)),
      withBrokenWatches(engine, () => { const breaks = random.integer(60) === 0; if (breaks) reloads++; return breaks; }),
    ];
    const servers = await Promise.all(feeds.map((one) => openObjectStore(one, systemClock)));
    try {
      const subject = storeSubject(servers[0]!);
      let compared = 0;
      for (let number = 0; number < WRITES; number += 8) {
        await Promise.all(Array.from({ length: 8 }, (_, i) => subject.write(`${PREFIX}n${random.integer(3)}/${random.integer(KEYS)}`, random.integer(4) === 0 ? undefined : `v-${number + i}`, undefined)));
        if (random.integer(3) === 0) await nextTurn();
        if (random.integer(4) !== 0) continue;
        for (const server of servers) assert.deepEqual(await checkDigest(server.store, engine), []);
        compared++;
      }
      const newest = await engine.currentRevision();
      for (const server of servers) {
        for (let wait = 0; server.store.cache.currentRevision(server.feed.revision) < newest && wait < 500; wait++) { engine.requestProgress(); await pause(10); }
        assert.deepEqual(await checkDigest(server.store, engine), []);
      }
      t.diagnostic(`${compared * servers.length} digests compared, ${reloads} reloads`);
    } finally {
      for (const server of servers) await server.close();
      await opened.close();
    }
  });
}

const FAULTS: Record<string, (event: WatchEvent) => readonly WatchEvent[]> = {
  'misses an event': () => [],
  'keeps what was deleted': (event) => (event.type === 'delete' ? [] : [event]),
  'holds other bytes': (event) => [event.type === 'put' ? { ...event, value: Buffer.from(event.value.toString().replace('"value":"', '"value":"x')) } : event],
  'takes another revision': (event) => [{ ...event, revision: event.revision + 1 }],
};

for (const [name, fault] of Object.entries(FAULTS)) {
  test(`digest: found: a cache that ${name}`, async () => {
    const opened = await ENGINES[0]!.open();
    const { engine } = opened;
    const random = seededRandom(1);
    const server = await openObjectStore({ ...engine, async *watch(options) {
      for await (const batch of engine.watch(options)) yield { ...batch, events: batch.events.flatMap((event) => (random.integer(10) === 0 ? fault(event) : [event])) };
    } }, systemClock);
    try {
      const subject = storeSubject(server);
      const rules = new Set<string>();
      for (let number = 0; number < 200; number++) {
        await subject.write(`${PREFIX}n/${random.integer(20)}`, random.integer(3) === 0 ? undefined : `v-${number}`, undefined);
        await nextTurn();
        for (const { rule } of await checkDigest(server.store, engine)) rules.add(rule);
      }
      assert.ok(rules.has('digest'));
    } finally {
      await server.close();
      await opened.close();
    }
  });
}
