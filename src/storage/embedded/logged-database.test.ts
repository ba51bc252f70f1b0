import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { silentLogger } from '#base/log';
import { VirtualClock } from '#base/virtual-clock';
import { UnavailableError } from '../contract.ts';
import { crc32 } from '../checksum.ts';
import type { Version } from '../mvcc/version.ts';
import { createStore } from './create.ts';
import { openDatabase, type EmbeddedDatabase, type StoreTables } from './database.ts';
import { openEmbeddedStorage } from './embedded-storage.ts';
import { logged, recoverLog } from './logged-database.ts';

const INTERVAL_MS = 1_000;

function versionOf(revision: number, text = `value of ${revision}`): Version {
  const value = Buffer.from(text);
  return {
    key: `/a/${revision}`, revision, modRevision: revision, createRevision: revision, leaseId: 0, deleted: false, writes: 1, size: value.length,
    checksum: crc32(value), value, previous: undefined, lent: undefined, event: undefined,
  };
}

interface Bench {
  readonly directory: string;
  readonly clock: VirtualClock;
  readonly tables: StoreTables;
  readonly database: EmbeddedDatabase;
  /** Commits of the tables since they are open. */
  readonly commits: () => number;
  put(revision: number, removed?: readonly Version[]): Promise<Version>;
}

async function bench(t: TestContext, wrap: (tables: StoreTables) => StoreTables = (tables) => tables): Promise<Bench> {
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-logged-'));
  const path = join(directory, 'data.mdb');
  await createStore(path, directory);
  const clock = new VirtualClock();
  const opened = openDatabase(path);
  let commits = 0;
  const tables = wrap({ ...opened, commitRows: async (batch) => { commits++; await opened.commitRows(batch); } });
  const { log } = await recoverLog(opened, directory, () => true);
  const database = logged(tables, log, { directory, clock, admits: () => true });
  t.after(() => { rmSync(directory, { recursive: true, force: true }); });
  let rows = 0;
  return {
    directory, clock, tables: opened, database, commits: () => commits,
    async put(revision, removed = []) {
      const version = versionOf(revision);
      rows += 1 - removed.length;
      await database.commit({ versions: [version], removed, leases: [], endedLeases: [], state: { format: 3, revision, compacted: 0, dropped: 0, rows, lastLeaseId: 0 } });
      return version;
    },
  };
}

test('a batch is durable at once, in the tables later, and readable all the time', async (t) => {
  const { clock, commits, database, directory, put, tables } = await bench(t);
  const version = { ...await put(2), value: undefined };
  assert.equal(commits(), 0);
  assert.equal(database.value(version).toString(), 'value of 2');
  const copy = mkdtempSync(join(tmpdir(), 'kubernode-logged-'));
  t.after(() => { rmSync(copy, { recursive: true, force: true }); });
  cpSync(directory, copy, { recursive: true });

  await clock.advance(INTERVAL_MS);
  await database.copyTo(join(directory, 'copy'));
  assert.equal(commits(), 1);
  assert.deepEqual([...tables.heads()].map(({ revision }) => revision), [2]);
  assert.equal(database.value(version).toString(), 'value of 2');
  await database.close();
  assert.deepEqual(readdirSync(directory).sort(), ['copy', 'data.mdb', 'data.mdb-lock'], 'closed in order, the log is empty and goes');

  const engine = await openEmbeddedStorage({ directory: copy, clock, log: silentLogger });
  assert.equal((await engine.get('/a/2'))?.value.toString(), 'value of 2');
  assert.equal(await engine.currentRevision(), 2);
  await engine.close();
});

test('rows that have gone again never reach the tables', async (t) => {
  const { database, directory, put, tables } = await bench(t);
  const first = await put(2);
  await put(3, [first]);
  await database.copyTo(join(directory, 'copy'));
  assert.deepEqual([...tables.heads()].map(({ revision }) => revision), [3]);
  assert.equal(tables.state()?.rows, 1);
  await database.close();
});

test('a lease that ends and begins again in one checkpoint is there', async (t) => {
  const { database, directory, tables } = await bench(t);
  const lease = { id: 7, ttlMs: 1_000, expiresAt: 1 };
  const state = { format: 3, revision: 1, compacted: 0, dropped: 0, rows: 0, lastLeaseId: 8 };
  const commit = (leases: readonly typeof lease[], endedLeases: readonly number[]): Promise<void> => database.commit({ versions: [], removed: [], leases, endedLeases, state });
  await commit([lease, { ...lease, id: 8 }], []);
  await commit([], [7, 8]);
  await commit([{ ...lease, expiresAt: 2 }], []);
  await database.copyTo(join(directory, 'copy'));
  assert.deepEqual([...tables.leases()], [{ ...lease, expiresAt: 2 }]);
  await database.close();
});

test('when the tables cannot be written nothing more is taken, and the log keeps what was', async (t) => {
  const { clock, database, directory, put } = await bench(t, (tables) => ({ ...tables, commitRows: () => Promise.reject(new UnavailableError('EIO', { unknown: true })) }));
  await put(2);
  await clock.advance(INTERVAL_MS);
  await new Promise((resolve) => { setImmediate(resolve); });
  await assert.rejects(put(3), UnavailableError);
  await database.close();
  const engine = await openEmbeddedStorage({ directory, clock, log: silentLogger });
  assert.equal((await engine.get('/a/2'))?.value.toString(), 'value of 2');
  assert.equal(await engine.currentRevision(), 2);
  await engine.close();
});

test('a store from before the log is opened, and has one then', async (t) => {
  const { clock, database, directory, put } = await bench(t);
  await put(2);
  await database.close();
  const path = join(directory, 'data.mdb');
  const tables = openDatabase(path);
  const { log: _, ...before } = tables.state()!;
  await tables.commit({ versions: [], removed: [], leases: [], endedLeases: [], state: { ...before, format: 2 } });
  await tables.close();
  for (let revision = 2; revision < 4; revision++) {
    const engine = await openEmbeddedStorage({ directory, clock, log: silentLogger });
    assert.equal(await engine.currentRevision(), revision);
    assert.ok((await engine.write({ key: '/b', value: Buffer.from('1') })).ok);
    await engine.close();
  }
  const again = openDatabase(path);
  assert.equal(again.state()?.format, 3);
  assert.ok((again.state()?.log?.salt ?? 0) > 0);
  await again.close();
});
