import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, existsSync, readFileSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { silentLogger } from '#base/log';
import { VirtualClock } from '#base/virtual-clock';
import { CompactedError, CorruptError, type StorageEngine } from './contract.ts';
import { openEmbeddedStorage } from './embedded/embedded-storage.ts';
import { checkStore, compactStore, restoreStore } from './embedded/offline.ts';
import { createMemoryStorage } from './memory/memory-storage.ts';
import { restoreInto } from './restore.ts';
import { inspectSnapshot, saveSnapshot } from './snapshot.ts';
import { collectEvents } from './testing/watch-reader.ts';

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kubernode-snapshot-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

const everything = { start: '/', end: '0' };
const openAt = (directory: string, clock: VirtualClock): Promise<StorageEngine> => openEmbeddedStorage({ directory, clock, log: silentLogger });

async function fill(engine: StorageEngine, keys: number): Promise<void> {
  const leaseId = await engine.grantLease(60);
  for (let i = 0; i < keys; i++) {
    await engine.write({ key: `/registry/${i % 2 === 0 ? 'pods' : 'nodes'}/${i}`, value: Buffer.from(`value ${i} `.repeat(i % 300)) });
  }
  await engine.write({ key: '/registry/events/1', value: Buffer.from('event'), leaseId });
  await engine.write({ key: '/registry/pods/0', value: Buffer.from('changed') });
}

test('snapshot: of one engine, into every other, with revisions ahead', async (t) => {
  const directory = await folder(t);
  const clock = new VirtualClock();
  const path = join(directory, 'snapshot');
  const source = await openAt(join(directory, 'source'), clock);
  await fill(source, 1_200);
  const before = await source.range(everything);
  const saved = await saveSnapshot(source, path, clock);
  assert.deepEqual([saved.engine, saved.revision, saved.keys, saved.leases], ['embedded', before.revision, before.count, 1]);
  assert.equal(statSync(path).size, saved.bytes);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const inspected = await inspectSnapshot(path);
  assert.deepEqual(inspected.groups.map((group) => [group.prefix, group.keys]), [['/registry/events', 1], ['/registry/nodes', 600], ['/registry/pods', 600]]);
  const lastRevision = await source.currentRevision();
  await source.close();

  const memory = createMemoryStorage({ clock });
  const restored = await restoreInto(memory, path, { clock });
  assert.ok(restored.revision > lastRevision + 10_000);
  const items = (await memory.range(everything)).items;
  assert.deepEqual(items.map((item) => [item.key, item.value.toString()]), before.items.map((item) => [item.key, item.value.toString()]));
  assert.ok(items.every((item) => item.modRevision > lastRevision), 'no revision that a client may know');
  await assert.rejects(collectEvents(memory, { ...everything, afterRevision: lastRevision }, 1, 1000), CompactedError);

  const again = await restoreStore(join(directory, 'target'), path, { clock });
  assert.equal(again.revision, lastRevision + 10_000);
  const target = await openAt(join(directory, 'target'), clock);
  assert.deepEqual((await target.range(everything)).items, before.items, 'objects keep their revisions');
  await assert.rejects(collectEvents(target, { ...everything, afterRevision: lastRevision }, 1, 1000), CompactedError);
  const next = await target.write({ key: '/registry/pods/new', value: Buffer.from('1') });
  assert.ok(next.ok && next.revision === again.revision + 1);
  await clock.advance(61_000);
  await target.grantLease(1_000);
  assert.equal(await target.get('/registry/events/1'), undefined, 'its lease goes on');
  await target.close();
});

test('snapshot: while writes go on it is the state of one revision', async (t) => {
  const directory = await folder(t);
  const clock = new VirtualClock();
  const engine = createMemoryStorage({ clock });
  // Invariant at each revision: /a/… and /b/… of a number differ by at most one.
  for (let i = 0; i < 700; i++) for (const side of ['a', 'b']) await engine.write({ key: `/${side}/${i}`, value: Buffer.from('0') });
  let running = true;
  const writing = (async () => {
    for (let n = 1; running; n++) {
      for (const side of ['a', 'b']) for (let i = 0; i < 700; i += 100) await engine.write({ key: `/${side}/${i}`, value: Buffer.from(`${n}`) });
      await new Promise((resolve) => { setImmediate(resolve); });
    }
  })();
  const path = join(directory, 'snapshot');
  const { revision } = await saveSnapshot(engine, path, clock);
  running = false;
  await writing;
  const expected = await engine.range({ ...everything, revision });
  const copy = createMemoryStorage({ clock });
  await restoreInto(copy, path, { clock, revisionsAhead: 1 });
  assert.deepEqual((await copy.range(everything)).items.map((item) => `${item.key}=${item.value}`), expected.items.map((item) => `${item.key}=${item.value}`));
});

