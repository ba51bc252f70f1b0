/** The log of truth of an object store from a revision on, with the state at its beginning. */
import type { StorageEngine } from '#storage/contract';
import { readChanges, StoreLog } from '../checkers/store-log.ts';
import { objectChanges, PREFIX, valueOf } from './object-store.ts';

export interface LogStart { readonly revision: number; readonly items: readonly { readonly key: string; readonly value: string; readonly revision: number }[] }

export async function startLog(engine: StorageEngine): Promise<LogStart> {
  const { revision, items } = await engine.range({ start: PREFIX, end: `${PREFIX.slice(0, -1)}0` });
  return { revision, items: items.map((item) => ({ key: item.key, value: valueOf(item.value), revision: item.modRevision })) };
}

export async function logSince(engine: StorageEngine, start: LogStart): Promise<StoreLog> {
  return new StoreLog(objectChanges(await readChanges(engine, start.revision, await engine.currentRevision())), start.items);
}
