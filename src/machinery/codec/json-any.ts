/**
 * JSON without a schema: custom resources, raw extensions, patches.
 *
 * Integers beyond 2^53 become bigint so that they are stored as they came; other numbers are doubles. A `__proto__` key is a
 * key like any other.
 */
import { DecodeError } from './decode-error.ts';
import type { JsonReader } from './json-reader.ts';

const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);
/** Strict faults beyond these are not reported. */
export const STRICT_ERRORS_MAX = 100;

/** Where strict faults are noted; undefined: duplicates pass silently. */
export interface StrictNotes {
  readonly path: (string | number)[];
  note(kind: 'duplicate field' | 'unknown field', name: string): void;
}

/**
 * A number as it was written, where its value alone would not say so: Go tells `80.0` and `8e1` from 80. Only patches keep these;
 * `encodeAny` prints the text.
 */
export class FloatLiteral {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  get text(): string {
    return this.#text;
  }

  get value(): number {
    return Number(this.#text);
  }

  /** JSON.stringify has no way to print it as written. */
  toJSON(): never {
    throw new TypeError('a number literal is printed by encodeAny');
  }
}

/** A number of a patch: plain where printing it gives its text again. */
export function literalNumber(text: string): number | bigint | FloatLiteral {
  const value = untypedNumber(text);
  return String(value) === text ? value : new FloatLiteral(text);
}

/** Reads one value at the reader's position. @throws DecodeError */
export function readAny(reader: JsonReader, strict?: StrictNotes, number: (text: string) => unknown = untypedNumber): unknown {
  switch (reader.kind()) {
    case 'string': return reader.string();
    case 'number': return number(reader.number());
    case 'bool': return reader.bool();
    case 'null': reader.null(); return null;
    case 'array': return readArray(reader, strict, number);
    case 'object': return readObject(reader, strict, number);
  }
}

function readArray(reader: JsonReader, strict: StrictNotes | undefined, number: (text: string) => unknown): unknown[] {
  const out: unknown[] = [];
  reader.enter();
  for (let first = true; reader.nextElement(first); first = false) {
    strict?.path.push(out.length);
    out.push(readAny(reader, strict, number));
    strict?.path.pop();
  }
  return out;
}

function readObject(reader: JsonReader, strict: StrictNotes | undefined, number: (text: string) => unknown): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  reader.enter();
  for (let first = true; reader.nextKey(first); first = false) {
    const key = reader.key();
    if (strict !== undefined) {
      if (Object.hasOwn(out, key)) strict.note('duplicate field', key);
      strict.path.push(key);
    }
    setOwn(out, key, readAny(reader, strict, number));
    strict?.path.pop();
  }
  return out;
}

/** Assigns a key of any name as the object's own. */
export function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
}

function untypedNumber(text: string): number | bigint {
  if (text.length > 15 && !text.includes('.')) {
    const exact = exactInt64(text);
    if (exact !== undefined) return exact;
  }
  const value = Number(text);
  if (!Number.isFinite(value)) throw new DecodeError(`json: cannot unmarshal number ${text} into Go value of type float64`);
  return value;
}

/** An int64 as number where that is exact, else as bigint; undefined when it is no int64. */
export function exactInt64(text: string): number | bigint | undefined {
  if (!/^-?\d+$/.test(text)) return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  if (text.length > 20) return undefined;
  const exact = BigInt(text);
  return exact < MIN_INT64 || exact > MAX_INT64 ? undefined : exact;
}

/**
 * A copy whose texts are its own. Texts of a decoded object are slices of the body they came in and keep all of it in memory:
 * what outlives the request by long (indexes, caches) is to be detached.
 */
export function detached<T>(value: T): T {
  return value === undefined ? value : JSON.parse(JSON.stringify(value)) as T;
}
