/**
 * The rows of the embedded engine's file.
 *
 *   table   key                  value
 *   heads   revision             crc32 · flags · revision · createRevision · leaseId · value length · value crc32
 *                                · writes (flag 2; else 1) · revisions to the last of its transaction (flag 4; else 0) · key (UTF-8)
 *   values  revision             the value as it was given; no row for a deletion or an empty value
 *   leases  lease id             crc32 · time to live in ms · wall clock of expiry (0: whole again at each start, as it is being renewed)
 *   meta    'state'              crc32 · JSON {format, revision, compacted, dropped, rows, lastLeaseId, log}
 *
 * Numbers are little endian; revisions, ids and times are doubles. Each row's crc32 covers the rest of the row; a head
 * also holds its revision and its value's checksum, so that a row or value that turns up in another one's place is seen.
 */
import { CorruptError } from '../contract.ts';
import { crc32 } from '../checksum.ts';
import type { Version } from '../mvcc/version.ts';

/** 2: heads with flags 2 and 4. 3: a log beside the file, and its mark in the state. */
export const FORMAT_VERSION = 3;

const HEAD_BYTES = 37;
const FLAG_DELETED = 1;
const FLAG_WRITES = 2;
const FLAG_TRANSACTION = 4;
const COUNT_MAX = 2 ** 32 - 1;
const LEASE_BYTES = 20;

/** Everything else that must be read together with the rows. */
export interface StoreState {
  readonly format: number;
  readonly revision: number;
  readonly compacted: number;
  readonly dropped: number;
  /** Rows in `heads`: a missing row is noticed. */
  readonly rows: number;
  readonly lastLeaseId: number;
  /** The log that goes with the file; absent before format 3. */
  readonly log?: LogMark;
}

/** Names the log, so that another store's is not taken for it, and says up to which record the file holds it. */
export interface LogMark { readonly salt: number; readonly applied: number }

/** A row of `heads` and its row of `values`. */
export interface StoreRow {
  readonly revision: number;
  readonly head: Buffer;
  /** Undefined: none, the version is a deletion or empty. */
  readonly value: Buffer | undefined;
}

export interface LeaseRow { readonly id: number; readonly ttlMs: number; readonly expiresAt: number }

export function rowOf(version: Version): StoreRow {
  return { revision: version.revision, head: encodeHead(version), value: version.size > 0 ? version.value! : undefined };
}

export function encodeHead(version: Version): Buffer {
  const writes = !version.deleted && version.writes !== 1 ? 4 : 0;
  const ahead = version.modRevision !== version.revision ? 4 : 0;
  const row = Buffer.allocUnsafe(HEAD_BYTES + writes + ahead + Buffer.byteLength(version.key));
  row[4] = (version.deleted ? FLAG_DELETED : 0) | (writes > 0 ? FLAG_WRITES : 0) | (ahead > 0 ? FLAG_TRANSACTION : 0);
  row.writeDoubleLE(version.revision, 5);
  row.writeDoubleLE(version.createRevision, 13);
  row.writeDoubleLE(version.leaseId, 21);
  row.writeUInt32LE(version.size, 29);
  row.writeUInt32LE(version.checksum, 33);
  if (writes > 0) row.writeUInt32LE(Math.min(version.writes, COUNT_MAX), HEAD_BYTES);
  if (ahead > 0) row.writeUInt32LE(version.modRevision - version.revision, HEAD_BYTES + writes);
  row.write(version.key, HEAD_BYTES + writes + ahead);
  row.writeUInt32LE(crc32(row.subarray(4)), 0);
  return row;
}

/** @throws CorruptError */
export function decodeHead(revision: number, row: Buffer): Version {
  if (row.length < HEAD_BYTES || row.readUInt32LE(0) !== crc32(row.subarray(4)) || row.readDoubleLE(5) !== revision) {
    throw new CorruptError(`the record of revision ${revision} is damaged`);
  }
  const flags = row[4]!;
  const deleted = (flags & FLAG_DELETED) !== 0;
  const aheadAt = (flags & FLAG_WRITES) === 0 ? HEAD_BYTES : HEAD_BYTES + 4;
  const keyAt = (flags & FLAG_TRANSACTION) === 0 ? aheadAt : aheadAt + 4;
  return {
    key: row.toString('utf8', keyAt), revision, deleted, createRevision: row.readDoubleLE(13),
    modRevision: keyAt === aheadAt ? revision : revision + row.readUInt32LE(aheadAt),
    writes: deleted ? 0 : aheadAt === HEAD_BYTES ? 1 : row.readUInt32LE(HEAD_BYTES),
    leaseId: row.readDoubleLE(21), size: row.readUInt32LE(29), checksum: row.readUInt32LE(33),
    value: undefined, previous: undefined, lent: undefined, event: undefined,
  };
}

/** @throws CorruptError when `value` is not what was written. */
export function checkValue(version: Version, value: Buffer | undefined): Buffer {
  const found = value ?? EMPTY;
  if (found.length === version.size && crc32(found) === version.checksum) return found;
  throw new CorruptError(`the value of ${version.key} at revision ${version.revision} is damaged`);
}

const EMPTY = Buffer.alloc(0);

export function encodeLease({ ttlMs, expiresAt }: LeaseRow): Buffer {
  const row = Buffer.allocUnsafe(LEASE_BYTES);
  row.writeDoubleLE(ttlMs, 4);
  row.writeDoubleLE(expiresAt, 12);
  row.writeUInt32LE(crc32(row.subarray(4)), 0);
  return row;
}

/** @throws CorruptError */
export function decodeLease(id: number, row: Buffer): LeaseRow {
  if (row.length !== LEASE_BYTES || row.readUInt32LE(0) !== crc32(row.subarray(4))) throw new CorruptError(`the record of lease ${id} is damaged`);
  return { id, ttlMs: row.readDoubleLE(4), expiresAt: row.readDoubleLE(12) };
}

export function encodeState(state: StoreState): Buffer {
  const json = Buffer.from(`    ${JSON.stringify(state)}`);
  json.writeUInt32LE(crc32(json.subarray(4)), 0);
  return json;
}

/** @throws CorruptError; Error when the file is of a newer format. */
export function decodeState(row: Buffer): StoreState {
  if (row.length < 4 || row.readUInt32LE(0) !== crc32(row.subarray(4))) throw new CorruptError('the state record is damaged');
  const state = JSON.parse(row.toString('utf8', 4)) as StoreState;
  if (state.format > FORMAT_VERSION) {
    throw new Error(`the store has format ${state.format}, this version of kubernode reads up to ${FORMAT_VERSION}: start the version that wrote it, or restore a snapshot`);
  }
  return state;
}
