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
 * Reads and checks a snapshot, as many records at a time as a read brings; the very last one is the end. Values share the bytes that
 * were read: who keeps one copies it.
 * @throws CorruptError when the file is damaged, cut short, or not a snapshot: what came before must not be used then.
 */
export async function* readSnapshot(path: string): AsyncGenerator<readonly SnapshotRecord[], void, undefined> {
  const file = await open(path, 'r');
  try {
    const parser = new FrameParser(path);
    let held: Buffer = Buffer.alloc(0);
    let last: readonly SnapshotRecord[] = [];
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, null);
      if (bytesRead === 0) break;
      const read = buffer.subarray(0, bytesRead);
      held = held.length === 0 ? read : Buffer.concat([held, read]);
      const { records, taken } = parser.parse(held);
      held = held.subarray(taken);
      last = records;
      if (records.length > 0 && !parser.ended) yield records;
    }
    // Whoever is told of the end may stop reading: it is one only when nothing comes after it.
    parser.finish(held.length);
    yield last;
  } finally {
    await file.close();
  }
}

/** Takes whole frames from the front of what has been read. */
class FrameParser {
  readonly #path: string;
  readonly #hash = createHash('sha256');
  #begun = false;
  #ended = false;
  #header: SnapshotHeader | undefined;
  #keys = 0;
  #leases = 0;
  #position = 0;

  constructor(path: string) { this.#path = path; }

  get ended(): boolean { return this.#ended; }

  /** @throws CorruptError */
  parse(bytes: Buffer): { readonly records: SnapshotRecord[]; readonly taken: number } {
    const records: SnapshotRecord[] = [];
    let at = 0;
    if (!this.#begun) {
      if (bytes.length < MAGIC.length) return { records, taken: 0 };
      if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw this.#damaged('it does not begin like one');
      this.#begun = true;
      at = MAGIC.length;
    }
    while (bytes.length - at >= FRAME_HEAD_BYTES) {
      if (this.#ended) throw this.#damaged('there is more after its end');
      const length = bytes.readUInt32LE(at);
      if (length > FRAME_BYTES_MAX || length === 0) throw this.#damaged('a record is cut short');
      const from = at + FRAME_HEAD_BYTES;
      if (bytes.length - from < length) break;
      const payload = bytes.subarray(from, from + length);
      if (crc32(payload) !== bytes.readUInt32LE(at + 4)) throw this.#damaged('a record does not match its checksum');
      this.#ended = String.fromCharCode(payload[0]!) === 'E';
      if (this.#ended) this.#hash.update(bytes.subarray(0, at));
      at = from + length;
      records.push(this.#record(payload, this.#position + at));
    }
    if (!this.#ended) this.#hash.update(bytes.subarray(0, at));
    this.#position += at;
    return { records, taken: at };
  }

  /** @param rest bytes that no frame took. @throws CorruptError */
  finish(rest: number): void {
    if (!this.#begun) throw this.#damaged('it does not begin like one');
    if (!this.#ended) throw this.#damaged(rest < FRAME_HEAD_BYTES ? 'its end is missing' : 'a record is cut short');
    if (rest > 0) throw this.#damaged('there is more after its end');
  }

  #record(payload: Buffer, position: number): SnapshotRecord {
    const type = String.fromCharCode(payload[0]!);
    if (type === 'H') {
      this.#header = JSON.parse(payload.toString('utf8', 1)) as SnapshotHeader;
      if (this.#header.format > SNAPSHOT_FORMAT) throw new Error(`${this.#path} has format ${this.#header.format}; this version of kubernode reads up to ${SNAPSHOT_FORMAT}`);
      return { type: 'header', header: this.#header };
    }
    if (this.#header === undefined) throw this.#damaged('its header is missing');
    switch (type) {
      case 'L':
        this.#leases++;
        return { type: 'lease', lease: JSON.parse(payload.toString('utf8', 1)) as SnapshotLease };
      case 'K':
        this.#keys++;
        return { type: 'key', item: decodeItem(payload) };
      case 'E': {
        const end = JSON.parse(payload.toString('utf8', 1)) as { keys: number; leases: number; sha256: string };
        if (end.keys !== this.#keys || end.leases !== this.#leases || end.sha256 !== this.#hash.digest('hex')) throw this.#damaged('records are missing');
        return { type: 'end', summary: { ...this.#header, keys: this.#keys, leases: this.#leases, bytes: position } };
      }
      default: throw this.#damaged(`a record of unknown type ${JSON.stringify(type)}`);
    }
  }

  #damaged(what: string): CorruptError { return new CorruptError(`${this.#path} is not a whole snapshot: ${what}`); }
}

export interface SnapshotInspection extends SnapshotSummary {
  /** Keys and bytes of values by the first two parts of the key, such as `/registry/pods`. */
  readonly groups: readonly { readonly prefix: string; readonly keys: number; readonly bytes: number }[];
}

/** Checks a whole snapshot and says what is in it. @throws CorruptError */
export async function inspectSnapshot(path: string): Promise<SnapshotInspection> {
  const groups = new Map<string, { prefix: string; keys: number; bytes: number }>();
  for await (const records of readSnapshot(path)) for (const record of records) {
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

async function syncDirectoryOf(path: string): Promise<void> {
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
