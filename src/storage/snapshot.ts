/**
 * Snapshots: the state of any engine at one revision, in one file.
 *
 *   'kubernode-snapshot\n', then frames: u32 length · u32 crc32 · payload. Numbers are little endian. The payload's first byte:
 *     H  JSON {format, createdAt, engine, revision}                                         first, once
 *     L  JSON {id, expiresAt}: a lease and the wall clock (epoch ms) at which it ends       before its first key
 *     K  f64 modRevision · f64 createRevision · f64 leaseId · u32 key length · key · value  in key order
 *     E  JSON {keys, leases, sha256}: of all bytes of the file before this frame            last, once
 *
 * A file without its end frame is not a snapshot: it is written beside its name and renamed when it is whole and durable.
 * Taking one needs no lock: all pages are read as of one revision while writes go on.
 */
import { createHash } from 'node:crypto';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '#base/clock';
import { crc32 } from './checksum.ts';
import { CompactedError, CorruptError, type KeyValue, type StorageEngine } from './contract.ts';

export const SNAPSHOT_FORMAT = 1;

const MAGIC = Buffer.from('kubernode-snapshot\n');
const FRAME_HEAD_BYTES = 8;
const KEY_HEAD_BYTES = 29;
/** A frame holds one value; anything longer is damage. */
const FRAME_BYTES_MAX = 16 << 20;
const PAGE_ITEMS = 500;
/** Bytes gathered before they are written. */
const WRITE_BYTES = 1 << 20;
const READ_BYTES = 1 << 20;
/** How often taking a snapshot starts over when history is compacted under it. */
const ATTEMPTS_MAX = 3;

export interface SnapshotHeader { readonly format: number; readonly createdAt: string; readonly engine: string; readonly revision: number }
export interface SnapshotLease { readonly id: number; /** Epoch ms. */ readonly expiresAt: number }
export interface SnapshotSummary extends SnapshotHeader { readonly keys: number; readonly leases: number; readonly bytes: number }

export type SnapshotRecord =
  | { readonly type: 'header'; readonly header: SnapshotHeader }
  | { readonly type: 'lease'; readonly lease: SnapshotLease }
  | { readonly type: 'key'; readonly item: KeyValue }
  | { readonly type: 'end'; readonly summary: SnapshotSummary };

/**
 * Writes the state of `engine` to `path`, replacing what is there when it is done.
 * @throws CompactedError when history is compacted faster than it can be read.
 */
