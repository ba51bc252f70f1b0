/**
 * R9: the cache hears of changes 0 to 5 s late. A default LIST is never stale: it waits, at most 3 s, and then reads the store.
 * Reads that may be stale (resourceVersion 0) are never older than what their client was shown by this server.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Random } from '#base/random';
import { VirtualClock } from '#base/virtual-clock';
import { nextTurn } from '#base/turn';
import { selectAll } from '#apiserver/store/described';
import { FRESHNESS_WAIT_MS } from '#apiserver/store/storage-feed';
import { createMemoryStorage } from '#storage/memory/memory-storage';
import { Recorder } from './checkers/history.ts';
import { readChanges, StoreLog } from './checkers/store-log.ts';
import { checkStrictSerializability } from './checkers/strict-serializability.ts';
import { checkLedger } from './checkers/write-ledger.ts';
import { withLaggingWatch } from './harness/lagging-watch.ts';
import { itemsOf, objectChanges, openObjectStore, PREFIX, storeSubject, valueOf, type ObjectStore } from './harness/object-store.ts';
import { chance, sizeOf } from './harness/size.ts';

const READS = sizeOf('FRESH_READS', 1_500);
const DELAY_MS_MAX = 5_000;
const CLIENTS = 8;
const STEP_MS = 25;
/** Of a fast or slow time: the smallest run has both, and a slow one is longer than a read waits. */
const PHASE_STEPS_MIN = 150;
const PHASE_STEPS_MORE = 100;

const phaseSteps = (random: Random): number => PHASE_STEPS_MIN + random.integer(PHASE_STEPS_MORE);

test(`R9: ${READS} operations while the cache lags by up to 5 s`, { timeout: 60_000 + READS * 20 }, async (t) => {
  const random = chance(t);
  const clock = new VirtualClock();
  const engine = createMemoryStorage({ clock });
  // Between fast and slow times, so that both ways are taken.
  let slow = false;
  let stepsLeft = phaseSteps(random);
  const server = await openObjectStore(withLaggingWatch(engine, clock, () => (slow ? random.integer(DELAY_MS_MAX) : random.integer(20))), clock);
  const recorder = new Recorder();
  const waits: number[] = [];
  let left = READS;
  const client = async (name: string): Promise<void> => {
    let number = 0;
    while (left-- > 0) {
      const key = `${PREFIX}n/${random.integer(12)}`;
      const dice = random.integer(10);
      const startMs = clock.monotonicNow();
      if (dice < 5) await write(server, recorder, name, key, `${name}-${number++}`, dice === 4);
      else if (dice === 5) await recorder.note(name, async () => ({ type: 'get', key, found: await storeSubject(server).get(key) }));
      else if (dice < 8) await list(server, recorder, name, false);
      else if (dice === 8) await list(server, recorder, name, true);
      else await getAny(server, recorder, name, key);
      if (dice > 5) waits.push(clock.monotonicNow() - startMs);
      await clock.sleep(random.integer(200));
    }
  };
  let done = false;
  const all = Promise.all(Array.from({ length: CLIENTS }, (_, i) => client(`c${i}`))).finally(() => { done = true; });
  while (!done) {
    if (stepsLeft-- === 0) {
      slow = !slow;
      stepsLeft = phaseSteps(random);
    }
    await clock.advance(STEP_MS);
    await nextTurn();
  }
  await all;
  const newest = await engine.currentRevision();
  const log = new StoreLog(objectChanges(await readChanges(engine, 1, newest)));
  const violations = [...checkStrictSerializability(recorder.operations, log, 1), ...checkLedger(recorder.operations, log)];
  assert.deepEqual(violations.slice(0, 5), []);
  const longest = Math.max(...waits);
  const fallen = waits.filter((ms) => ms >= FRESHNESS_WAIT_MS).length;
  t.diagnostic(`${recorder.operations.length} operations; ${fallen} of ${waits.length} reads went past the cache, the longest took ${longest} ms`);
  assert.ok(longest <= FRESHNESS_WAIT_MS + 2 * STEP_MS, `a read took ${longest} ms`);
  assert.ok(fallen > 0, 'no read had to go past the cache: the run proves nothing');
  await server.close();
  await engine.close();
});

async function write(server: ObjectStore, recorder: Recorder, name: string, key: string, value: string, remove: boolean): Promise<void> {
  const wanted = remove ? undefined : value;
  await recorder.note(name, async () => ({ type: 'write', key, value: wanted, expected: undefined, outcome: await storeSubject(server).write(key, wanted, undefined) }));
}

async function list({ store }: ObjectStore, recorder: Recorder, name: string, stale: boolean): Promise<void> {
  await recorder.note(name, async () => {
    const { items, revision } = await store.list({ selection: selectAll(), limit: 0, continueToken: '', revision: stale ? { atLeast: 0 } : undefined });
    return { type: 'list', first: PREFIX, last: '/registry/configmaps0', exactly: false, stale, revision, items: itemsOf(items) };
  });
}

/** A GET with resourceVersion 0. */
async function getAny({ store }: ObjectStore, recorder: Recorder, name: string, key: string): Promise<void> {
  await recorder.note(name, async () => {
    const found = await store.getNotOlder(key, 0);
    return { type: 'get', key, stale: true, found: found === undefined ? undefined : { value: valueOf(found.bytes), revision: found.revision } };
  });
}
