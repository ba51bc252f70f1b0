/**
 * The protobuf wire format: tags, varints, length-delimited pieces.
 *
 * The writer fills its buffer from the end, so that the length of a message is known when its header is written.
 */
import { isUtf8 } from 'node:buffer';
import { MalformedError } from './decode-error.ts';

export const WIRE_VARINT = 0;
export const WIRE_FIXED64 = 1;
export const WIRE_BYTES = 2;
const WIRE_GROUP_START = 3;
const WIRE_GROUP_END = 4;
const WIRE_FIXED32 = 5;
const GROUP_DEPTH_MAX = 100;
const MAX_INT64 = 2n ** 63n - 1n;

export class ProtoWriter {
  #buffer = Buffer.allocUnsafe(1024);
  #position = 1024;

  /** Bytes written so far. */
  get size(): number {
    return this.#buffer.length - this.#position;
  }

  #reserve(bytes: number): void {
    if (this.#position >= bytes) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.size + bytes));
    this.#buffer.copy(grown, grown.length - this.size, this.#position);
    this.#position = grown.length - this.size;
    this.#buffer = grown;
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#position -= value.length;
    this.#buffer.set(value, this.#position);
  }

  text(value: string): void {
    const length = Buffer.byteLength(value, 'utf8');
    this.#reserve(length);
    this.#position -= length;
    this.#buffer.write(value, this.#position, length, 'utf8');
  }

  varint(value: number | bigint): void {
    if (typeof value === 'number' && value >= 0 && value < 0x80) {
      this.#reserve(1);
      this.#buffer[--this.#position] = value;
      return;
    }
    const groups: number[] = [];
    if (typeof value === 'number' && value >= 0 && value <= 0x7fffffff) {
      let rest = value;
      for (; rest >= 0x80; rest >>>= 7) groups.push((rest & 0x7f) | 0x80);
      groups.push(rest);
    } else {
      let rest = BigInt.asUintN(64, BigInt(value));
      for (; rest >= 0x80n; rest >>= 7n) groups.push(Number(rest & 0x7fn) | 0x80);
      groups.push(Number(rest));
    }
    this.bytes(Uint8Array.from(groups));
  }

  double(value: number): void {
    this.#reserve(8);
    this.#position -= 8;
    this.#buffer.writeDoubleLE(value, this.#position);
  }

  tag(field: number, wireType: number): void {
    this.varint((field << 3) | wireType);
  }

  /** Heads what was written since `sizeBefore` as one length-delimited field. */
  header(field: number, sizeBefore: number): void {
    this.varint(this.size - sizeBefore);
    this.tag(field, WIRE_BYTES);
  }

  finish(): Buffer {
    return this.#buffer.subarray(this.#position);
  }
}

export class ProtoReader {
  readonly #bytes: Buffer;
  #position: number;
  readonly #end: number;

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#position = start;
    this.#end = end;
  }

  get done(): boolean {
    return this.#position >= this.#end;
  }

  #byte(): number {
    if (this.#position >= this.#end) throw new MalformedError('unexpected EOF');
    return this.#bytes[this.#position++]!;
  }

  /** Of up to four bytes, as nearly all are; undefined, nothing read, for longer ones. */
  #shortVarint(): number | undefined {
    let value = 0;
    let position = this.#position;
    for (let shift = 0; shift < 28; shift += 7) {
      if (position >= this.#end) throw new MalformedError('unexpected EOF');
      const byte = this.#bytes[position++]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.#position = position;
        return value;
      }
    }
    return undefined;
  }

  /** As unsigned 64 bits. @throws MalformedError */
  varint(): bigint {
    const short = this.#shortVarint();
    if (short !== undefined) return BigInt(short);
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new MalformedError('proto: integer overflow');
  }

  /** A signed integer: number where exact, else bigint. */
  integer(): number | bigint {
    const short = this.#shortVarint();
    if (short !== undefined) return short;
    const value = BigInt.asIntN(64, this.varint());
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  bool(): boolean {
    return this.integer() !== 0;
  }

  double(): number {
    this.#need(8);
    const value = this.#bytes.readDoubleLE(this.#position);
    this.#position += 8;
    return value;
  }

  #need(length: number): void {
    if (length > this.#end - this.#position) throw new MalformedError('unexpected EOF');
  }

  #length(): number {
    const short = this.#shortVarint();
    if (short !== undefined) {
      this.#need(short);
      return short;
    }
    const length = this.varint();
    if (length > MAX_INT64) throw new MalformedError('proto: negative length found during unmarshaling');
    this.#need(Number(length));
    return Number(length);
  }

  bytes(): Buffer {
    const length = this.#length();
    const value = this.#bytes.subarray(this.#position, this.#position + length);
    this.#position += length;
    return value;
  }

  /** @throws MalformedError where it is not UTF-8: Go passes it on, and clients get another text than was sent. */
  text(): string {
    const bytes = this.bytes();
    const text = bytes.toString('utf8');
    if (text.includes('\ufffd') && !isUtf8(bytes)) throw new MalformedError('proto: invalid UTF-8 in a string');
    return text;
  }

  /** A reader of the message that follows. */
  message(): ProtoReader {
    const length = this.#length();
    const reader = new ProtoReader(this.#bytes, this.#position, this.#position + length);
    this.#position += length;
    return reader;
  }

  /** The next field; its value is to be read or skipped. @throws MalformedError */
  tag(): { readonly field: number; readonly wireType: number } {
    const tag = Number(this.#shortVarint() ?? this.varint());
    const field = Math.floor(tag / 8);
    const wireType = tag % 8;
    if (wireType === WIRE_GROUP_END) throw new MalformedError('proto: wiretype end group for non-group');
    if (field <= 0 || field >= 2 ** 29) throw new MalformedError(`proto: illegal tag ${field} (wire type ${wireType})`);
    return { field, wireType };
  }

  skip(wireType: number, depth = 0): void {
    switch (wireType) {
      case WIRE_VARINT: this.varint(); break;
      case WIRE_FIXED64: this.#need(8); this.#position += 8; break;
      case WIRE_BYTES: this.bytes(); break;
      case WIRE_FIXED32: this.#need(4); this.#position += 4; break;
      case WIRE_GROUP_START: this.#skipGroup(depth + 1); break;
      default: throw new MalformedError(`proto: illegal wireType ${wireType}`);
    }
  }

  #skipGroup(depth: number): void {
    if (depth > GROUP_DEPTH_MAX) throw new MalformedError('proto: groups nested too deeply');
    for (;;) {
      const wireType = Number(this.varint() & 7n);
      if (wireType === WIRE_GROUP_END) return;
      this.skip(wireType, depth);
    }
  }
}