export async function saveSnapshot(engine: StorageEngine, path: string, clock: Clock, signal?: AbortSignal): Promise<SnapshotSummary> {
  for (let attempt = 1; ; attempt++) {
    const draft = `${path}.partial`;
    const file = await open(draft, 'w', 0o600);
    try {
      const summary = await writeSnapshot(engine, file, clock, signal);
      await file.sync();
      await file.close();
      await rename(draft, path);
      await syncDirectoryOf(path);
      return summary;
    } catch (error) {
      await file.close().catch(() => undefined);
      await rm(draft, { force: true });
      if (!(error instanceof CompactedError) || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}

async function writeSnapshot(engine: StorageEngine, file: FileHandle, clock: Clock, signal: AbortSignal | undefined): Promise<SnapshotSummary> {
  const chunks = snapshotChunks(engine, clock, signal);
  for (;;) {
    const next = await chunks.next();
    if (next.done === true) return next.value;
    await file.write(next.value);
  }
}

/**
 * The bytes of a snapshot, for whoever writes them elsewhere; the last chunk alone makes them whole.
 * @throws CompactedError when history is compacted faster than it is read.
 */
export async function* snapshotChunks(engine: StorageEngine, clock: Clock, signal?: AbortSignal): AsyncGenerator<Buffer, SnapshotSummary> {
  const hash = createHash('sha256');
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let bytes = 0;
  const gathered = (): Buffer => {
    const chunk = Buffer.concat(pending);
    pending = [];
    pendingBytes = 0;
    hash.update(chunk);
    bytes += chunk.length;
    return chunk;
  };
  const emit = (...parts: Buffer[]): void => {
    for (const part of parts) { pending.push(part); pendingBytes += part.length; }
  };
  const frame = (type: string, ...payload: Buffer[]): void => { emit(...encodeFrame(type, payload)); };
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

  const { engine: name, revision } = await engine.status();
  const header: SnapshotHeader = { format: SNAPSHOT_FORMAT, createdAt: new Date(clock.now()).toISOString(), engine: name, revision };
  emit(MAGIC);
  frame('H', json(header));
  const leases = new Set<number>();
  let keys = 0;
  let start = '\0';
  for (;;) {
    const page = await engine.range({ start, end: '\u{10ffff}', limit: PAGE_ITEMS, revision }, signal);
    for (const item of page.items) {
      if (item.leaseId !== undefined && !leases.has(item.leaseId)) {
        const left = await engine.leaseSecondsLeft(item.leaseId) ?? 0;
        leases.add(item.leaseId);
        frame('L', json({ id: item.leaseId, expiresAt: Math.round(clock.now() + left * 1000) } satisfies SnapshotLease));
      }
      frame('K', ...encodeItem(item));
      keys++;
      if (pendingBytes >= WRITE_BYTES) yield gathered();
    }
    if (!page.more) break;
    start = `${page.items[page.items.length - 1]!.key}\0`;
  }
  if (pendingBytes > 0) yield gathered();
  frame('E', json({ keys, leases: leases.size, sha256: hash.copy().digest('hex') }));
  yield gathered();
  return { ...header, keys, leases: leases.size, bytes };
}

/**
 * Reads and checks a snapshot, record by record; the last one is the end.
 * @throws CorruptError when the file is damaged, cut short, or not a snapshot.
 */
export async function* readSnapshot(path: string): AsyncGenerator<SnapshotRecord, void, undefined> {
  const damaged = (what: string): CorruptError => new CorruptError(`${path} is not a whole snapshot: ${what}`);
  const file = await open(path, 'r');
  try {
    const input = byteReader(file);
    const hash = createHash('sha256');
    const magic = await input.take(MAGIC.length);
    if (magic === undefined || !magic.equals(MAGIC)) throw damaged('it does not begin like one');
    hash.update(magic);
    let header: SnapshotHeader | undefined;
    let keys = 0;
    let leases = 0;
    for (;;) {
      const head = await input.take(FRAME_HEAD_BYTES);
      if (head === undefined) throw damaged('its end is missing');
      const length = head.readUInt32LE(0);
      const payload = length > FRAME_BYTES_MAX || length === 0 ? undefined : await input.take(length);
      if (payload === undefined) throw damaged('a record is cut short');
      if (crc32(payload) !== head.readUInt32LE(4)) throw damaged('a record does not match its checksum');
      const type = String.fromCharCode(payload[0]!);
      if (type === 'E') {
        const end = JSON.parse(payload.toString('utf8', 1)) as { keys: number; leases: number; sha256: string };
        if (header === undefined || end.keys !== keys || end.leases !== leases || end.sha256 !== hash.digest('hex')) throw damaged('records are missing');
        if (await input.take(1) !== undefined) throw damaged('there is more after its end');
        yield { type: 'end', summary: { ...header, keys, leases, bytes: input.position() } };
        return;
      }
      hash.update(head).update(payload);
      if (type === 'H') {
        header = JSON.parse(payload.toString('utf8', 1)) as SnapshotHeader;
        if (header.format > SNAPSHOT_FORMAT) throw new Error(`${path} has format ${header.format}; this version of kubernode reads up to ${SNAPSHOT_FORMAT}`);
        yield { type: 'header', header };
      } else if (header === undefined) {
        throw damaged('its header is missing');
      } else if (type === 'L') {
        leases++;
        yield { type: 'lease', lease: JSON.parse(payload.toString('utf8', 1)) as SnapshotLease };
      } else if (type === 'K') {
        keys++;
        yield { type: 'key', item: decodeItem(payload) };
      } else {
        throw damaged(`a record of unknown type ${JSON.stringify(type)}`);
      }
    }
  } finally {
    await file.close();
  }
}

export interface SnapshotInspection extends SnapshotSummary {
  /** Keys and bytes of values by the first two parts of the key, such as `/registry/pods`. */
  readonly groups: readonly { readonly prefix: string; readonly keys: number; readonly bytes: number }[];
}

/** Checks a whole snapshot and says what is in it. @throws CorruptError */
export async function inspectSnapshot(path: string): Promise<SnapshotInspection> {
  const groups = new Map<string, { prefix: string; keys: number; bytes: number }>();
  for await (const record of readSnapshot(path)) {
    if (record.type === 'key') {
      const prefix = record.item.key.split('/').slice(0, 3).join('/');
      const group = groups.get(prefix) ?? { prefix, keys: 0, bytes: 0 };
      group.keys++;
      group.bytes += record.item.value.length;
      groups.set(prefix, group);
    } else if (record.type === 'end') {
      return { ...record.summary, groups: [...groups.values()].sort((a, b) => (a.prefix < b.prefix ? -1 : 1)) };
    }
  }
  throw new CorruptError(`${path} has no end`);
}

function encodeFrame(type: string, payload: readonly Buffer[]): Buffer[] {
  const head = Buffer.allocUnsafe(FRAME_HEAD_BYTES + 1);
  head[FRAME_HEAD_BYTES] = type.charCodeAt(0);
  let length = 1;
  let sum = crc32(head.subarray(FRAME_HEAD_BYTES));
  for (const part of payload) { length += part.length; sum = crc32(part, sum); }
  head.writeUInt32LE(length, 0);
  head.writeUInt32LE(sum, 4);
  return [head, ...payload];
}

function encodeItem(item: KeyValue): [Buffer, Buffer] {
  const keyBytes = Buffer.byteLength(item.key);
  const head = Buffer.allocUnsafe(KEY_HEAD_BYTES - 1 + keyBytes);
  head.writeDoubleLE(item.modRevision, 0);
  head.writeDoubleLE(item.createRevision, 8);
  head.writeDoubleLE(item.leaseId ?? 0, 16);
  head.writeUInt32LE(keyBytes, 24);
  head.write(item.key, 28);
  return [head, item.value];
}

function decodeItem(payload: Buffer): KeyValue {
  const valueAt = KEY_HEAD_BYTES + payload.readUInt32LE(25);
  const leaseId = payload.readDoubleLE(17);
  const item = {
    key: payload.toString('utf8', KEY_HEAD_BYTES, valueAt), value: payload.subarray(valueAt),
    modRevision: payload.readDoubleLE(1), createRevision: payload.readDoubleLE(9),
  };
  return leaseId === 0 ? item : { ...item, leaseId };
}

interface ByteReader {
  /** Exactly `length` bytes of their own, or undefined when there are not as many. */
  take(length: number): Promise<Buffer | undefined>;
  position(): number;
}

function byteReader(file: FileHandle): ByteReader {
  let held = Buffer.alloc(0);
  let position = 0;
  return {
    async take(length) {
      const parts = [held];
      let have = held.length;
      while (have < length) {
        const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, null);
        if (bytesRead === 0) break;
        parts.push(buffer.subarray(0, bytesRead));
        have += bytesRead;
      }
      const all = parts.length === 1 ? held : Buffer.concat(parts, have);
      if (have < length) { held = all; return undefined; }
      held = all.subarray(length);
      position += length;
      return Buffer.from(all.subarray(0, length));
    },
    position: () => position,
  };
}

async function syncDirectoryOf(path: string): Promise<void> {
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
