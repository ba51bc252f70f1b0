/**
 * Protobuf for the messages of `etcd/schema.ts`: decoded into plain objects with every field in place, encoded from them.
 *
 * 64-bit integers are numbers: those beyond 2^53 come out as numbers that are no safe integers, and whoever cares looks; negative
 * ones all as -1. A message in a message may be given encoded, as a Buffer. Unknown fields are skipped, as protobuf wants it.
 */
import { MESSAGES } from '../etcd/schema.ts';

export type Fields = Record<string, unknown>;

/** What arrives is not protobuf. */
export class ProtobufError extends Error {}

type Kind = 'varint' | 'unsigned' | 'bool' | 'bytes' | 'string' | 'message';
interface Field { readonly name: string; readonly id: number; readonly kind: Kind; readonly type: string; readonly repeated: boolean }

const EMPTY = Buffer.alloc(0);
const KINDS: Readonly<Record<string, Kind>> = { int64: 'varint', int32: 'varint', uint64: 'unsigned', uint32: 'unsigned', bool: 'bool', bytes: 'bytes', string: 'string' };
const DEFAULTS: Readonly<Record<Kind, unknown>> = { varint: 0, unsigned: 0, bool: false, bytes: EMPTY, string: '', message: undefined };
const TWO_63 = 2 ** 63;
/** What every negative number is read as: none means anything in a request but that it is none. */
const NEGATIVE = -1;
/** Messages in messages: as deep as transactions may stand in transactions. */
const DEPTH_MAX = 32;

const parsed = new Map<string, readonly Field[]>();
const byId = new Map<string, readonly (Field | undefined)[]>();

function fieldsOf(message: string): readonly Field[] {
  let fields = parsed.get(message);
  if (fields === undefined) {
    fields = [...MESSAGES[message]!.matchAll(/(\w+):(\w+)(\[\])?=(\d+)/g)].map(([, name, type, repeated, id]) => ({
      name: name!, type: type!, id: Number(id), kind: KINDS[type!] ?? 'message', repeated: repeated !== undefined,
    }));
    parsed.set(message, fields);
    const table: (Field | undefined)[] = [];
    for (const field of fields) table[field.id] = field;
    byId.set(message, table);
  }
  return fields;
}

/** @throws ProtobufError */
export function decodeMessage<T>(message: string, bytes: Buffer): T {
  return decodeFields(message, { bytes, at: 0 }, bytes.length, 0) as T;
}

interface Input { readonly bytes: Buffer; at: number }

function decodeFields(message: string, input: Input, end: number, depth: number): Fields {
  if (depth > DEPTH_MAX) throw new ProtobufError('too deep');
  const made: Fields = {};
  for (const { name, kind, repeated } of fieldsOf(message)) made[name] = repeated ? [] : DEFAULTS[kind];
  const table = byId.get(message)!;
  while (input.at < end) {
    const tag = varint(input, end);
    const wire = tag & 7;
    const field = table[Math.floor(tag / 8)];
    if (field === undefined) { skip(input, wire, end); continue; }
    const { name, kind, repeated } = field;
    if (wire === 0 && (kind === 'varint' || kind === 'unsigned' || kind === 'bool')) {
      const value = scalar(kind, varint(input, end));
      if (repeated) (made[name] as unknown[]).push(value); else made[name] = value;
    } else if (wire === 2) {
      const length = varint(input, end);
      const until = input.at + length;
      if (until > end) throw new ProtobufError('a field is cut short');
      if (kind === 'varint' || kind === 'unsigned' || kind === 'bool') {
        while (input.at < until) (made[name] as unknown[]).push(scalar(kind, varint(input, until)));
        continue;
      }
      const value = kind === 'message' ? decodeFields(field.type, input, until, depth + 1)
        : kind === 'string' ? input.bytes.toString('utf8', input.at, until) : input.bytes.subarray(input.at, until);
      input.at = until;
      if (repeated) (made[name] as unknown[]).push(value); else made[name] = value;
    } else {
      throw new ProtobufError(`field ${name} has another type`);
    }
  }
  return made;
}

function scalar(kind: Kind, value: number): number | boolean {
  if (kind === 'bool') return value !== 0;
  return kind === 'varint' && value >= TWO_63 ? NEGATIVE : value;
}

/** The 64 bits as an unsigned number; beyond 2^53 as near as numbers come. */
function varint(input: Input, end: number): number {
  const { bytes } = input;
  let value = 0;
  for (let factor = 1, count = 0; count < 10; factor *= 128, count++) {
    if (input.at >= end) throw new ProtobufError('a number is cut short');
    const byte = bytes[input.at++]!;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value;
  }
  throw new ProtobufError('a number is too long');
}

function skip(input: Input, wire: number, end: number): void {
  if (wire === 0) varint(input, end);
  else if (wire === 1) input.at += 8;
  else if (wire === 5) input.at += 4;
  else if (wire === 2) { const length = varint(input, end); input.at += length; } else throw new ProtobufError('a group');
  if (input.at > end) throw new ProtobufError('a field is cut short');
}

export function encodeMessage(message: string, value: Readonly<Fields>): Buffer {
  const out = new Writer();
  for (const { name, id, kind, type, repeated } of fieldsOf(message)) {
    const given = value[name];
    if (given === undefined || given === null) continue;
    if (repeated) for (const one of given as readonly unknown[]) writeField(out, id, kind, type, one, true);
    else writeField(out, id, kind, type, given, false);
  }
  return out.bytes();
}

function writeField(out: Writer, id: number, kind: Kind, type: string, value: unknown, always: boolean): void {
  if (kind === 'message') {
    out.block(id, Buffer.isBuffer(value) ? value : encodeMessage(type, value as Fields));
  } else if (kind === 'bytes' || kind === 'string') {
    const bytes = typeof value === 'string' ? Buffer.from(value) : value as Buffer;
    if (always || bytes.length > 0) out.block(id, bytes);
  } else if (always || (value !== 0 && value !== false)) {
    out.number(id, Number(value));
  }
}

/** Appends fields to memory that grows. */
export class Writer {
  #buffer = Buffer.allocUnsafe(256);
  #at = 0;

  number(id: number, value: number): void {
    this.#room(20);
    this.#varint(id * 8);
    this.#varint(value);
  }

  block(id: number, bytes: Buffer): void {
    this.#room(20 + bytes.length);
    this.#varint(id * 8 + 2);
    this.#varint(bytes.length);
    bytes.copy(this.#buffer, this.#at);
    this.#at += bytes.length;
  }

  /** One byte for each character below U+0100: how keys are kept. */
  key(id: number, key: string): void {
    this.#room(20 + key.length);
    this.#varint(id * 8 + 2);
    this.#varint(key.length);
    this.#at += this.#buffer.write(key, this.#at, 'latin1');
  }

  bytes(): Buffer { return this.#buffer.subarray(0, this.#at); }

  #varint(value: number): void {
    let rest = value;
    if (rest < 0) {
      let big = BigInt.asUintN(64, BigInt(value));
      for (; big >= 128n; big >>= 7n) this.#buffer[this.#at++] = Number(big & 127n) | 128;
      this.#buffer[this.#at++] = Number(big);
      return;
    }
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#buffer[this.#at++] = (rest % 128) | 128;
    this.#buffer[this.#at++] = rest;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + bytes));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}
