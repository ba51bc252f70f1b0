/**
 * R8: compaction races with watches, lists and paging: whoever is behind is told so (410), nobody misses a deletion, and no
 * revision falls. `KUBERNODE_COMPACTIONS=10000` makes it the nightly size.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#base/clock';
import { nextTurn } from '#base/turn';
import { StatusError } from '#machinery/status-error';
import { CompactedError, type StorageEngine } from '#storage/contract';
import { checkObjectWatch } from './checkers/object-watch-rules.ts';
import { checkPages, type Page } from './checkers/paged-list.ts';
import { Recorder } from './checkers/history.ts';
import { StoreLog, type Change } from './checkers/store-log.ts';
import { checkStrictSerializability } from './checkers/strict-serializability.ts';
import { runWorkload } from './checkers/workload.ts';
import { checkLedger } from './checkers/write-ledger.ts';
import { ENGINES } from './harness/engines.ts';
import { itemsOf, objectChanges, openObjectStore, PREFIX, selectionOf, storeSubject, type ObjectStore } from './harness/object-store.ts';
import { ObjectWatch, onStore } from './harness/object-watch.ts';
import { chance, pause, sizeOf } from './harness/size.ts';

const COMPACTIONS = sizeOf('COMPACTIONS', 200);
/** Compactions of one round, whose history is judged as one. */
const ROUND = 100;
const KEYS = Array.from({ length: 60 }, (_, i) => `${PREFIX}n${i % 2}/${String(i).padStart(3, '0')}`);
const OPERATIONS_PER_COMPACTION = 20;
const LIMIT = 7;
const RANGE = { first: PREFIX, last: `${PREFIX.slice(0, -1)}0` };

interface Counts { expiredWatches: number; expiredPages: number; wholePages: number; watches: number }

/** The truth, read along from the start: it must not fall behind compaction, so compaction waits for it. */
function follow(engine: StorageEngine, after: number): { readonly changes: Change[]; at: () => number; stop(): Promise<void> } {
  const changes: Change[] = [];
  const stop = new AbortController();
  let at = after;
  const reading = (async () => {
    for await (const { events, revision } of engine.watch({ start: '/', end: '0', afterRevision: after, signal: stop.signal })) {
      for (const event of events) changes.push({ revision: event.revision, key: event.key, value: event.type === 'put' ? event.value.toString() : undefined });
      at = revision;
    }
  })();
  // Told by `stop`, and not instead of what failed before it.
  reading.catch(() => undefined);
  return { changes, at: () => at, async stop() { stop.abort(); await reading; } };
}

/** Each page from any of the servers: one knows the state that the first began with, the others ask the store's history. */
async function readInPages(oneOf: () => ObjectStore, turns: () => Promise<void>): Promise<Page[] | 'expired'> {
  const pages: Page[] = [];
  for (let continueToken = ''; ;) {
    try {
      const page = await oneOf().store.list({ selection: selectionOf(undefined), limit: LIMIT, continueToken, revision: undefined });
      pages.push({ revision: page.revision, items: itemsOf(page.items) });
      if (page.continueToken === '') return pages;
      continueToken = page.continueToken;
    } catch (error) {
      assert.ok(error instanceof StatusError && error.code === 410 && error.reason === 'Expired', String(error));
      return 'expired';
    }
    await turns();
  }
}

for (const kind of ENGINES) {
  test(`R8: ${COMPACTIONS} compactions beside watches, lists and pages on ${kind.name}`, { skip: kind.skip, timeout: 60_000 + COMPACTIONS * 2_000 }, async (t) => {
    const random = chance(t);
    const opened = await kind.open();
    const { engine } = opened;
    const counts: Counts = { expiredWatches: 0, expiredPages: 0, wholePages: 0, watches: 0 };
    try {
      const total = Math.ceil(COMPACTIONS * (kind.name === 'etcd' ? 0.2 : 1));
      for (let done = 0; done < total; done += ROUND) await round(Math.min(ROUND, total - done));
      t.diagnostic(JSON.stringify(counts));
      if (kind.name !== 'etcd') assert.ok(counts.expiredWatches > 0, 'no watch was overtaken: the run proves nothing');
    } finally {
      await opened.close();
    }

    async function round(compactions: number): Promise<void> {
      const server = await openObjectStore(engine, systemClock);
      const base = await engine.range({ start: RANGE.first, end: RANGE.last });
      const items = base.items.map((item) => ({ key: item.key, value: (JSON.parse(item.value.toString()) as { data: { value: string } }).data.value, revision: item.modRevision }));
      const truth = follow(engine, base.revision);
      const recorder = new Recorder();
      const watches: ObjectWatch[] = [];
      const lists: Page[][] = [];
      const servers: ObjectStore[] = [server, await openObjectStore(engine, systemClock)];
      let highest = base.revision;
      for (let i = 0; i < compactions; i++) {
        const paging = readInPages(() => servers[random.integer(2)]!, () => pause(random.integer(4)));
        await runWorkload({ recorder, random, clients: 4, operations: OPERATIONS_PER_COMPACTION, keys: KEYS, range: RANGE, label: `d${base.revision}-${i}-`, subject: () => storeSubject(server), listsPercent: 5 });
        const now = await engine.currentRevision();
        assert.ok(now >= highest, 'the revision fell');
        highest = now;
        if (i % 10 === 0) {
          // A server that starts now knows nothing of the past but what the store still has.
          const late = await openObjectStore(engine, systemClock);
          servers.push(late);
          for (const from of [base.revision + random.integer(now - base.revision + 1), now - Math.min(10, now - base.revision)]) {
            const watch = new ObjectWatch({ name: `watch of ${i} after ${from}`, from });
            watch.open(onStore(late, systemClock));
            watches.push(watch);
          }
        }
        while (truth.at() < now) await nextTurn();
        await engine.compact(Math.max(1, now - random.integer(60))).catch((error: unknown) => { if (!(error instanceof CompactedError)) throw error; });
        const pages = await paging;
        if (pages === 'expired') counts.expiredPages++; else { counts.wholePages++; lists.push(pages); }
      }
      const newest = await engine.currentRevision();
      while (truth.at() < newest) await nextTurn();
      const log = new StoreLog(objectChanges(truth.changes), items);
      const records = await Promise.all(watches.map((watch) => watch.record(newest, newest, 20_000)));
      for (const watch of watches) { counts.watches++; if (watch.error !== undefined) { assert.equal(watch.error, 410); counts.expiredWatches++; } }
      assert.deepEqual([
        ...records.flatMap((record) => checkObjectWatch(record, log)), ...lists.flatMap((pages, i) => checkPages(`list ${i}`, pages, RANGE, LIMIT, log)),
        ...checkStrictSerializability(recorder.operations, log, base.revision), ...checkLedger(recorder.operations, log),
      ].slice(0, 5), []);
      await truth.stop();
      for (const one of servers) await one.close();
    }
  });
}
