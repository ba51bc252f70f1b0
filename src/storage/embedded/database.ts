/**
 * The LMDB file of the embedded engine: tables of rows, one atomic durable batch at a time.
 *
 * What LMDB gives and what is asked of it here:
 * - Copy-on-write pages and one small root record: a commit is whole or not there, also after a crash in its middle.
 * - `overlappingSync` is off, so that the promise of a batch resolves after fdatasync and nothing is visible earlier; the
 *   gathering of writers into batches is `group-commit.ts`, not LMDB's own.
 * - On a failed commit lmdb rejects the batch's promise and, later, a second one that hangs on the error (`commitError`);
 *   both are handled here, and the cause is what the caller gets.
 */
import { open, type Database as LmdbTable, type RootDatabase } from 'lmdb';
import { UnavailableError } from '../contract.ts';
import type { Version } from '../mvcc/version.ts';
import {
  checkValue, decodeHead, decodeLease, decodeState, encodeLease, encodeState, rowOf, type LeaseRow, type StoreRow, type StoreState,
} from './record.ts';
import { ValueSlabs } from './value-slabs.ts';

/** Address space that is reserved, not memory and not disk. */
export const MAP_BYTES = 64 * 2 ** 30;

const STATE_KEY = 'state';

export interface CommitBatch {
  readonly versions: readonly Version[];
  /** Revisions whose rows go. */
  readonly removed: readonly Version[];
  readonly leases: readonly LeaseRow[];
  readonly endedLeases: readonly number[];
  /** Absent while a new store is being filled. */
  readonly state?: StoreState;
}

/** The same as rows. */
export interface RowBatch extends Omit<CommitBatch, 'versions'> { readonly rows: readonly StoreRow[] }

type Table = LmdbTable<Buffer, number>;

export interface EmbeddedDatabase {
  state(): StoreState | undefined;
  /** In revision order. @throws CorruptError */
  heads(): Iterable<Version>;
  leases(): Iterable<LeaseRow>;
  /** @throws CorruptError */
  value(version: Version): Buffer;
  /** The same, of use until the next call. @throws CorruptError */
  peek(version: Version): Buffer;
  /** Durable when it resolves. @throws UnavailableError: the file may not be written any more by this process. */
  commit(batch: CommitBatch): Promise<void>;
  /** Process ids that have the file open, this one included. */
  readers(): number[];
  /** Writes a copy without free pages to `path`, synced. */
  copyTo(path: string): Promise<void>;
  close(): Promise<void>;
}

/** The file's own tables: every commit is one of LMDB, with two syncs. */
export interface StoreTables extends EmbeddedDatabase {
  /** As `commit`; rows that are among the removed are left out. */
  commitRows(batch: RowBatch): Promise<void>;
}

export function openDatabase(path: string, options: { readOnly?: boolean; mapBytes?: number } = {}): StoreTables {
  const root: RootDatabase<Buffer, string> = open({
    path, noSubdir: true, encoding: 'binary', overlappingSync: false, eventTurnBatching: false,
    mapSize: options.mapBytes ?? MAP_BYTES, readOnly: options.readOnly ?? false, maxDbs: 8,
  });
  const table = (name: string): Table => root.openDB<Buffer, number>(name, { encoding: 'binary' });
  const heads = table('heads');
  const values = table('values');
  const slabs = new ValueSlabs();
  const leases = table('leases');
  const meta = root.openDB<Buffer, string>('meta', { encoding: 'binary' });

  function write({ rows, removed, leases: stored, endedLeases, state }: RowBatch): void {
    const gone = new Set<number>();
    for (const { revision } of removed) gone.add(revision);
    for (const { revision, head, value } of rows) {
      if (gone.delete(revision)) continue;
      heads.put(revision, head);
      if (value !== undefined) values.put(revision, value);
    }
    for (const version of removed) {
      if (!gone.has(version.revision)) continue;
      heads.remove(version.revision);
      if (version.size > 0) values.remove(version.revision);
    }
    for (const lease of stored) leases.put(lease.id, encodeLease(lease));
    for (const id of endedLeases) leases.remove(id);
    if (state !== undefined) meta.put(STATE_KEY, encodeState(state));
  }

  async function commitRows(batch: RowBatch): Promise<void> {
    try {
      await root.batch(() => write(batch));
    } catch (error) {
      throw await classify(error);
    }
  }

  /** In lmdb's own buffer. */
  function borrow(revision: number): Buffer | undefined {
    const found = values.getBinaryFast(revision);
    if (found !== undefined) return found;
    root.resetReadTxn();
    return values.getBinaryFast(revision);
  }

  return {
    state() {
      const row = meta.get(STATE_KEY);
      return row === undefined ? undefined : decodeState(row);
    },
    *heads() {
      for (const { key, value } of heads.getRange({})) yield decodeHead(key, value);
    },
    *leases() {
      for (const { key, value } of leases.getRange({})) yield decodeLease(key, value);
    },
    value(version) {
      if (version.size === 0) return checkValue(version, undefined);
      const found = borrow(version.revision);
      return checkValue(version, found === undefined ? undefined : slabs.copyOf(found, version.size));
    },
    peek(version) {
      if (version.size === 0) return checkValue(version, undefined);
      const found = borrow(version.revision);
      // A view of its own: lmdb's buffer says a length that is not that of its memory.
      return checkValue(version, found === undefined ? undefined : Buffer.from(found.buffer, found.byteOffset, Math.min(version.size, found.length)));
    },
    commit: ({ versions, ...batch }) => commitRows({ ...batch, rows: versions.map(rowOf) }),
    commitRows,
    readers() {
      root.get(STATE_KEY);
      return [...root.readerList().matchAll(/^\s*(\d+)\s+\S+\s+\S+\s*$/gm)].map((match) => Number(match[1]));
    },
    copyTo: (copyPath) => root.backup(copyPath, true),
    close: () => root.close(),
  };
}

/** Finds the cause that lmdb hides in a second promise. */
async function classify(error: unknown): Promise<UnavailableError> {
  const nested = (error as { commitError?: Promise<unknown> }).commitError;
  const cause: unknown = nested === undefined ? error : await nested.then(() => error, (inner: unknown) => inner);
  const text = cause instanceof Error ? `${cause.message} ${(cause as NodeJS.ErrnoException).code ?? ''}` : String(cause);
  return new UnavailableError(`writing to the store failed: ${text.trim()}`, { cause, unknown: true });
}
