/**
 * Keys and ranges between the wire and the store. A key of the store is a string with one character for each byte, so that the
 * order of strings is the order of bytes; keys of the API server are ASCII and look the same on both sides.
 */
import type { Version } from '../mvcc/version.ts';
import { Writer } from './message-codec.ts';

export interface KeyRange { readonly start: string; /** Exclusive. */ readonly end: string; readonly single: boolean }

/** Greater than every key. */
const END_OF_KEYS = '\u{10ffff}';
const EMPTY = Buffer.alloc(0);

export function keyOf(bytes: Buffer): string { return bytes.toString('latin1'); }

/** An empty end: the one key; one zero byte: all keys from there on. */
export function keyRange(key: Buffer, end: Buffer): KeyRange {
  const start = keyOf(key);
  if (end.length === 0) return { start, end: `${start}\0`, single: true };
  return { start, end: end.length === 1 && end[0] === 0 ? END_OF_KEYS : keyOf(end), single: false };
}

/** An encoded KeyValue. */
export function keyValueBytes(version: Version, value: Buffer): Buffer {
  const out = new Writer();
  out.key(1, version.key);
  out.number(2, version.createRevision);
  out.number(3, version.modRevision);
  out.number(4, version.writes);
  if (value.length > 0) out.block(5, value);
  if (version.leaseId !== 0) out.number(6, version.leaseId);
  return out.bytes();
}

/** The KeyValue of a deletion's event. */
export function deletedBytes(version: Version): Buffer {
  const out = new Writer();
  out.key(1, version.key);
  out.number(3, version.modRevision);
  return out.bytes();
}

export { EMPTY };
