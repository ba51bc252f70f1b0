import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '#base/log';
import { VirtualClock } from '#base/virtual-clock';
import { CompactedError, CorruptError, NoSpaceError, UnavailableError, type StorageEngine } from '../contract.ts';
import { storageContract } from '../testing/contract.ts';
import { collectEvents } from '../testing/watch-reader.ts';
import type { EmbeddedDatabase } from './database.ts';
import { DiskFullError } from './disk-full-error.ts';
import { openEmbeddedStorage, type EmbeddedStorageOptions } from './embedded-storage.ts';

const EVENTUALLY_MS = 10_000;

/** Commits run on the disk's time, not the clock's: what a timer set off is done with the next commit. */
const settled = async (engine: StorageEngine): Promise<void> => { await engine.grantLease(1_000_000); };

/** Waits until `holds`: for work in slices that nobody awaits. */
async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const untilMs = performance.now() + EVENTUALLY_MS; !await holds();) {
    if (performance.now() > untilMs) assert.fail(what);
    await new Promise((resolve) => { setTimeout(resolve, 5); });
  }
}

storageContract('embedded', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'kubernode-store-'));
  const clock = new VirtualClock();
  const engine = await openEmbeddedStorage({ directory, clock, log: silentLogger });
  return {
    engine,
    async passSeconds(seconds) {
      await clock.advance(seconds * 1000);
      await settled(engine);
    },
    dispose: () => rm(directory, { recursive: true, force: true }),
  };
});

interface Bench {
  readonly directory: string;
  readonly clock: VirtualClock;
  open(options?: Partial<EmbeddedStorageOptions>): Promise<StorageEngine>;
}

/** A directory that goes with the test, and the engines opened in it. */
async function bench(t: TestContext): Promise<Bench> {
  const directory = await mkdtemp(join(tmpdir(), 'kubernode-store-'));
  const clock = new VirtualClock();
  const engines: StorageEngine[] = [];
  t.after(async () => {
    for (const engine of engines) await engine.close();
    await rm(directory, { recursive: true, force: true });
  });
  return {
    directory, clock,
    async open(options) {
      const engine = await openEmbeddedStorage({ directory, clock, log: silentLogger, ...options });
      engines.push(engine);
      return engine;
    },
  };
}

const bytes = (text: string): Buffer => Buffer.from(text);
const everything = { start: '/', end: '0' };
async function put(engine: StorageEngine, key: string, value = key): Promise<number> {
  const result = await engine.write({ key, value: bytes(value) });
  assert.ok(result.ok);
  return result.revision;
}

test('restart: values, revisions, history and watches go on where they were', async (t) => {
  const { open } = await bench(t);
  let engine = await open();
  const first = await put(engine, '/a', '1');
  await put(engine, '/b', 'x'.repeat(10_000));
  await put(engine, '/a', '2');
  await engine.write({ key: '/b', value: undefined });
  const before = { state: await engine.range(everything), events: await collectEvents(engine, { ...everything, afterRevision: first }, 3, 1000) };
  await engine.close();

  engine = await open();
  assert.deepEqual(await engine.range(everything), before.state);
  assert.deepEqual(await collectEvents(engine, { ...everything, afterRevision: first }, 3, 1000), before.events);
  assert.equal((await engine.get('/a', { revision: first }))?.value.toString(), '1');
  assert.equal(await put(engine, '/c'), before.state.revision + 1);
});

test('restart: compaction is remembered, and goes on where it was', async (t) => {
  const { open } = await bench(t);
  let engine = await open();
  for (let i = 0; i < 3_000; i++) void put(engine, `/a/${i % 10}`, `${i}`);
  const middle = await put(engine, '/b');
  await put(engine, '/a/0', 'last');
  await engine.compact(middle);
  await engine.close();
  engine = await open();
  assert.equal((await engine.status()).compactedRevision, middle);
  await assert.rejects(engine.range({ ...everything, revision: middle - 1 }), CompactedError);
  assert.equal((await engine.range({ ...everything, revision: middle })).count, 11);
  await eventually('12 records take the space of 12', async () => (await engine.status()).bytes < 13 * 100);
});

