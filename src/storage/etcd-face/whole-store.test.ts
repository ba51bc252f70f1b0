import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#base/virtual-clock';
import { createMemoryStorage } from '../memory/memory-storage.ts';
import type { Version } from '../mvcc/version.ts';
import { versionsByRevision, versionSlices } from './whole-store.ts';

test('a whole store, larger than a slice, in either order and as of one revision', async () => {
  const store = createMemoryStorage({ clock: new VirtualClock() });
  const { keyspace } = store.mvcc.core;
  const keys = Array.from({ length: 9_500 }, (_, i) => `k${(i * 7_919) % 9_500}`);
  await store.mvcc.transact((writer) => { for (const key of keys.slice(0, 5_000)) writer.put(key, Buffer.from('1'), 0); });
  for (const key of keys.slice(5_000)) await store.write({ key, value: Buffer.from('1') });
  const revision = await store.currentRevision();
  await store.write({ key: 'later', value: Buffer.from('1') });
  const all = async (slices: AsyncIterable<Version[]>): Promise<string[]> => { const found: string[] = []; for await (const slice of slices) for (const { key } of slice) found.push(key); return found; };
  assert.deepEqual(await all(versionSlices(keyspace, revision)), [...keys].sort());
  assert.deepEqual(await all(versionsByRevision(keyspace, revision)), keys);
  await store.close();
});
