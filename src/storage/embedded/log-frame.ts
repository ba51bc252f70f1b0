/**
 * One frame of the write-ahead log: a batch of rows as bytes, and what can be told of bytes that are no whole frame.
 *
 *   frame    pages of 4 KiB that it shares with no other frame, in sectors of 512 bytes
 *   sector   508 bytes of data · 4 bytes of the frame's tag (of its number and the log's salt; in the first sector inverted)
 *   data     header · rows' heads, leases, ended leases · values
 *
 * A disk writes a sector whole or not at all. A frame one of whose sectors has another tag was torn by a power cut: it was never
 * acknowledged. One that has all its tags and does not match its checksums was whole once and is damaged. Because values cannot
 * reach the tags, nothing that is stored can pass for a frame.
 */
import { crc32 } from '../checksum.ts';
import { CorruptError } from '../contract.ts';
import { decodeHead, decodeLease, encodeLease, type LeaseRow, type StoreRow } from './record.ts';

export const LOG_PAGE_BYTES = 4_096;
const SECTOR_BYTES = 512;
const TAG_AT = 508;
const MAGIC = 0x474f4c4b;
const HEADER_BYTES = 76;
/** A tag that differs by so many bits is the same one, damaged: others differ by sixteen, give or take. */
const TAG_DAMAGE_BITS_MAX = 1;

export interface LogFrame {
  readonly rows: readonly StoreRow[];
  readonly leases: readonly LeaseRow[];
  readonly endedLeases: readonly number[];
  readonly revision: number;
  readonly compacted: number;
  readonly lastLeaseId: number;
}

export interface FramePlace { readonly number: number; readonly offset: number; readonly dataBytes: number }

const LEASE_BYTES = 28;
const scratch = Buffer.alloc(12);

function tagOf(salt: number, number: number): number {
  scratch.writeUInt32LE(salt, 0);
  scratch.writeDoubleLE(number, 4);
  return crc32(scratch);
}

/** Larger frames than this are rare: their memory is given back. */
const KEPT_BYTES_MAX = 1 << 20;

/** The memory of frames, used again: at most one is under way. */
export class FrameWriter {
  #data: Buffer = Buffer.alloc(0);
  #pages: Buffer = Buffer.alloc(0);

  /** Valid until the next call. */
  encode(frame: LogFrame, number: number, salt: number): Buffer {
    const { rows, leases, endedLeases } = frame;
    let metaBytes = leases.length * LEASE_BYTES + endedLeases.length * 8;
    let valueBytes = 0;
    for (const { head, value } of rows) {
      metaBytes += 4 + head.length;
      valueBytes += value?.length ?? 0;
    }
    const dataBytes = HEADER_BYTES + metaBytes + valueBytes;
    const data = this.#data = grown(this.#data, dataBytes);
    let at = HEADER_BYTES;
    for (const { head } of rows) {
      data.writeUInt32LE(head.length, at);
      head.copy(data, at + 4);
      at += 4 + head.length;
    }
    for (const lease of leases) {
      data.writeDoubleLE(lease.id, at);
      encodeLease(lease).copy(data, at + 8);
      at += LEASE_BYTES;
    }
    for (const id of endedLeases) at = data.writeDoubleLE(id, at);
    for (const { value } of rows) if (value !== undefined) at += value.copy(data, at);
    data.writeUInt32LE(MAGIC, 0);
    data.writeDoubleLE(number, 8);
    data.writeUInt32LE(salt, 16);
    [dataBytes, metaBytes, rows.length, leases.length, endedLeases.length, crc32(data.subarray(HEADER_BYTES, HEADER_BYTES + metaBytes))]
      .forEach((value, i) => data.writeUInt32LE(value, 20 + i * 4));
    [frame.revision, frame.compacted, frame.lastLeaseId].forEach((value, i) => data.writeDoubleLE(value, 44 + i * 8));
    data.writeUInt32LE(0, 68);
    data.writeUInt32LE(0, 72);
    data.writeUInt32LE(crc32(data.subarray(8, HEADER_BYTES)), 4);
    return this.#inSectors(data, dataBytes, tagOf(salt, number));
  }

  #inSectors(data: Buffer, dataBytes: number, tag: number): Buffer {
    const bytes = frameBytes(dataBytes);
    const pages = this.#pages = grown(this.#pages, bytes);
    for (let sector = 0; sector * SECTOR_BYTES < bytes; sector++) {
      const from = sector * TAG_AT;
      if (from < dataBytes) data.copy(pages, sector * SECTOR_BYTES, from, Math.min(dataBytes, from + TAG_AT));
      pages.writeUInt32LE(sector === 0 ? ~tag >>> 0 : tag, sector * SECTOR_BYTES + TAG_AT);
    }
    return pages.subarray(0, bytes);
  }
}