test('restart: a lease runs on, its keys go when its time is up, also when that was meanwhile', async (t) => {
  const { open, clock } = await bench(t);
  let engine = await open();
  const short = await engine.grantLease(10);
  const long = await engine.grantLease(100);
  await engine.write({ key: '/short', value: bytes('1'), leaseId: short });
  await engine.write({ key: '/long', value: bytes('1'), leaseId: long });
  await engine.close();
  await clock.advance(50_000);
  engine = await open();
  await clock.advance(1);
  await settled(engine);
  assert.deepEqual((await engine.range(everything)).items.map((item) => item.key), ['/long']);
  await engine.write({ key: '/long-2', value: bytes('1'), leaseId: long });
  await clock.advance(49_000);
  await settled(engine);
  assert.equal((await engine.range(everything)).count, 2);
  await clock.advance(2_000);
  await settled(engine);
  assert.equal((await engine.range(everything)).count, 0);
  assert.notEqual(await engine.grantLease(5), long);
});

test('history is bounded by age and by count', async (t) => {
  const { open, clock } = await bench(t);
  const engine = await open({ historyMs: 60_000, historyLimit: 50 });
  const first = await put(engine, '/a');
  await clock.advance(31_000);
  await put(engine, '/a');
  assert.equal((await engine.status()).compactedRevision, 0);
  await clock.advance(60_000);
  assert.ok((await engine.status()).compactedRevision >= first);
  for (let i = 0; i < 200; i++) void put(engine, '/a');
  const last = await put(engine, '/a');
  await clock.advance(31_000);
  assert.ok((await engine.status()).compactedRevision >= last - 50);
});

test('quota: puts are refused with an alarm, deletes pass, and room makes it write again', async (t) => {
  const { open } = await bench(t);
  const engine = await open({ quotaBytes: 200_000 });
  let written = 0;
  await assert.rejects(async () => { for (; written < 1_000; written++) await put(engine, `/a/${written}`, 'x'.repeat(1_000)); }, NoSpaceError);
  assert.ok(written > 100 && written < 200, `${written} were written`);
  await assert.rejects(put(engine, '/b', 'x'.repeat(1_000)), NoSpaceError);
  for (let i = 0; i < 20; i++) assert.ok((await engine.write({ key: `/a/${i}`, value: undefined })).ok);
  await eventually('there is room again', () => put(engine, '/b', 'x'.repeat(1_000)).then(() => true, () => false));
});

test('a full disk: refused, rolled back, and on again without a restart', async (t) => {
  const { open, clock } = await bench(t);
  let full = false;
  const engine = await open({
    wrapDatabase: (database): EmbeddedDatabase => ({
      ...database,
      async commit(batch) {
        if (full) throw new DiskFullError('no space');
        await database.commit(batch);
      },
    }),
  });
  const first = await put(engine, '/a', '1');
  full = true;
  const results = await Promise.allSettled([
    put(engine, '/a', '2'), put(engine, '/b'), engine.write({ key: '/a', value: undefined, expectedRevision: first }), engine.grantLease(5),
  ]);
  for (const result of results) assert.ok(result.status === 'rejected' && result.reason instanceof DiskFullError);
  assert.deepEqual((await engine.range(everything)).items.map((item) => `${item.key}=${item.value}@${item.modRevision}`), [`/a=1@${first}`]);
  await assert.rejects(put(engine, '/b'), UnavailableError);
  full = false;
  await clock.advance(1_500);
  const next = await put(engine, '/b', '1');
  assert.equal(next, first + 1, 'refused writes took no revision');
  assert.deepEqual((await collectEvents(engine, { ...everything, afterRevision: first }, 1, 1000)).map((event) => event.key), ['/b']);
});

test('any other failure of a commit ends the store: no answer, no retry, a restart has what was durable', async (t) => {
  const { open } = await bench(t);
  let broken = false;
  let told: UnavailableError | undefined;
  let tries = 0;
  const engine = await open({
    onFailure: (error) => { told = error; },
    wrapDatabase: (database): EmbeddedDatabase => ({
      ...database,
      async commit(batch) {
        if (broken) { tries++; throw new UnavailableError('EIO', { unknown: true }); }
        await database.commit(batch);
      },
    }),
  });
  const first = await put(engine, '/a', '1');
  const abort = new AbortController();
  const watching = assert.rejects(async () => { for await (const _ of engine.watch({ ...everything, afterRevision: first, signal: abort.signal })); }, UnavailableError);
  broken = true;
  const results = await Promise.allSettled([put(engine, '/a', '2'), put(engine, '/b')]);
  for (const result of results) assert.ok(result.status === 'rejected' && result.reason instanceof UnavailableError && result.reason.unknown);
  await watching;
  assert.ok(told instanceof UnavailableError);
  await assert.rejects(put(engine, '/c'), UnavailableError);
  await assert.rejects(engine.get('/a'), UnavailableError);
  assert.equal(tries, 1);
  await engine.close();
  const again = await open();
  assert.deepEqual((await again.range(everything)).items.map((item) => item.key), ['/a']);
});

