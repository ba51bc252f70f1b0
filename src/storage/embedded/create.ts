/**
 * Makes the file of a new store under another name and renames it when it is whole and durable: a power cut while a store is
 * being made leaves no file, or a good one.
 */
import { renameSync, rmSync } from 'node:fs';
import { FIRST_REVISION } from '../mvcc/keyspace.ts';
import { openDatabase, type EmbeddedDatabase } from './database.ts';
import { syncDirectory } from './directory.ts';
import { newLogMark } from './logged-database.ts';
import { FORMAT_VERSION, type StoreState } from './record.ts';
import { removeLog } from './write-ahead-log.ts';

const EMPTY_STATE: StoreState = { format: FORMAT_VERSION, revision: FIRST_REVISION, compacted: 0, dropped: 0, rows: 0, lastLeaseId: 0 };

/** @param fill writes what the store begins with and answers its state. */
export async function createStore(path: string, directory: string, fill?: (database: EmbeddedDatabase) => Promise<StoreState>): Promise<void> {
  const draft = `${path}.new`;
  const removeDraft = (): void => { for (const name of [draft, `${draft}-lock`]) rmSync(name, { force: true }); };
  removeDraft();
  removeLog(directory);
  try {
    const database = openDatabase(draft);
    try {
      const state = { ...await fill?.(database) ?? EMPTY_STATE, log: newLogMark() };
      await database.commit({ versions: [], removed: [], leases: [], endedLeases: [], state });
    } finally {
      await database.close();
    }
    renameSync(draft, path);
    syncDirectory(directory);
  } finally {
    removeDraft();
  }
}
