import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { VirtualClock } from '#base/virtual-clock';
import { CompactedError, LeaseNotFoundError, type StorageEngine } from '../contract.ts';
import { openEmbeddedStorage } from '../embedded/embedded-storage.ts';
import { createMemoryStorage } from '../memory/memory-storage.ts';
import { collectEvents } from '../testing/watch-reader.ts';
import type { MvccStore } from './mvcc-store.ts';

type Store = StorageEngine & { readonly mvcc: MvccStore };
const ALL = { start: '\0', end: '\u{10ffff}' };
const text = (value: string): Buffer => Buffer.from(value);

async function onEach(run: (store: Store, reopen: () => Promise<Store>) => Promise<void>): Promise<void> {
  const memory = createMemoryStorage({ clock: new VirtualClock() });
  await run(memory, async () => memory);
  await memory.close();
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-transaction-'));
  let store = await openEmbeddedStorage({ directory, clock: systemClock, log: silentLogger });
  try {
    await run(store, async () => {
      await store.close();
      store = await openEmbeddedStorage({ directory, clock: systemClock, log: silentLogger });
      return store;
    });
  } finally {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

test('a transaction is one revision to readers and watchers, also after a restart', async () => {
  await onEach(async (store, reopen) => {
    const before = (await store.write({ key: 'a', value: text('1') })) as { revision: number };
    const { revision } = await store.mvcc.transact((writer) => {
      writer.put('a', text('2'), 0);
      writer.put('b', text('2'), 0);
      writer.put('c', text('2'), 0);
    });
    const check = async (engine: Store): Promise<void> => {
      assert.equal(await engine.currentRevision(), revision);
      for (let between = before.revision; between < revision; between++) {
        assert.deepEqual((await engine.range({ ...ALL, revision: between })).items.map(({ key, value }) => `${key}${value.toString()}`), ['a1'], `as of ${between}`);
        const events = await collectEvents(engine, { ...ALL, afterRevision: between }, 3, 2_000);
        assert.deepEqual(events.map((event) => `${event.key}${event.revision}${event.created}`), [`a${revision}false`, `b${revision}true`, `c${revision}true`], `after ${between}`);
      }
      const { items, count } = await engine.range({ ...ALL, revision });
      assert.equal(count, 3);
      assert.deepEqual(items.map(({ modRevision, createRevision }) => [modRevision, createRevision]), [[revision, before.revision], [revision, revision], [revision, revision]]);
      assert.deepEqual(items.map(({ key }) => engine.mvcc.core.keyspace.newestOf(key)!.writes), [2, 1, 1]);
    };
    await check(store);
    const again = await reopen();
    await check(again);
    assert.equal((await again.write({ key: 'b', value: text('3'), expectedRevision: revision })).ok, true);
    await again.compact(revision - 1);
    assert.equal((await again.status()).compactedRevision, before.revision, 'a line within a transaction lies before it');
    await again.compact(revision);
    await assert.rejects(again.get('a', { revision: revision - 1 }), CompactedError);
  });
});

test('a transaction larger than any batch is seen whole or not at all', async () => {
  await onEach(async (store, reopen) => {
    const writes = 6_000;
    const abort = new AbortController();
    const batches: number[] = [];
    const watching = (async () => {
      for await (const { events } of store.watch({ ...ALL, afterRevision: await store.currentRevision(), signal: abort.signal })) {
        batches.push(events.length);
        if (batches.reduce((sum, one) => sum + one, 0) === writes + 2) return;
      }
    })();
    const [, { revision }] = await Promise.all([
      store.write({ key: 'before', value: text('1') }),
      store.mvcc.transact((writer) => { for (let i = 0; i < writes; i++) writer.put(`k${i}`, text('1'), 0); }),
    ]);
    await store.write({ key: 'later', value: text('1') });
    await watching;
    assert.ok(batches.some((events) => events >= writes), `batches of ${batches.join(', ')}`);
    const again = await reopen();
    assert.equal((await again.range({ ...ALL, revision, limit: 1 })).count, writes + 1);
    assert.equal((await again.range({ ...ALL, revision: revision - 1 })).count, 1);
    await again.mvcc.transact((writer) => { for (let i = 0; i < writes; i++) writer.remove(`k${i}`); });
    assert.equal((await again.range(ALL)).count, 2);
  });
});

test('a transaction that fails in its middle has written nothing', async () => {
  await onEach(async (store) => {
    const before = await store.currentRevision();
    await assert.rejects(store.mvcc.transact((writer) => {
      writer.put('a', text('1'), 0);
      writer.put('b', text('1'), 99);
    }), LeaseNotFoundError);
    assert.equal(await store.currentRevision(), before);
    assert.deepEqual((await store.range(ALL)).items, []);
    assert.equal((await store.write({ key: 'a', value: text('2') })).revision, before + 1);
  });
});

test('a lease that is renewed begins anew after a restart; one that was not does not', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-renewed-'));
  const clock = new VirtualClock();
  const open = (): Promise<Store> => openEmbeddedStorage({ directory, clock, log: silentLogger });
  let store = await open();
  try {
    await store.mvcc.grantLease(7, 60);
    await store.mvcc.grantLease(8, 60);
    await store.write({ key: 'kept', value: text('1'), leaseId: 7 });
    await store.write({ key: 'gone', value: text('1'), leaseId: 8 });
    assert.equal(await store.mvcc.renewLease(7), 60);
    await store.close();
    await clock.advance(100_000);
    store = await open();
    await clock.advance(10);
    while (await store.get('gone') !== undefined) await new Promise((resolve) => { setImmediate(resolve); });
    assert.equal((await store.get('kept'))?.leaseId, 7);
    assert.ok(store.mvcc.core.leases.secondsLeft(7)! > 59);
  } finally {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
