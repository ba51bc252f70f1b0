/**
 * HPACK (RFC 7541): decoding with a dynamic table; encoding without one, so that what a server always says is encoded once.
 *
 * One decoder belongs to one connection and must see all its header blocks in order.
 */
import { huffmanDecode } from './huffman.ts';

/** The dynamic table's bytes (SETTINGS_HEADER_TABLE_SIZE), as the protocol begins with. */
const TABLE_BYTES = 4_096;
const ENTRY_OVERHEAD_BYTES = 32;

const STATIC: readonly (readonly [string, string])[] = [
  [':authority', ''], [':method', 'GET'], [':method', 'POST'], [':path', '/'], [':path', '/index.html'], [':scheme', 'http'], [':scheme', 'https'],
  [':status', '200'], [':status', '204'], [':status', '206'], [':status', '304'], [':status', '400'], [':status', '404'], [':status', '500'],
  ['accept-charset', ''], ['accept-encoding', 'gzip, deflate'], ['accept-language', ''], ['accept-ranges', ''], ['accept', ''],
  ['access-control-allow-origin', ''], ['age', ''], ['allow', ''], ['authorization', ''], ['cache-control', ''], ['content-disposition', ''],
  ['content-encoding', ''], ['content-language', ''], ['content-length', ''], ['content-location', ''], ['content-range', ''], ['content-type', ''],
  ['cookie', ''], ['date', ''], ['etag', ''], ['expect', ''], ['expires', ''], ['from', ''], ['host', ''], ['if-match', ''], ['if-modified-since', ''],
  ['if-none-match', ''], ['if-range', ''], ['if-unmodified-since', ''], ['last-modified', ''], ['link', ''], ['location', ''], ['max-forwards', ''],
  ['proxy-authenticate', ''], ['proxy-authorization', ''], ['range', ''], ['referer', ''], ['refresh', ''], ['retry-after', ''], ['server', ''],
  ['set-cookie', ''], ['strict-transport-security', ''], ['transfer-encoding', ''], ['user-agent', ''], ['vary', ''], ['via', ''], ['www-authenticate', ''],
];

/** A header block that breaks the rules: the connection cannot go on, as its table is unknown from here. */
export class HpackError extends Error {}

export class HpackDecoder {
  /** Newest first. */
  readonly #dynamic: (readonly [string, string])[] = [];
  #bytes = 0;
  #bytesMax = TABLE_BYTES;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  /** Names and values in order. @throws HpackError */
  decode(block: Buffer): (readonly [string, string])[] {
    this.#block = block;
    this.#at = 0;
    const fields: (readonly [string, string])[] = [];
    while (this.#at < block.length) {
      const first = block[this.#at]!;
      if ((first & 0x80) !== 0) {
        fields.push(this.#entry(this.#integer(7)));
      } else if ((first & 0x40) !== 0) {
        const field = this.#literal(6);
        this.#add(field);
        fields.push(field);
      } else if ((first & 0x20) !== 0) {
        const bytes = this.#integer(5);
        if (bytes > TABLE_BYTES || fields.length > 0) throw new HpackError('table size');
        this.#bytesMax = bytes;
        this.#evict();
      } else {
        fields.push(this.#literal(4));
      }
    }
    return fields;
  }

  #entry(index: number): readonly [string, string] {
    const found = index <= STATIC.length ? STATIC[index - 1] : this.#dynamic[index - STATIC.length - 1];
    if (found === undefined) throw new HpackError('index');
    return found;
  }

  #literal(prefixBits: number): readonly [string, string] {
    const index = this.#integer(prefixBits);
    const name = index === 0 ? this.#string() : this.#entry(index)[0];
    return [name, this.#string()];
  }

  #integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) << shift;
      if ((byte & 0x80) === 0) return value;
    }
    throw new HpackError('integer');
  }

  #string(): string {
    const huffman = (this.#block[this.#at]! & 0x80) !== 0;
    const length = this.#integer(7);
    const end = this.#at + length;
    if (end > this.#block.length) throw new HpackError('string');
    const bytes = this.#block.subarray(this.#at, end);
    this.#at = end;
    const text = huffman ? huffmanDecode(bytes) : bytes.toString('latin1');
    if (text === undefined) throw new HpackError('huffman');
    return text;
  }

  #byte(): number {
    if (this.#at >= this.#block.length) throw new HpackError('end');
    return this.#block[this.#at++]!;
  }

  #add(field: readonly [string, string]): void {
    this.#dynamic.unshift(field);
    this.#bytes += costOf(field);
    this.#evict();
  }

  #evict(): void { while (this.#bytes > this.#bytesMax) this.#bytes -= costOf(this.#dynamic.pop()!); }
}

function costOf([name, value]: readonly [string, string]): number { return name.length + value.length + ENTRY_OVERHEAD_BYTES; }

/** Literals without indexing; names in lower case. */
export function hpackEncode(fields: readonly (readonly [string, string])[]): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of fields) {
    const whole = STATIC.findIndex((entry) => entry[0] === name && entry[1] === value);
    if (whole >= 0) { parts.push(Buffer.from([0x80 | (whole + 1)])); continue; }
    const index = STATIC.findIndex((entry) => entry[0] === name) + 1;
    parts.push(index > 0 ? integerBytes(index, 4, 0) : Buffer.concat([Buffer.from([0]), stringBytes(name)]), stringBytes(value));
  }
  return Buffer.concat(parts);
}

function stringBytes(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  return Buffer.concat([integerBytes(bytes.length, 7, 0), bytes]);
}

function integerBytes(value: number, prefixBits: number, flags: number): Buffer {
  const mask = (1 << prefixBits) - 1;
  if (value < mask) return Buffer.from([flags | value]);
  const bytes = [flags | mask];
  let rest = value - mask;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}