test('snapshot: damage of any kind is told before anything is restored', async (t) => {
  const directory = await folder(t);
  const clock = new VirtualClock();
  const engine = createMemoryStorage({ clock });
  await fill(engine, 50);
  const whole = join(directory, 'whole');
  const { bytes } = await saveSnapshot(engine, whole, clock);
  const cases: [string, (path: string) => void][] = [
    ['empty', (path) => truncateSync(path, 0)],
    ['not one at all', (path) => writeFileSync(path, 'x'.repeat(1_000))],
    ['cut in a record', (path) => truncateSync(path, bytes >> 1)],
    ['without its end', (path) => truncateSync(path, bytes - 1)],
    ['with something after it', (path) => appendFileSync(path, 'x')],
    ...[20, 30, 100, bytes >> 1, bytes - 90, bytes - 10].map((at): [string, (path: string) => void] => [`a flipped bit at ${at}`, (path) => {
      const content = readFileSync(path);
      content[at]! ^= 4;
      writeFileSync(path, content);
    }]),
  ];
  for (const [title, damage] of cases) {
    const path = join(directory, 'damaged');
    copyFileSync(whole, path);
    damage(path);
    await assert.rejects(inspectSnapshot(path), CorruptError, title);
    const target = createMemoryStorage({ clock });
    await assert.rejects(restoreInto(target, path, { clock }), CorruptError, title);
    assert.equal((await target.status()).keys, 0);
    await assert.rejects(restoreStore(join(directory, 'target'), path, { clock }), CorruptError, title);
    assert.ok(!existsSync(join(directory, 'target')));
  }
});

test('snapshot: a full store is not restored over', async (t) => {
  const directory = await folder(t);
  const clock = new VirtualClock();
  const path = join(directory, 'snapshot');
  const engine = await openAt(join(directory, 'store'), clock);
  await fill(engine, 5);
  await saveSnapshot(engine, path, clock);
  await assert.rejects(restoreInto(engine, path, { clock }), /not empty/);
  await assert.rejects(restoreStore(join(directory, 'store'), path, { clock }), /in use/);
  await engine.close();
  await assert.rejects(restoreStore(join(directory, 'store'), path, { clock }), /already holds a store/);
  assert.deepEqual(readdirSync(directory).sort(), ['snapshot', 'store'], 'no draft stays');
});

test('offline: check finds what is damaged, compact gives space back', async (t) => {
  const directory = await folder(t);
  const clock = new VirtualClock();
  const store = join(directory, 'store');
  await assert.rejects(checkStore(store, clock), /no store/);
  let engine = await openAt(store, clock);
  for (let i = 0; i < 400; i++) await engine.write({ key: `/a/${i % 10}`, value: Buffer.alloc(20_000, i % 10) });
  const before = await engine.range(everything);
  await engine.close();
  const checked = await checkStore(store, clock);
  assert.deepEqual([checked.keys, checked.records, checked.damaged], [10, 400, []]);
  const { before: big, after: small } = await compactStore(store, clock);
  assert.ok(small < big / 10, `${big} to ${small}`);
  engine = await openAt(store, clock);
  assert.deepEqual(await engine.range(everything), before);
  await engine.close();

  const content = readFileSync(join(store, 'data.mdb'));
  const at = content.indexOf(Buffer.alloc(20_000, 7));
  assert.ok(at > 0);
  content[at + 500]! ^= 1;
  writeFileSync(join(store, 'data.mdb'), content);
  const found = await checkStore(store, clock);
  assert.equal(found.damaged.length, 1);
  assert.match(found.damaged[0]!, /the value of \/a\/7 at revision \d+ is damaged/);
  engine = await openAt(store, clock);
  await assert.rejects(engine.get('/a/7'), CorruptError);
  assert.equal((await engine.get('/a/6'))!.value.length, 20_000, 'others are not touched');
  assert.ok((await engine.write({ key: '/a/7', value: undefined })).ok, 'it can be deleted');
  assert.equal((await engine.range(everything)).count, 9);
  await engine.close();
});
