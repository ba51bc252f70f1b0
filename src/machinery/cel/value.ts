/**
 * Values while an expression runs, chosen so that JavaScript's own types tell them apart.
 *
 * int is bigint, double is number, uint is a class of its own; a list is an array or a view on stored data, a map likewise.
 * Failures are values too: `&&`, `||` and quantifiers may swallow them, so they are returned, never thrown.
 */
import type { Type } from './type.ts';

export class Uint {
  readonly value: bigint;
  constructor(value: bigint) { this.value = value; }
}

/** Nanoseconds. */
export class Duration {
  readonly nanos: bigint;
  constructor(nanos: bigint) { this.nanos = nanos; }
}

/** Nanoseconds since the epoch, UTC. */
export class Timestamp {
  readonly nanos: bigint;
  constructor(nanos: bigint) { this.nanos = nanos; }
}

export class TypeValue {
  readonly name: string;
  constructor(name: string) { this.name = name; }
}

export class Optional {
  /** undefined: none. */
  readonly value: Value | undefined;
  constructor(value: Value | undefined) { this.value = value; }
}

/** A value of a library's type: a quantity, an address, a version. Equal only to its kind. */
export class Opaque<T = unknown> {
  readonly type: Type;
  readonly content: T;
  constructor(type: Type, content: T) {
    this.type = type;
    this.content = content;
  }
}

export class Failure {
  readonly message: string;
  constructor(message: string) { this.message = message; }
}

/** Views on stored data make their elements when asked. */
export abstract class DataList {
  abstract readonly size: number;
  abstract at(index: number): Value | Failure;
  /** Whether order matters not: of a set, or of a list keyed by fields. */
  abstract readonly unordered: 'set' | 'map' | undefined;
  /** The fields that name an element of a list-map. */
  abstract readonly keys: readonly string[];
}

export abstract class DataMap {
  abstract readonly size: number;
  abstract find(key: Value): Value | Failure | undefined;
  abstract names(): readonly string[];
  /** Equality of what no schema describes. */
  abstract equalUnknown(other: DataMap): boolean;
}

/** Keys are equal as values: 1, 1u and 1.0 are one key. */
export class MapValue {
  /** Of an object that was made by its type's name: `Object.spec`. */
  readonly typeName: string | undefined;
  readonly #entries = new Map<string | bigint | boolean | number | null, readonly [Value, Value]>();

  constructor(typeName?: string) { this.typeName = typeName; }

  get size(): number { return this.#entries.size; }
  find(key: Value): Value | undefined { return this.#entries.get(keyOf(key))?.[1]; }
  set(key: Value, value: Value): void { this.#entries.set(keyOf(key), [key, value]); }
  entries(): IterableIterator<readonly [Value, Value]> { return this.#entries.values(); }
}

function keyOf(key: Value): string | bigint | boolean | number | null {
  if (key instanceof Uint) return key.value;
  if (typeof key === 'number') return Number.isInteger(key) ? BigInt(key) : key;
  if (key === null || typeof key === 'string' || typeof key === 'bigint' || typeof key === 'boolean') return key;
  return NaN;
}

export type Value =
  | null | boolean | bigint | number | string | Uint | Uint8Array | Duration | Timestamp | TypeValue | Optional | Opaque
  | DataList | DataMap | MapValue | readonly Value[];

export const NO_SUCH_OVERLOAD = new Failure('no such overload');

export function isList(value: Value): value is DataList | readonly Value[] {
  return Array.isArray(value) || value instanceof DataList;
}

export function isMap(value: Value): value is DataMap | MapValue {
  return value instanceof MapValue || value instanceof DataMap;
}

export function listSize(list: DataList | readonly Value[]): number {
  return list instanceof DataList ? list.size : list.length;
}

export function listItem(list: DataList | readonly Value[], index: number): Value | Failure {
  return list instanceof DataList ? list.at(index) : list[index]!;
}

export function listItems(list: DataList | readonly Value[]): readonly Value[] | Failure {
  if (!(list instanceof DataList)) return list;
  const items: Value[] = [];
  for (let index = 0; index < list.size; index++) {
    const item = list.at(index);
    if (item instanceof Failure) return item;
    items.push(item);
  }
  return items;
}

export function mapEntries(map: DataMap | MapValue): ReadonlyArray<readonly [Value, Value]> | Failure {
  if (map instanceof MapValue) return [...map.entries()];
  const entries: Array<readonly [Value, Value]> = [];
  for (const name of map.names()) {
    const value = map.find(name);
    if (value instanceof Failure) return value;
    if (value !== undefined) entries.push([name, value]);
  }
  return entries;
}

/** What `type()` answers. */
export function typeNameOf(value: Value): string {
  switch (typeof value) {
    case 'bigint': return 'int';
    case 'number': return 'double';
    case 'string': return 'string';
    case 'boolean': return 'bool';
    default: return objectTypeName(value);
  }
}

function objectTypeName(value: object | null): string {
  if (value === null) return 'null_type';
  if (Array.isArray(value) || value instanceof DataList) return 'list';
  if (value instanceof MapValue) return value.typeName ?? 'map';
  if (value instanceof DataMap) return 'map';
  if (value instanceof Uint) return 'uint';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof Timestamp) return 'google.protobuf.Timestamp';
  if (value instanceof Duration) return 'google.protobuf.Duration';
  if (value instanceof TypeValue) return 'type';
  if (value instanceof Optional) return 'optional_type';
  return (value as Opaque).type.name;
}

/** Elements, entries, characters or bytes; 1 for everything else. */
export function sizeOf(value: Value): number {
  if (typeof value === 'string') return codePoints(value);
  if (value instanceof Uint8Array) return value.length;
  if (Array.isArray(value)) return value.length;
  if (value instanceof DataList || value instanceof DataMap || value instanceof MapValue) return value.size;
  if (value instanceof Optional && value.value !== undefined) return sizeOf(value.value);
  if (value instanceof Opaque && SIZED.has(value.type.name)) return (value.content as { size: number }).size;
  return 1;
}

const SIZED = new Set(['net.IP', 'net.CIDR']);

const ASTRAL = /[\ud800-\udbff]/;

export function codePoints(text: string): number {
  return ASTRAL.test(text) ? [...text].length : text.length;
}
