/**
 * R4: the rules of watches, over many watches at once: with selectors and without, from the beginning, from revisions long past
 * and from now, on servers that have just started and whose cache lags, read at any pace. `KUBERNODE_WATCH_EVENTS=10000000`
 * makes it the nightly size.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#base/clock';
import { nextTurn } from '#base/turn';
import type { Random } from '#base/random';
import type { StorageEngine } from '#storage/contract';
import { checkObjectWatch } from './checkers/object-watch-rules.ts';
import { ENGINES } from './harness/engines.ts';
import { withLaggingWatch } from './harness/lagging-watch.ts';
import { logSince, startLog } from './harness/live-log.ts';
import { openObjectStore, PREFIX, storeSubject, type ObjectStore } from './harness/object-store.ts';
import { ObjectWatch, onStore, type WatchOpener } from './harness/object-watch.ts';
import { chance, sizeOf } from './harness/size.ts';

const EVENTS = sizeOf('WATCH_EVENTS', 60_000);
const WATCHES = 40;
const WRITES = 600;
const WRITERS = 8;
const KEYS = 60;
const LAG_MS_MAX = 8;

/** Only the first watch lags: the one that feeds the cache. Those that read history do not. */
function withLaggingFeed(engine: StorageEngine, random: Random): StorageEngine {
  const lagging = withLaggingWatch(engine, systemClock, () => random.integer(LAG_MS_MAX));
  let first = true;
  return {
    ...engine,
    watch(options) {
      const watch = first ? lagging.watch(options) : engine.watch(options);
      first = false;
      return watch;
    },
  };
}

/** A reader that takes its time now and then. */
function atAnyPace(opener: WatchOpener, random: Random): WatchOpener {
  return async function* paced(...from) {
    for await (const chunk of opener(...from)) {
      yield chunk;
      if (random.integer(4) === 0) await nextTurn();
    }
  };
}

for (const kind of ENGINES.filter((one) => one.name !== 'etcd')) {
  test(`R4: ${EVENTS} events on ${kind.name}`, { timeout: 120_000 + EVENTS * 2 }, async (t) => {
    const random = chance(t);
    const opened = await kind.open();
    const { engine } = opened;
    const old = await openObjectStore(engine, systemClock);
    let judged = 0;
    try {
      for (let round = 0; judged < EVENTS; round++) judged += await runRound(round, old);
      t.diagnostic(`${judged} events judged`);
    } finally {
      await old.close();
      await opened.close();
    }

    async function runRound(round: number, server: ObjectStore): Promise<number> {
      const start = await startLog(engine);
      const subject = storeSubject(server);
      let number = 0;
      const write = async (count: number): Promise<void> => {
        const end = number + count;
        await Promise.all(Array.from({ length: WRITERS }, async () => {
          while (number < end) {
            const mine = number++;
            await subject.write(`${PREFIX}n${random.integer(3)}/${random.integer(KEYS)}`, random.integer(5) === 0 ? undefined : `r${round}-${mine}`, undefined);
          }
        }));
      };
      await write(WRITES / 3);
      const young = await openObjectStore(withLaggingFeed(engine, random), systemClock);
      const openers = [server, young].map((one) => atAnyPace(onStore(one, systemClock), random));
      const middle = await engine.currentRevision();
      const writing = write(WRITES);
      const watches: ObjectWatch[] = [];
      for (let i = 0; i < WATCHES; i++) {
        const from = i % 4 === 0 ? 'initial' : start.revision + random.integer(middle - start.revision + 1);
        const watch = new ObjectWatch({ name: `round ${round} watch ${i} from ${from}`, from, parity: ([undefined, 'even', 'odd'] as const)[i % 3] });
        watch.open(openers[random.integer(2)]!);
        watches.push(watch);
        if (random.integer(3) === 0) await new Promise((resolve) => { setTimeout(resolve, random.integer(3)); });
        // Some move to the other server at once.
        if (random.integer(4) === 0) { await watch.close(); watch.open(openers[random.integer(2)]!); }
      }
      await writing;
      const log = await logSince(engine, start);
      const { newest } = log;
      const records = await Promise.all(watches.map(async (watch, i) => {
        // The last change that a selector lets through is not known in advance: all of them have until the slowest of the others.
        if (i % 3 !== 0) await Promise.all(watches.filter((_, other) => other % 3 === 0).map((other) => until(() => other.revision >= newest || other.ended)));
        return watch.record(newest, i % 3 === 0 ? newest : lastOf(log.changes.map((change) => ({ revision: change.revision, now: change.value, was: log.at(change.key, change.revision - 1)?.value })), i % 3 === 1), 20_000);
      }));
      assert.deepEqual(records.flatMap((record) => checkObjectWatch(record, log)).slice(0, 5), []);
      await young.close();
      return records.reduce((sum, record) => sum + record.events.length, 0);
    }
  });
}

function lastOf(changes: readonly { revision: number; now: string | undefined; was: string | undefined }[], even: boolean): number {
  const selected = (value: string | undefined): boolean => value !== undefined && /[02468]$/.test(value) === even;
  return changes.findLast(({ now, was }) => selected(now) || selected(was))?.revision ?? 0;
}

async function until(holds: () => boolean): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (!holds() && performance.now() < endMs) await new Promise((resolve) => { setTimeout(resolve, 5); });
}
