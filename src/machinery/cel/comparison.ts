/**
 * Equality and order of values.
 *
 * Numbers are equal across their types. Literals of different types are unequal; stored data and libraries' values compared with
 * another type are a failure, as upstream's are.
 */
import { compareQuantities, type Quantity } from '../quantity.ts';
import type { MapValue } from './value.ts';
import {
  DataList, DataMap, Duration, Failure, isList, isMap, listItem, listSize, mapEntries, NO_SUCH_OVERLOAD, Opaque, Optional, Timestamp, TypeValue, Uint,
  type Value,
} from './value.ts';

export function equalValues(a: Value, b: Value): boolean | Failure {
  if (a === null || b === null) return a === b;
  return equalPresent(a, b);
}

function equalPresent(a: Exclude<Value, null>, b: Value): boolean | Failure {
  switch (typeof a) {
    case 'string': case 'boolean': return a === b;
    case 'bigint': case 'number': return isNumber(b) && compareNumbers(a, b) === 0;
    default: break;
  }
  if (a instanceof Uint) return isNumber(b) && compareNumbers(a, b) === 0;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos;
  if (a instanceof Timestamp) return b instanceof Timestamp && a.nanos === b.nanos;
  if (a instanceof TypeValue) return b instanceof TypeValue && a.name === b.name;
  if (a instanceof Optional) return equalOptionals(a, b);
  if (a instanceof Opaque) return equalOpaque(a, b);
  if (isList(a)) return isList(b) ? equalLists(a, b) : otherType(a);
  return isMap(b) ? equalMaps(a as MapValue | DataMap, b) : otherType(a);
}

function otherType(a: Value): false | Failure {
  return a instanceof DataList || a instanceof DataMap ? NO_SUCH_OVERLOAD : false;
}

function equalOptionals(a: Optional, b: Value): boolean | Failure {
  if (!(b instanceof Optional)) return false;
  if (a.value === undefined || b.value === undefined) return a.value === b.value;
  return equalValues(a.value, b.value);
}

/** What makes two values of a library's type equal. */
const OPAQUE_EQUALITY: Readonly<Record<string, (a: never, b: never) => boolean>> = {
  'kubernetes.Quantity': (a: Quantity, b: Quantity) => compareQuantities(a, b) === 0,
  'kubernetes.Semver': (a: { compare(other: unknown): number }, b: unknown) => a.compare(b) === 0,
};

function equalOpaque(a: Opaque, b: Value): boolean | Failure {
  if (!(b instanceof Opaque) || b.type.name !== a.type.name) return NO_SUCH_OVERLOAD;
  const equality = OPAQUE_EQUALITY[a.type.name];
  return equality ? equality(a.content as never, b.content as never) : String((a.content as { text: string }).text) === String((b.content as { text: string }).text);
}

function equalLists(a: DataList | readonly Value[], b: DataList | readonly Value[]): boolean | Failure {
  const size = listSize(a);
  if (size !== listSize(b)) return false;
  if (a instanceof DataList && a.unordered !== undefined) return equalUnordered(a, b);
  for (let index = 0; index < size; index++) {
    const same = equalItems(listItem(a, index), listItem(b, index));
    if (same !== true) return same;
  }
  return true;
}

function equalItems(a: Value | Failure, b: Value | Failure): boolean | Failure {
  if (a instanceof Failure) return a;
  return b instanceof Failure ? b : equalValues(a, b);
}

/** Every element of `b` stands in `a`: itself for sets, one of its key that equals it for maps. */
function equalUnordered(a: DataList, b: DataList | readonly Value[]): boolean | Failure {
  for (let index = 0; index < listSize(b); index++) {
    const wanted = listItem(b, index);
    if (wanted instanceof Failure) return wanted;
    let found: boolean | Failure = false;
    for (let other = 0; other < a.size && found === false; other++) found = equalItems(a.at(other), wanted);
    if (found !== true) return found;
  }
  return true;
}

function equalMaps(a: MapValue | DataMap, b: MapValue | DataMap): boolean | Failure {
  if (a.size !== b.size) return false;
  const entries = mapEntries(a);
  if (entries instanceof Failure) return entries;
  for (const [key, value] of entries) {
    const other = b.find(key);
    if (other === undefined) return false;
    const same = equalItems(value, other);
    if (same !== true) return same;
  }
  return a instanceof DataMap && b instanceof DataMap ? a.equalUnknown(b) : true;
}

function isNumber(value: Value): value is bigint | number | Uint {
  return typeof value === 'bigint' || typeof value === 'number' || value instanceof Uint;
}

/** NaN is less than nothing and equal to nothing. */
function compareNumbers(a: bigint | number | Uint, b: bigint | number | Uint): number {
  const left = a instanceof Uint ? a.value : a;
  const right = b instanceof Uint ? b.value : b;
  if (left < right) return -1;
  if (left > right) return 1;
  // An integer and a double are compared by value: neither below nor above is equal, but for NaN.
  return Number.isNaN(left) || Number.isNaN(right) ? NaN : 0;
}

/** @returns undefined when the two have no order between them. */
export function compareValues(a: Value, b: Value): number | undefined {
  if (isNumber(a) && isNumber(b)) return compareNumbers(a, b);
  if (typeof a === 'string' && typeof b === 'string') return a === b ? 0 : compareText(a, b);
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  if ((a instanceof Duration && b instanceof Duration) || (a instanceof Timestamp && b instanceof Timestamp)) {
    return a.nanos < b.nanos ? -1 : a.nanos > b.nanos ? 1 : 0;
  }
  return undefined;
}

const ASTRAL = /[\ud800-\udfff]/;

/** By UTF-8 bytes. */
function compareText(a: string, b: string): number {
  if (ASTRAL.test(a) || ASTRAL.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : 1;
}
