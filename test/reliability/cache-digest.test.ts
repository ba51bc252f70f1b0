/**
 * The watch cache is what the store has, at each of its revisions: under load, after reloads forced by compaction, and when it
 * lags. Its checker finds a cache that missed, doubled or kept something.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { selectAll } from '#apiserver/store/described';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { seededRandom } from '#base/random';
import { nextTurn } from '#base/turn';
import type { StorageEngine, WatchEvent } from '#storage/contract';
import { openEmbeddedStorage } from '#storage/embedded/embedded-storage';
import { checkDigest } from './checkers/cache-digest.ts';
import { ENGINES } from './harness/engines.ts';
import { withLaggingWatch } from './harness/lagging-watch.ts';
import { itemsOf, openObjectStore, PREFIX, storeSubject } from './harness/object-store.ts';
import { chance, pause, sizeOf } from './harness/size.ts';

const WRITES = sizeOf('DIGEST_WRITES', 800);
const KEYS = 50;
/** So many that they are read in the background. */
const RESTART_KEYS = 1_500;

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

test('digest: after a restart, values are left in the store: the cache is its state under writes and compaction', { timeout: 120_000 }, async (t) => {
  const random = chance(t);
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-digest-'));
  const open = () => openEmbeddedStorage({ directory, clock: systemClock, log: silentLogger });
  const keyOf = (i: number): string => `${PREFIX}n${i % 3}/${String(i).padStart(5, '0')}`;
  let engine = await open();
  let server = await openObjectStore(engine, systemClock);
  try {
    for (let from = 0; from < RESTART_KEYS; from += 250) {
      await Promise.all(Array.from({ length: 250 }, (_, i) => storeSubject(server).write(keyOf(from + i), `v-${from + i}`, undefined)));
    }
    await server.close();
    await engine.close();
    engine = await open();
    server = await openObjectStore(engine, systemClock);
    const { cache } = server.store;
    assert.ok(cache.untilSettled() !== undefined, 'it is still being read');
    const subject = storeSubject(server);
    const listing = server.store.list({ selection: selectAll(), limit: 0, continueToken: '', revision: undefined });
    const writeSome = (round: number): Promise<unknown> => Promise.all(Array.from({ length: 20 }, (_, i) =>
      subject.write(keyOf(random.integer(RESTART_KEYS)), random.integer(4) === 0 ? undefined : `w-${round}-${i}`, undefined)));
    for (let round = 0; round < 5; round++) await writeSome(round);
    const listed = await listing;
    for (let round = 5; round < 20; round++) {
      await writeSome(round);
      if (round % 3 === 0) await engine.compact(await engine.currentRevision());
    }
    // What was listed can be read when all of it has been written over and forgotten.
    assert.equal(new Set(itemsOf(listed.items).map(({ key, value }) => { assert.match(value, /^[vw]-/); return key; })).size, listed.items.length);
    await server.feed.waitUntilFresh();
    await cache.untilSettled();
    assert.deepEqual(await checkDigest(server.store, engine), []);
    assert.ok(cache.select(selectAll()).some(({ lent }) => lent !== undefined), 'some values are still where they were');
  } finally {
    await server.close();
    await engine.close();
    rmSync(directory, { recursive: true, force: true });
  }
});

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
