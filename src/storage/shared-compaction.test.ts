import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#base/virtual-clock';
import type { StorageEngine } from './contract.ts';
import { createMemoryStorage } from './memory/memory-storage.ts';
import { withSharedCompaction } from './shared-compaction.ts';

test('of several servers one compacts in each interval, and another goes on when it is gone', async () => {
  const engine = createMemoryStorage({ clock: new VirtualClock() });
  const done: string[] = [];
  const server = (name: string): StorageEngine => withSharedCompaction({ ...engine, async compact(revision) { done.push(`${name} ${revision}`); } });
  const [a, b] = [server('a'), server('b')];
  await a.compact(1);
  await b.compact(1); // sees that a was faster
  await a.compact(2);
  await b.compact(2);
  await b.compact(3); // a is gone
  await b.compact(4);
  assert.deepEqual(done, ['a 1', 'a 2', 'b 3', 'b 4']);
  await engine.close();
});
