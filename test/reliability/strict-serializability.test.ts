/**
 * R5, R4: 16 clients on few and on many keys, on every engine and on the watch cache above it: the history is strictly
 * serializable, the ledger is clean, and watches opened at random revisions tell the truth. `KUBERNODE_OPERATIONS=1000000`
 * makes it the nightly size.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { systemClock } from '#base/clock';
import type { Random } from '#base/random';
import type { StorageEngine } from '#storage/contract';
import { Recorder } from './checkers/history.ts';
import { checkObjectWatch } from './checkers/object-watch-rules.ts';
import { readChanges, StoreLog } from './checkers/store-log.ts';
import { checkStrictSerializability } from './checkers/strict-serializability.ts';
import { recordWatch, type RecordedWatch } from './checkers/watch-recorder.ts';
import { checkWatch } from './checkers/watch-rules.ts';
import { engineSubject, runWorkload, type Subject } from './checkers/workload.ts';
import { checkLedger } from './checkers/write-ledger.ts';
import { ENGINES } from './harness/engines.ts';
import { objectChanges, openObjectStore, PREFIX, storeSubject, type ObjectStore } from './harness/object-store.ts';
import { ObjectWatch, onStore } from './harness/object-watch.ts';
import { chance, sizeOf } from './harness/size.ts';

const OPERATIONS = sizeOf('OPERATIONS', 3_000);
const CLIENTS = 16;
/** Operations that are judged together: bounds memory. */
const ROUND_OPERATIONS = 20_000;
const WATCHES = 8;

interface Totals { operations: number; events: number }

const keysOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `${PREFIX}n${i % 4}/${String(i).padStart(4, '0')}`);

/** Rounds of work on one subject, each judged before the next. */
async function run(engine: StorageEngine, server: ObjectStore | undefined, keys: readonly string[], operations: number, random: Random): Promise<Totals> {
  const subject: Subject = server === undefined ? engineSubject(engine) : storeSubject(server);
  const totals: Totals = { operations: 0, events: 0 };
  for (let round = 0; totals.operations < operations; round++) {
    const base = await engine.currentRevision();
    const before = await subject.list('/', '0');
    const recorder = new Recorder();
    const count = Math.min(ROUND_OPERATIONS, operations - totals.operations);
    const watches: RecordedWatch[] = [];
    const objectWatches: ObjectWatch[] = [];
    for (let part = 0; part < WATCHES / 2; part++) {
      const at = await engine.currentRevision();
      const from = base + random.integer(at - base + 1);
      watches.push(recordWatch(engine, `watch ${part} after ${from}`, part % 2 === 0 ? { start: '/', end: '0', afterRevision: from } : { start: `${PREFIX}n1/`, end: `${PREFIX}n10`, afterRevision: from }));
      if (server !== undefined) {
        const watch = new ObjectWatch({ name: `object watch ${part}`, from: part % 2 === 0 ? 'initial' : from, ...(part < 2 ? {} : { parity: 'even' as const }) });
        watch.open(onStore(server, systemClock));
        objectWatches.push(watch);
      }
      await runWorkload({ recorder, random, clients: CLIENTS, operations: Math.ceil(count / (WATCHES / 2)), keys, range: { first: PREFIX, last: '/registry/configmaps0' }, label: `r${round}p${part}-`, subject: () => subject, listsPercent: keys.length > 100 ? 1 : 4 });
    }
    const newest = await engine.currentRevision();
    const changes = await readChanges(engine, base, newest);
    const log = new StoreLog(server === undefined ? changes : objectChanges(changes), before.items);
    const raw = new StoreLog(changes, (await engine.range({ start: '/', end: '0', revision: base })).items.map((item) => ({ key: item.key, value: item.value.toString(), revision: item.modRevision })));
    const records = await Promise.all(watches.map((watch, i) => watch.finish(newest, raw.changes.findLast(({ key }) => i % 2 === 0 || (key >= `${PREFIX}n1/` && key < `${PREFIX}n10`))?.revision ?? 0, 20_000)));
    const objectRecords = await Promise.all(objectWatches.map((watch, i) => watch.record(newest, lastChange(log, i >= 2), 20_000)));
    assert.deepEqual([
      ...checkStrictSerializability(recorder.operations, log, base), ...checkLedger(recorder.operations, log),
      ...records.flatMap((record) => checkWatch(record, raw)), ...objectRecords.flatMap((record) => checkObjectWatch(record, log)),
    ].slice(0, 5), []);
    totals.operations += recorder.operations.length;
    totals.events += records.reduce((sum, record) => sum + record.batches.reduce((inner, batch) => inner + batch.events.length, 0), 0) + objectRecords.reduce((sum, record) => sum + record.events.length, 0);
  }
  return totals;
}

/** The last change that a watch of all, or of even objects, is told. */
function lastChange(log: StoreLog, even: boolean): number {
  for (const { key, value, revision } of log.changes.toReversed()) {
    const was = log.at(key, revision - 1)?.value;
    if (!even || [was, value].some((one) => one !== undefined && /[02468]$/.test(one))) return revision;
  }
  return 0;
}

for (const kind of ENGINES) {
  for (const cached of [false, true]) {
    test(`R5: ${CLIENTS} clients on ${kind.name}${cached ? ' through the watch cache' : ''}`, { skip: kind.skip, timeout: 60_000 + OPERATIONS * 10 }, async (t: TestContext) => {
      const random = chance(t);
      const opened = await kind.open();
      const server = cached ? await openObjectStore(opened.engine, systemClock) : undefined;
      try {
        const share = Math.ceil(OPERATIONS * kind.share / 2);
        const startMs = performance.now();
        const few = await run(opened.engine, server, keysOf(10), share, random);
        const many = await run(opened.engine, server, keysOf(1_000), share, random);
        t.diagnostic(`${few.operations + many.operations} operations and ${few.events + many.events} events judged in ${Math.round(performance.now() - startMs)} ms`);
      } finally {
        await server?.close();
        await opened.close();
      }
    });
  }
}
