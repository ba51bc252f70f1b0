/**
 * The part of DER (X.690) that X.509 certificates and signing requests need: an encoder of values and a strict reader.
 *
 * The reader checks each length against its container, so a truncated or overlong input is a `DerError`, never a
 * read outside. Indefinite lengths and tags above 30 do not occur in DER certificates and are refused.
 */

export class DerError extends Error {}

export const TAG = {
  boolean: 0x01, integer: 0x02, bitString: 0x03, octetString: 0x04, null: 0x05, oid: 0x06, utf8String: 0x0c,
  printableString: 0x13, ia5String: 0x16, utcTime: 0x17, generalizedTime: 0x18, sequence: 0x30, set: 0x31,
} as const;

/** One value: tag, length, contents. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const length = contents.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([tag]), encodedLength(length), ...contents]);
}

function encodedLength(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => der(TAG.sequence, ...parts);
export const set = (...parts: readonly Uint8Array[]): Buffer => der(TAG.set, ...parts);
export const octets = (bytes: Uint8Array): Buffer => der(TAG.octetString, bytes);
export const bits = (bytes: Uint8Array, unused = 0): Buffer => der(TAG.bitString, Buffer.from([unused]), bytes);
/** Context-specific, constructed: `[n]`. */
export const tagged = (number: number, ...parts: readonly Uint8Array[]): Buffer => der(0xa0 | number, ...parts);
export const utf8 = (text: string): Buffer => der(TAG.utf8String, Buffer.from(text, 'utf8'));
export const TRUE: Buffer = der(TAG.boolean, Buffer.from([0xff]));

/** A non-negative integer from its big-endian bytes. */
export function integer(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const trimmed = bytes.subarray(start);
  return (trimmed[0] ?? 0) >= 0x80 ? der(TAG.integer, Buffer.from([0]), trimmed) : der(TAG.integer, trimmed);
}

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const septets = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) septets.unshift(0x80 | (left % 128));
    bytes.push(...septets);
  }
  return der(TAG.oid, Buffer.from(bytes));
}

/** UTCTime up to 2049, GeneralizedTime from 2050 (RFC 5280 4.1.2.5). */
export function time(epochMs: number): Buffer {
  const digits = new Date(epochMs).toISOString().replace(/[-:T]/g, '').slice(0, 14);
  return Number(digits.slice(0, 4)) < 2050
    ? der(TAG.utcTime, Buffer.from(`${digits.slice(2)}Z`))
    : der(TAG.generalizedTime, Buffer.from(`${digits}Z`));
}

export interface DerValue {
  readonly tag: number;
  readonly contents: Buffer;
  /** Tag, length and contents. */
  readonly raw: Buffer;
}

/** The values that stand one after the other in `bytes`. @throws DerError */
export function readAll(bytes: Buffer): DerValue[] {
  const values: DerValue[] = [];
  for (let at = 0; at < bytes.length;) {
    const value = readAt(bytes, at);
    values.push(value);
    at += value.raw.length;
  }
  return values;
}

/** Exactly one value, with nothing after it. @throws DerError */
export function readOne(bytes: Buffer, tag?: number): DerValue {
  const value = readAt(bytes, 0);
  if (value.raw.length !== bytes.length) throw new DerError('trailing data');
  if (tag !== undefined && value.tag !== tag) throw new DerError(`unexpected tag ${value.tag}, wanted ${tag}`);
  return value;
}

/** The members of a constructed value. @throws DerError */
export function children(value: DerValue | undefined, tag: number = TAG.sequence): DerValue[] {
  if (value === undefined) throw new DerError('value missing');
  if (value.tag !== tag) throw new DerError(`unexpected tag ${value.tag}, wanted ${tag}`);
  return readAll(value.contents);
}

function readAt(bytes: Buffer, at: number): DerValue {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) throw new DerError('truncated');
  if ((tag & 0x1f) === 0x1f) throw new DerError('tag number too large');
  let header = 2;
  let length = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw new DerError('length not in DER');
    header += count;
    length = 0;
    for (let i = 0; i < count; i++) {
      const byte = bytes[at + 2 + i];
      if (byte === undefined) throw new DerError('truncated');
      length = length * 256 + byte;
    }
  }
  const end = at + header + length;
  if (end > bytes.length) throw new DerError('truncated');
  return { tag, contents: bytes.subarray(at + header, end), raw: bytes.subarray(at, end) };
}

export function readOid(value: DerValue): string {
  if (value.tag !== TAG.oid || value.contents.length === 0) throw new DerError('not an object identifier');
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of value.contents) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte < 0x80) { arcs.push(arc); arc = 0; }
  }
  const first = arcs[0] ?? 0;
  const top = Math.min(Math.floor(first / 40), 2);
  return [top, first - top * 40, ...arcs.slice(1)].join('.');
}

/** Any of the string types of a name. BMPString and the like are read as Latin-1. */
export function readText(value: DerValue): string {
  return value.contents.toString(value.tag === TAG.utf8String ? 'utf8' : 'latin1');
}