test('one process only: the directory is refused while it is open, and free again after', async (t) => {
  const { open, directory } = await bench(t);
  const engine = await open();
  await assert.rejects(open(), /in use by this process/);
  const program = fileURLToPath(new URL('./kill-writer.ts', import.meta.url));
  const other = spawnSync(process.execPath, ['--import', 'tsx', program, directory, '1', '0', '1', '1'], { encoding: 'utf8' });
  assert.match(other.stderr, new RegExp(`in use by process ${process.pid}`));
  await engine.close();
  assert.deepEqual(readdirSync(directory).sort(), ['clean', 'data.mdb', 'data.mdb-lock', 'reserve']);
  await (await open()).close();
});

test('one process only: an owner that died is no owner', async (t) => {
  const { open, directory } = await bench(t);
  await (await open()).close();
  for (const dead of [{ pid: 1, startTime: '7', bootId: 'another' }, { pid: 2 ** 22 - 1, startTime: '7', bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() }, 'rubbish']) {
    writeFileSync(join(directory, 'owner'), JSON.stringify(dead));
    await (await open()).close();
  }
});

test('a file cut short is refused with what to do, and left as it is', async (t) => {
  const { open, directory } = await bench(t);
  const engine = await open();
  for (let i = 0; i < 500; i++) void put(engine, `/a/${i}`, 'x'.repeat(5_000));
  await put(engine, '/b');
  await engine.close();
  await rm(join(directory, 'clean'));
  truncateSync(join(directory, 'data.mdb'), 200_000);
  await assert.rejects(open(), (error) => error instanceof CorruptError && /damaged .*kubernode snapshot restore/.test(error.message));
  assert.ok(!existsSync(join(directory, 'owner')));
});

test('a store of a newer format is refused', async (t) => {
  const { open } = await bench(t);
  const engine = await open({ wrapDatabase: (database) => ({ ...database, commit: (batch) => database.commit({ ...batch, state: { ...batch.state!, format: 99 } }) }) });
  await put(engine, '/a');
  await engine.close();
  await assert.rejects(open(), /format 99/);
});

test('values in memory are bounded; what was moved out is read back right, also by watches', async (t) => {
  const { open } = await bench(t);
  const engine = await open();
  const start = await engine.currentRevision();
  const total = 60;
  for (let i = 0; i < total; i++) await engine.write({ key: `/a/${i % 20}`, value: Buffer.alloc(1_000_000, i) });
  const events = await collectEvents(engine, { ...everything, afterRevision: start }, total, 5000);
  events.forEach((event, i) => {
    assert.ok(event.value.equals(Buffer.alloc(1_000_000, i)));
    if (i >= 20) assert.ok(event.previous!.value.equals(Buffer.alloc(1_000_000, i - 20)));
  });
  assert.ok((await engine.get('/a/3'))!.value.equals(Buffer.alloc(1_000_000, 43)));
});

test('values lent after a restart stay what they were, whatever becomes of their keys and rows', async (t) => {
  const { open } = await bench(t);
  const first = await open();
  const keys = Array.from({ length: 40 }, (_, i) => `/n/${String(i).padStart(2, '0')}`);
  const valueOf = (key: string): string => `${key} ${'é'.repeat(key.length * 700)}`;
  for (const key of keys) await first.write({ key, value: Buffer.from(valueOf(key)) });
  await first.close();
  const engine = await open();
  const { items } = await engine.range({ start: '/n/', end: '/n0', lend: true });
  const again = await engine.range({ start: '/n/', end: '/n0', lend: true });
  assert.ok(items.every(({ lent }, index) => lent !== undefined && lent === again.items[index]!.lent), 'none was read; one for all who ask');
  for (const [index, key] of keys.entries()) {
    if (index % 4 === 1) await engine.write({ key, value: Buffer.from('changed') });
    if (index % 4 === 2) await engine.write({ key, value: undefined });
  }
  const check = (): void => {
    for (const { key, value, lent } of items) {
      assert.equal(value.toString(), valueOf(key));
      assert.equal(lent!.peek().toString(), valueOf(key));
      assert.equal(lent!.size, value.length);
    }
  };
  check();
  await engine.compact(await engine.currentRevision());
  check();
  await settled(engine);
  check();
});
