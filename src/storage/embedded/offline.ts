/**
 * What is done to an embedded store while no server has it open: check, compact, restore.
 *
 * Each claims the directory as a server would, so that neither runs beside one.
 */
import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '#base/clock';
import { nextTurn } from '#base/turn';
import { crc32 } from '../checksum.ts';
import { CorruptError, type KeyValue } from '../contract.ts';
import { EngineCore } from '../mvcc/engine-core.ts';
import type { Version } from '../mvcc/version.ts';
import { REVISIONS_AHEAD, type RestoreResult } from '../restore.ts';
import { inspectSnapshot, readSnapshot } from '../snapshot.ts';
import { MAP_BYTES, openDatabase, type EmbeddedDatabase } from './database.ts';
import { createStore } from './create.ts';
import { DATA_FILE, claimDirectory, syncDirectory, type StoreDirectory } from './directory.ts';
import { loadStore } from './load.ts';
import { recoverLog } from './logged-database.ts';
import { probeFile } from './probe.ts';
import { FORMAT_VERSION, type LeaseRow } from './record.ts';

export interface CheckResult {
  readonly revision: number;
  readonly compactedRevision: number;
  readonly keys: number;
  readonly records: number;
  readonly fileBytes: number;
  /** Sentences, one for each damaged value; whatever is worse is thrown. */
  readonly damaged: readonly string[];
}

const RECORDS_PER_BATCH = 1_000;
/** Of a restore, where nobody waits beside it: each batch is a sync of the disk. */
const RESTORED_RECORDS_PER_BATCH = 20_000;
const RESTORED_BYTES_PER_BATCH = 32 << 20;
/** Ids that engines choose themselves; clients of etcd's face may use larger ones. */
const CHOSEN_LEASE_ID_MAX = 2 ** 47;
/** Damaged values that are listed one by one. */
const DAMAGED_MAX = 1_000;

/** Reads every record and value of a store. @throws CorruptError when it cannot be opened at all. */
export async function checkStore(directory: string, clock: Clock): Promise<CheckResult> {
  return await withStore(directory, async (database, claimed) => {
    const core = offlineCore(database, clock);
    const { rows } = loadStore(database, core, clock);
    const damaged: string[] = [];
    let checked = 0;
    for (const version of database.heads()) {
      if (++checked % RECORDS_PER_BATCH === 0) await nextTurn();
      if (version.deleted || damaged.length >= DAMAGED_MAX) continue;
      try {
        database.value(version);
      } catch (error) {
        if (!(error instanceof CorruptError)) throw error;
        damaged.push(error.message);
      }
    }
    core.leases.close();
    const { published, compacted, keys } = core.keyspace;
    return { revision: published, compactedRevision: compacted, keys, records: rows, fileBytes: statSync(claimed.dataPath).size, damaged };
  });
}

/** Forgets all history and gives the space back to the disk. Answers the bytes of the file before and after. */
export async function compactStore(directory: string, clock: Clock): Promise<{ readonly before: number; readonly after: number }> {
  return await withStore(directory, async (database, claimed) => {
    const core = offlineCore(database, clock);
    const loaded = loadStore(database, core, clock);
    const { log } = database.state()!;
    core.leases.close();
    const { keyspace } = core;
    keyspace.compact(keyspace.published);
    let rows = loaded.rows;
    while (keyspace.droppable) {
      const removed = keyspace.dropSome(RECORDS_PER_BATCH);
      rows -= removed.length;
      const { compacted, dropped, published } = keyspace;
      const state = { format: FORMAT_VERSION, revision: published, compacted, dropped, rows, lastLeaseId: loaded.lastLeaseId, ...(log === undefined ? {} : { log }) };
      await database.commit({ versions: [], removed, leases: [], endedLeases: [], state });
    }
    const before = statSync(claimed.dataPath).size;
    const copy = `${claimed.dataPath}.compact`;
    rmSync(copy, { force: true });
    await database.copyTo(copy);
    await database.close();
    renameSync(copy, claimed.dataPath);
    syncDirectory(directory);
    return { before, after: statSync(claimed.dataPath).size };
  });
}

/**
 * Makes an embedded store from a snapshot. Objects keep their revisions; the store's own is moved ahead, and all history
 * counts as compacted, so that watches from before are told to list again.
 * @throws CorruptError when the snapshot is damaged; Error when the directory holds a store. Nothing stays behind then.
 */
