/** The checkers' own test: a sound engine passes, each planted bug is found, by the right rule. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#base/clock';
import { seededRandom } from '#base/random';
import type { StorageEngine } from '#storage/contract';
import { createMemoryStorage } from '#storage/memory/memory-storage';
import { Recorder } from './history.ts';
import { PLANTED_BUGS } from './planted-bugs.ts';
import { readChanges, StoreLog } from './store-log.ts';
import { checkStrictSerializability, type Violation } from './strict-serializability.ts';
import { recordWatch } from './watch-recorder.ts';
import { checkWatch } from './watch-rules.ts';
import { engineSubject, runWorkload } from './workload.ts';
import { checkLedger } from './write-ledger.ts';

const OPERATIONS = 1_500;
const KEYS = Array.from({ length: 12 }, (_, i) => `/k/${i % 3}/${String(i).padStart(2, '0')}`);

/** Runs clients and watches on `shown`, and judges them by what `truth` says. */
async function judge(truth: StorageEngine, shown: StorageEngine, seed: number): Promise<Violation[]> {
  const recorder = new Recorder();
  const random = seededRandom(seed);
  const watches = [['all', '/', '0', 1], ['some', '/k/1/', '/k/10', 1]].map(([name, start, end, afterRevision]) =>
    recordWatch(shown, name as string, { start: start as string, end: end as string, afterRevision: afterRevision as number }));
  const run = (operations: number): Promise<void> => runWorkload({
    recorder, random, clients: 6, operations, keys: KEYS, range: { first: '/k/', last: '/k0' }, label: `w${recorder.operations.length}-`, subject: () => engineSubject(shown), listsPercent: 6,
  });
  await run(OPERATIONS / 2);
  const middle = await truth.currentRevision();
  watches.push(recordWatch(shown, 'resumed', { start: '/', end: '0', afterRevision: middle - 50 }), recordWatch(shown, 'late', { start: '/', end: '0', afterRevision: middle }));
  await run(OPERATIONS / 2);
  await new Promise((resolve) => { setTimeout(resolve, 5); });
  const newest = await truth.currentRevision();
  const log = new StoreLog(await readChanges(truth, 1, newest));
  // A watch after what is compacted must say so.
  await truth.compact(newest - 100);
  const behind = recordWatch(shown, 'behind', { start: '/', end: '0', afterRevision: newest - 300 });
  const records = await Promise.all([...watches, behind].map((watch) => watch.finish(newest, newest, 300)));
  return [
    ...checkStrictSerializability(recorder.operations, log, 1), ...checkLedger(recorder.operations, log), ...records.flatMap((record) => checkWatch(record, log)),
  ];
}

test('a sound engine passes', async () => {
  for (const seed of [1, 2, 3]) {
    const engine = createMemoryStorage({ clock: systemClock });
    assert.deepEqual(await judge(engine, engine, seed), []);
    await engine.close();
  }
});

for (const [name, bug] of Object.entries(PLANTED_BUGS)) {
  test(`found: an engine that ${name}`, async () => {
    const engine = createMemoryStorage({ clock: systemClock });
    const rules = new Set((await judge(engine, bug.plant(engine, seededRandom(7)), 7)).map((violation) => violation.rule));
    assert.ok(bug.rules.some((rule) => rules.has(rule)), `told: ${[...rules].join(', ') || 'nothing'}`);
    await engine.close();
  });
}
