/**
 * R6: watchers resume from their last revision after a restart of the server, without listing again, and miss nothing: history is
 * in the store. `KUBERNODE_WATCHERS=1000 KUBERNODE_RESTARTS=50` make it the nightly size.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { openEmbeddedStorage } from '#storage/embedded/embedded-storage';
import { checkObjectWatch } from './checkers/object-watch-rules.ts';
import { logSince, startLog } from './harness/live-log.ts';
import { openObjectStore, PREFIX, storeSubject } from './harness/object-store.ts';
import { ObjectWatch, onStore } from './harness/object-watch.ts';
import { chance, sizeOf } from './harness/size.ts';

const WATCHERS = sizeOf('WATCHERS', 100);
const RESTARTS = sizeOf('RESTARTS', 4);
const WRITES = 60;
const KEYS = 40;
const RESUMED_SHARE_MIN = 0.999;

test(`R6: ${WATCHERS} watchers through ${RESTARTS} restarts`, { timeout: 60_000 + RESTARTS * WATCHERS * 200 }, async (t) => {
  const random = chance(t);
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-resume-'));
  const open = () => openEmbeddedStorage({ directory, clock: systemClock, log: silentLogger });
  let engine = await open();
  let server = await openObjectStore(engine, systemClock);
  const start = await startLog(engine);
  let number = 0;
  const write = async (count: number): Promise<void> => {
    const subject = storeSubject(server);
    await Promise.all(Array.from({ length: count }, () => subject.write(`${PREFIX}n${random.integer(2)}/${random.integer(KEYS)}`, random.integer(6) === 0 ? undefined : `v-${number++}`, undefined)));
  };
  let resumed = 0;
  let refused = 0;
  try {
    await write(WRITES);
    const watches = Array.from({ length: WATCHERS }, (_, i) => new ObjectWatch({ name: `watcher ${i}`, from: i % 3 === 0 ? 'initial' : start.revision, ...(i % 2 === 0 ? {} : { parity: 'odd' as const }) }));
    for (const watch of watches) watch.open(onStore(server, systemClock));
    for (let restart = 0; restart < RESTARTS; restart++) {
      await write(WRITES);
      // Cut wherever they are, some before the server ends, some by its end.
      await Promise.all(watches.map((watch) => watch.close()));
      await write(WRITES / 2);
      await server.close();
      await engine.close();
      engine = await open();
      server = await openObjectStore(engine, systemClock);
      if (random.integer(2) === 0) await write(WRITES / 2);
      for (const watch of watches) watch.open(onStore(server, systemClock));
      await new Promise((resolve) => { setTimeout(resolve, 50); });
      for (const watch of watches) if (watch.error === undefined) resumed++; else refused++;
    }
    const newest = await engine.currentRevision();
    const log = await logSince(engine, start);
    const records = await Promise.all(watches.map((watch, i) => watch.record(newest, i % 2 === 0 ? newest : 0, 20_000)));
    // Those with a selector have had as long as the slowest of the others.
    assert.deepEqual(records.flatMap((record) => checkObjectWatch(record, log)).slice(0, 5), []);
    const events = records.reduce((sum, record) => sum + record.events.length, 0);
    t.diagnostic(`${resumed} of ${resumed + refused} resumed without a list; ${events} events judged`);
    assert.ok(resumed >= (resumed + refused) * RESUMED_SHARE_MIN);
  } finally {
    await server.close();
    await engine.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
