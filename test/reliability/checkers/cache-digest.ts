/** Judges a watch cache: it holds, byte for byte, what the store has at the cache's revision. */
import { createHash } from 'node:crypto';
import { selectAll } from '#apiserver/store/described';
import type { ResourceStore } from '#apiserver/store/resource-store';
import { CompactedError, prefixEnd, type StorageEngine } from '#storage/contract';
import type { Violation } from './strict-serializability.ts';

function digest(items: Iterable<{ readonly key: string; readonly revision: number; readonly bytes: Buffer }>): string {
  const hash = createHash('sha256');
  for (const { key, revision, bytes } of items) hash.update(`${key} ${revision} ${bytes.length} `).update(bytes);
  return hash.digest('hex');
}

/** Can be asked for at any time, under load too. */
export async function checkDigest({ cache, feed, prefix }: ResourceStore, engine: StorageEngine): Promise<Violation[]> {
  // One step: the objects and the revision that they are of.
  const revision = cache.currentRevision(feed.revision);
  const held = cache.select(selectAll());
  const order = held.every((object, i) => i === 0 || held[i - 1]!.key < object.key);
  let stored;
  try {
    stored = await engine.range({ start: prefix, end: prefixEnd(prefix), revision });
  } catch (error) {
    // Compaction was faster: nothing can be said.
    if (error instanceof CompactedError) return [];
    throw error;
  }
  const truth = stored.items.map(({ key, value, modRevision }) => ({ key: key.slice(prefix.length), revision: modRevision, bytes: value }));
  const violations: Violation[] = order ? [] : [{ rule: 'order', text: 'the keys of the cache are not sorted' }];
  if (digest(held) === digest(truth)) return violations;
  const at = truth.findIndex((item, i) => held[i]?.key !== item.key || held[i]?.revision !== item.revision || !held[i]!.bytes.equals(item.bytes));
  const [a, b] = [held[at < 0 ? truth.length : at], truth[at]];
  return [...violations, { rule: 'digest', text: `at ${revision} the cache has ${a === undefined ? 'nothing' : `${a.key}@${a.revision}`} where the store has ${b === undefined ? 'nothing' : `${b.key}@${b.revision}`}` }];
}
