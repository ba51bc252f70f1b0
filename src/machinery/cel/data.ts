/**
 * Stored data as values: elements and fields are made when an expression asks for them, by the type their schema declares.
 *
 * A null field of an object is as absent. What contradicts its schema is a failure, met only when it is read.
 */
import { semanticEqual } from '../deep-equal.ts';
import { parseDuration } from '../duration.ts';
import { parseTimestamp } from './conversion.ts';
import type { DeclaredField, DeclaredType } from './declared-type.ts';
import { DataList, DataMap, Duration, Failure, type Value } from './value.ts';

type Json = Readonly<Record<string, unknown>>;

export function dataValue(data: unknown, declared: DeclaredType): Value | Failure {
  if (data === null || data === undefined) return declared.nullable ? null : new Failure('invalid data, got null for schema with nullable=false');
  if (declared.intOrString) return intOrString(data);
  switch (declared.type.kind) {
    case 'bool': return typeof data === 'boolean' ? data : expected('bool');
    case 'int': return wholeNumber(data) ?? expected('int');
    case 'double': return typeof data === 'number' || typeof data === 'bigint' ? Number(data) : expected('float');
    case 'string': case 'bytes': case 'timestamp': case 'duration': return typeof data === 'string' ? textValue(data, declared) : expected('string');
    case 'list': return Array.isArray(data) ? new StoredList(data, declared) : new Failure('invalid data, expected an array for the provided schema with type=array');
    case 'map': case 'struct':
      if (typeof data !== 'object' || Array.isArray(data)) return new Failure('invalid data, expected a map for the provided schema with type=object');
      return declared.fields ? new StoredObject(data as Json, declared.fields) : new StoredMap(data as Json, declared.element!);
    default: return untypedValue(data);
  }
}

const expected = (what: string): Failure => new Failure(`invalid data, expected ${what}`);

/** Beyond 2^53 the nearest that a double could hold, within 64 bits. */
function wholeNumber(data: unknown): bigint | undefined {
  if (typeof data === 'bigint') return data;
  if (typeof data !== 'number' || !Number.isInteger(data)) return undefined;
  if (data >= 2 ** 63) return 2n ** 63n - 1n;
  return data <= -(2 ** 63) ? -(2n ** 63n) : BigInt(data);
}

function intOrString(data: unknown): Value | Failure {
  if (typeof data === 'string') return data;
  return wholeNumber(data) ?? new Failure('invalid data, expected XIntOrString value to be either a string or integer');
}

function textValue(text: string, declared: DeclaredType): Value | Failure {
  switch (declared.type.kind) {
    case 'bytes': return Buffer.from(text, 'base64');
    case 'duration': return durationValue(text);
    case 'timestamp': return parseTimestamp(declared.format === 'date' ? `${text}T00:00:00Z` : text.replace(/^(\S+) (\S+)$/, '$1T$2'))
      ?? new Failure(declared.format === 'date' ? `Invalid date formatted string ${text}` : `Invalid date-time formatted string ${text}`);
    default: return text;
  }
}

function durationValue(text: string): Value | Failure {
  try {
    return new Duration(parseDuration(text));
  } catch (error) {
    return new Failure(`Invalid duration ${text}: ${(error as Error).message}`);
  }
}

/** Data without a schema: JSON's own types. */
export function untypedValue(data: unknown): Value {
  if (data === null || data === undefined) return null;
  if (Array.isArray(data)) return new UntypedList(data);
  if (typeof data === 'object') return new UntypedMap(data as Json);
  return typeof data === 'number' && Number.isInteger(data) ? wholeNumber(data)! : (data as Value);
}

class StoredList extends DataList {
  readonly #items: readonly unknown[];
  readonly #declared: DeclaredType;

  constructor(items: readonly unknown[], declared: DeclaredType) {
    super();
    this.#items = items;
    this.#declared = declared;
  }

  get size(): number { return this.#items.length; }
  get unordered(): 'set' | 'map' | undefined { return this.#declared.listType === 'atomic' ? undefined : this.#declared.listType; }
  get keys(): readonly string[] { return this.#declared.listKeys ?? []; }
  at(index: number): Value | Failure { return dataValue(this.#items[index], this.#declared.element!); }
}

class StoredMap extends DataMap {
  readonly #data: Json;
  readonly #element: DeclaredType;

  constructor(data: Json, element: DeclaredType) {
    super();
    this.#data = data;
    this.#element = element;
  }

  get size(): number { return Object.keys(this.#data).length; }
  names(): readonly string[] { return Object.keys(this.#data); }
  equalUnknown(): boolean { return true; }

  find(key: Value): Value | Failure | undefined {
    return typeof key === 'string' && Object.hasOwn(this.#data, key) ? dataValue(this.#data[key], this.#element) : undefined;
  }
}

class StoredObject extends DataMap {
  readonly #data: Json;
  readonly #fields: ReadonlyMap<string, DeclaredField>;

  constructor(data: Json, fields: ReadonlyMap<string, DeclaredField>) {
    super();
    this.#data = data;
    this.#fields = fields;
  }

  get size(): number { return Object.keys(this.#data).length; }

  names(): readonly string[] {
    return [...this.#fields].filter(([, field]) => this.#data[field.name] != null).map(([name]) => name);
  }

  find(key: Value): Value | Failure | undefined {
    const field = typeof key === 'string' ? this.#fields.get(key) ?? this.#fields.get(`__${key}__`) : undefined;
    if (field === undefined || !Object.hasOwn(this.#data, field.name) || this.#data[field.name] === null) return undefined;
    return dataValue(this.#data[field.name], field.declared);
  }

  equalUnknown(other: DataMap): boolean {
    if (!(other instanceof StoredObject)) return true;
    const known = new Set([...this.#fields.values()].map((field) => field.name));
    return Object.entries(this.#data).every(([name, value]) => known.has(name) || !Object.hasOwn(other.#data, name) || semanticEqual(value, other.#data[name]));
  }
}

class UntypedList extends DataList {
  readonly #items: readonly unknown[];
  readonly unordered = undefined;
  readonly keys = [];

  constructor(items: readonly unknown[]) {
    super();
    this.#items = items;
  }

  get size(): number { return this.#items.length; }
  at(index: number): Value { return untypedValue(this.#items[index]); }
}

class UntypedMap extends DataMap {
  readonly #data: Json;

  constructor(data: Json) {
    super();
    this.#data = data;
  }

  get size(): number { return Object.keys(this.#data).length; }
  names(): readonly string[] { return Object.keys(this.#data); }
  find(key: Value): Value | undefined { return typeof key === 'string' && Object.hasOwn(this.#data, key) ? untypedValue(this.#data[key]) : undefined; }
  equalUnknown(): boolean { return true; }
}