export async function restoreStore(
  directory: string, path: string, options: { readonly clock: Clock; readonly revisionsAhead?: number },
): Promise<RestoreResult> {
  const { clock, revisionsAhead = REVISIONS_AHEAD } = options;
  const { groups: _, ...snapshot } = await inspectSnapshot(path);
  const claimed = claimDirectory(directory);
  if (claimed.existed) {
    claimed.release(!claimed.unclean);
    throw new Error(`${directory} already holds a store: restore into an empty directory`);
  }
  const revision = snapshot.revision + revisionsAhead;
  let expired = 0;
  let restored = false;
  try {
    await createStore(claimed.dataPath, directory, async (database) => {
      const imported = await importRecords(database, path, clock);
      expired = imported.expired;
      return { format: FORMAT_VERSION, revision, compacted: revision, dropped: revision, rows: imported.rows, lastLeaseId: imported.lastLeaseId };
    });
    restored = true;
    return { snapshot, revision, expired };
  } finally {
    claimed.release(restored);
  }
}

async function importRecords(database: EmbeddedDatabase, path: string, clock: Clock): Promise<{ rows: number; expired: number; lastLeaseId: number }> {
  const live = new Set<number>();
  let versions: Version[] = [];
  let leases: LeaseRow[] = [];
  let bytes = 0;
  let rows = 0;
  let expired = 0;
  let lastLeaseId = 0;
  let writing = Promise.resolve();
  /** One batch goes to the disk while the next is read. */
  const flush = async (): Promise<void> => {
    await writing;
    // In the order of the tables' keys: neighbours go into the same pages.
    versions.sort((a, b) => a.revision - b.revision);
    writing = database.commit({ versions, removed: [], leases, endedLeases: [] });
    writing.catch(() => undefined);
    rows += versions.length;
    versions = [];
    leases = [];
    bytes = 0;
  };
  const taken = new Set<number>();
  try {
    for await (const records of readSnapshot(path)) for (const record of records) {
      if (record.type === 'lease') {
        const { id, expiresAt } = record.lease;
        if (id <= CHOSEN_LEASE_ID_MAX) lastLeaseId = Math.max(lastLeaseId, id);
        if (expiresAt <= clock.now()) continue;
        live.add(id);
        leases.push({ id, ttlMs: expiresAt - clock.now(), expiresAt });
      } else if (record.type === 'key') {
        if (record.item.leaseId !== undefined && !live.has(record.item.leaseId)) { expired++; continue; }
        versions.push(versionOf(record.item, taken));
        bytes += record.item.value.length;
        if (versions.length >= RESTORED_RECORDS_PER_BATCH || bytes >= RESTORED_BYTES_PER_BATCH) await flush();
      }
    }
    await flush();
  } finally {
    await writing;
  }
  return { rows, expired, lastLeaseId };
}

/** @param taken places of the log: keys that one transaction wrote have the same revision, and a place each. */
function versionOf({ key, value, modRevision, createRevision, leaseId = 0 }: KeyValue, taken: Set<number>): Version {
  let revision = modRevision;
  while (taken.has(revision)) revision--;
  taken.add(revision);
  return {
    key, value, createRevision, leaseId, revision, modRevision, writes: 1, size: value.length, checksum: crc32(value),
    deleted: false, previous: undefined, lent: undefined, event: undefined,
  };
}

function offlineCore(database: EmbeddedDatabase, clock: Clock): EngineCore {
  return new EngineCore({ clock, load: (version) => database.value(version), expire: () => undefined });
}

async function withStore<T>(directory: string, work: (database: EmbeddedDatabase, claimed: StoreDirectory) => Promise<T>): Promise<T> {
  if (!existsSync(join(directory, DATA_FILE))) throw new Error(`there is no store in ${directory}`);
  const claimed = claimDirectory(directory);
  let database: EmbeddedDatabase | undefined;
  try {
    await probeFile(claimed.dataPath, 'everything', MAP_BYTES);
    const tables = openDatabase(claimed.dataPath);
    database = tables;
    await recoverLog(tables, directory, () => true);
    return await work(database, claimed);
  } finally {
    await database?.close();
    claimed.release(!claimed.unclean);
  }
}
