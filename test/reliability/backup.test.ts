/**
 * R16: snapshots under load are the state at one revision each; one of them restored is that state, in time, with the revision
 * moved ahead so that no client sees time go back. `KUBERNODE_BACKUPS=100 KUBERNODE_BACKUP_OBJECTS=100000` make it the nightly
 * size.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { CompactedError } from '#storage/contract';
import { openEmbeddedStorage } from '#storage/embedded/embedded-storage';
import { restoreStore } from '#storage/embedded/offline';
import { readSnapshot, saveSnapshot } from '#storage/snapshot';
import { Recorder } from './checkers/history.ts';
import { readChanges, StoreLog } from './checkers/store-log.ts';
import { engineSubject, runWorkload } from './checkers/workload.ts';
import { checkLedger } from './checkers/write-ledger.ts';
import { chance, pause, sizeOf } from './harness/size.ts';

const BACKUPS = sizeOf('BACKUPS', 5);
const OBJECTS = sizeOf('BACKUP_OBJECTS', 3_000);
const RANGE = { first: '/k/', last: '/k0' };
const KEYS = Array.from({ length: 200 }, (_, i) => `/k/${i}`);
const BETWEEN_MS = 50;
const RESTORE_MS_PER_OBJECT = 10_000 / 100_000;
const RESTORE_MS_MIN = 5_000;

test(`R16: ${BACKUPS} snapshots under load, and a restore of ${OBJECTS} objects`, { timeout: 120_000 + BACKUPS * 5_000 + OBJECTS * 5 }, async (t) => {
  const random = chance(t);
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-backup-'));
  const file = join(directory, 'snapshot');
  // All history is kept: the whole run is judged by it.
  const engine = await openEmbeddedStorage({ directory: join(directory, 'store'), clock: systemClock, log: silentLogger, historyMs: Number.MAX_SAFE_INTEGER, historyLimit: Number.MAX_SAFE_INTEGER });
  try {
    for (let from = 0; from < OBJECTS; from += 500) {
      await Promise.all(Array.from({ length: Math.min(500, OBJECTS - from) }, (_, i) => engine.write({ key: `/bulk/${String(from + i).padStart(6, '0')}`, value: Buffer.alloc(1_000, `object ${from + i} `) })));
    }
    const base = await engine.currentRevision();
    const recorder = new Recorder();
    let running = true;
    const load = runWorkload({ recorder, random, clients: 8, operations: Infinity, keys: KEYS, range: RANGE, label: 'b', subject: () => engineSubject(engine), listsPercent: 1, until: () => !running });
    const snapshots: { revision: number; items: { key: string; value: string; revision: number }[]; bulk: number; acked: number }[] = [];
    for (let i = 0; i < BACKUPS; i++) {
      await pause(BETWEEN_MS);
      // All that was acknowledged before it began is in it.
      const acked = Math.max(base, ...recorder.operations.slice(-200).map((operation) => (operation.type === 'write' && operation.outcome.kind === 'done' ? operation.outcome.revision : 0)));
      const { revision } = await saveSnapshot(engine, file, systemClock);
      const items: { key: string; value: string; revision: number }[] = [];
      let bulk = 0;
      for await (const records of readSnapshot(file)) for (const record of records) {
        if (record.type !== 'key') continue;
        if (record.item.key.startsWith('/bulk/')) bulk++;
        else items.push({ key: record.item.key, value: record.item.value.toString(), revision: record.item.modRevision });
      }
      snapshots.push({ revision, items, bulk, acked });
    }
    running = false;
    await load;
    const newest = await engine.currentRevision();
    const log = new StoreLog(await readChanges(engine, base, newest));
    assert.deepEqual(checkLedger(recorder.operations, log), []);
    for (const { revision, items, bulk, acked } of snapshots) {
      assert.ok(revision >= acked, 'what was acknowledged before is in it');
      assert.equal(bulk, OBJECTS);
      assert.deepEqual(items, log.range(RANGE.first, RANGE.last, revision), 'it is the state at its revision');
    }
    const last = snapshots.at(-1)!;
    const startMs = performance.now();
    await restoreStore(join(directory, 'restored'), file, { clock: systemClock });
    const tookMs = performance.now() - startMs;
    const restored = await openEmbeddedStorage({ directory: join(directory, 'restored'), clock: systemClock, log: silentLogger });
    try {
      assert.ok(await restored.currentRevision() > newest, 'no revision comes again with another meaning');
      const { items } = await restored.range({ start: RANGE.first, end: RANGE.last });
      assert.deepEqual(items.map((item) => ({ key: item.key, value: item.value.toString(), revision: item.modRevision })), last.items);
      assert.equal((await restored.range({ start: '/bulk/', end: '/bulk0', limit: 1 })).count, OBJECTS);
      const watch = restored.watch({ start: '/', end: '0', afterRevision: last.revision, signal: new AbortController().signal });
      await assert.rejects(watch[Symbol.asyncIterator]().next(), CompactedError, 'watches from before must list again');
    } finally {
      await restored.close();
    }
    t.diagnostic(`${recorder.operations.length} operations beside ${BACKUPS} snapshots; ${OBJECTS} objects restored in ${Math.round(tookMs)} ms`);
    assert.ok(tookMs <= Math.max(RESTORE_MS_MIN, OBJECTS * RESTORE_MS_PER_OBJECT));
  } finally {
    await engine.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