function grown(memory: Buffer, bytes: number): Buffer {
  if (bytes > KEPT_BYTES_MAX) return Buffer.alloc(bytes);
  return memory.length < bytes || memory.length > KEPT_BYTES_MAX ? Buffer.alloc(Math.min(KEPT_BYTES_MAX, bytes * 2)) : memory;
}

/** Bytes of a frame in the file. */
export function frameBytes(dataBytes: number): number { return Math.ceil(Math.ceil(dataBytes / TAG_AT) * SECTOR_BYTES / LOG_PAGE_BYTES) * LOG_PAGE_BYTES; }

/** The frame that begins at a page, by its header alone; undefined: none does. */
export function frameAt(segment: Buffer, offset: number, salt: number): FramePlace | undefined {
  if (offset + SECTOR_BYTES > segment.length || segment.readUInt32LE(offset) !== MAGIC || segment.readUInt32LE(offset + 16) !== salt) return undefined;
  if (segment.readUInt32LE(offset + 4) !== crc32(segment.subarray(offset + 8, offset + HEADER_BYTES))) return undefined;
  const number = segment.readDoubleLE(offset + 8);
  if (!sameTag(segment.readUInt32LE(offset + TAG_AT), ~tagOf(salt, number) >>> 0)) return undefined;
  return { number, offset, dataBytes: segment.readUInt32LE(offset + 20) };
}

/** Whether the first sector of frame `number` was written to the page, in whatever state it is now. */
export function beginsAt(segment: Buffer, offset: number, salt: number, number: number): boolean {
  return offset + SECTOR_BYTES <= segment.length && segment.readUInt32LE(offset + TAG_AT) === ~tagOf(salt, number) >>> 0;
}

/** The frame; undefined when it is torn. @throws CorruptError when it was whole once and is damaged. */
export function readFrame(segment: Buffer, place: FramePlace, salt: number): LogFrame | undefined {
  const { number, offset, dataBytes } = place;
  const sectors = Math.ceil(dataBytes / TAG_AT);
  if (offset + sectors * SECTOR_BYTES > segment.length) return undefined;
  const tag = tagOf(salt, number);
  const data = Buffer.allocUnsafe(sectors * TAG_AT);
  for (let sector = 0; sector < sectors; sector++) {
    const from = offset + sector * SECTOR_BYTES;
    if (sector > 0 && !sameTag(segment.readUInt32LE(from + TAG_AT), tag)) return undefined;
    segment.copy(data, sector * TAG_AT, from, from + TAG_AT);
  }
  return decode(data.subarray(0, dataBytes), number);
}

function decode(data: Buffer, number: number): LogFrame {
  const [metaBytes, rowCount, leaseCount, endedCount, checksum] = [24, 28, 32, 36, 40].map((at) => data.readUInt32LE(at)) as [number, number, number, number, number];
  const [revision, compacted, lastLeaseId] = [44, 52, 60].map((at) => data.readDoubleLE(at)) as [number, number, number];
  if (HEADER_BYTES + metaBytes > data.length || crc32(data.subarray(HEADER_BYTES, HEADER_BYTES + metaBytes)) !== checksum) throw damaged(number);
  const rows: StoreRow[] = [];
  let at = HEADER_BYTES;
  let valueAt = HEADER_BYTES + metaBytes;
  for (let i = 0; i < rowCount; i++) {
    const head = data.subarray(at + 4, at + 4 + data.readUInt32LE(at));
    at += 4 + head.length;
    const version = decodeHead(head.readDoubleLE(5), head);
    const value = data.subarray(valueAt, valueAt + version.size);
    if (value.length !== version.size || (version.size > 0 && crc32(value) !== version.checksum)) throw damaged(number);
    valueAt += version.size;
    rows.push({ revision: version.revision, head, value: version.size === 0 ? undefined : value });
  }
  const leases: LeaseRow[] = [];
  for (let i = 0; i < leaseCount; i++, at += LEASE_BYTES) leases.push(decodeLease(data.readDoubleLE(at), data.subarray(at + 8, at + LEASE_BYTES)));
  const endedLeases: number[] = [];
  for (let i = 0; i < endedCount; i++, at += 8) endedLeases.push(data.readDoubleLE(at));
  return { rows, leases, endedLeases, revision, compacted, lastLeaseId };
}

function damaged(number: number): CorruptError { return new CorruptError(`record ${number} of the log is damaged`); }

function sameTag(found: number, expected: number): boolean {
  let bits = (found ^ expected) >>> 0;
  let count = 0;
  for (; bits !== 0 && count <= TAG_DAMAGE_BITS_MAX; count++) bits &= bits - 1;
  return count <= TAG_DAMAGE_BITS_MAX;
}
