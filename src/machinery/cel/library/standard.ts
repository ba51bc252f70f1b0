/**
 * The functions of the language definition itself: operators, sizes, conversions, text predicates.
 */
import { compareValues, equalValues } from '../comparison.ts';
import * as convert from '../conversion.ts';
import { overload, type Library, type Overload } from '../declaration.ts';
import { matchesPattern } from '../pattern.ts';
import type { Timestamp } from '../value.ts';
import { Duration, Failure, isMap, listItem, listSize, NO_SUCH_OVERLOAD, sizeOf, Uint, type DataList, type DataMap, type MapValue, type Value } from '../value.ts';
import { DataList as DataListClass } from '../value.ts';

const DIVISION = new Failure('division by zero');
const MODULUS = new Failure('modulus by zero');

const arithmetic: Library = [
  overload('add_bytes', '_+_(bytes, bytes): bytes', ([a, b]: [Uint8Array, Uint8Array]) => Buffer.concat([a, b])),
  overload('add_double', '_+_(double, double): double', ([a, b]: [number, number]) => a + b),
  overload('add_duration_duration', '_+_(duration, duration): duration', ([a, b]: [Duration, Duration]) => convert.duration(a.nanos + b.nanos)),
  overload('add_duration_timestamp', '_+_(duration, timestamp): timestamp', ([a, b]: [Duration, Timestamp]) => convert.timestamp(a.nanos + b.nanos)),
  overload('add_timestamp_duration', '_+_(timestamp, duration): timestamp', ([a, b]: [Timestamp, Duration]) => convert.timestamp(a.nanos + b.nanos)),
  overload('add_int64', '_+_(int, int): int', ([a, b]: [bigint, bigint]) => convert.int(a + b)),
  overload('add_list', '_+_(list(A), list(A)): list(A)', ([a, b]: [List, List]) => concat(a, b)),
  overload('add_string', '_+_(string, string): string', ([a, b]: [string, string]) => a + b),
  overload('add_uint64', '_+_(uint, uint): uint', ([a, b]: [Uint, Uint]) => convert.uint(a.value + b.value)),
  overload('divide_double', '_/_(double, double): double', ([a, b]: [number, number]) => a / b),
  overload('divide_int64', '_/_(int, int): int', ([a, b]: [bigint, bigint]) => (b === 0n ? DIVISION : convert.int(a / b))),
  overload('divide_uint64', '_/_(uint, uint): uint', ([a, b]: [Uint, Uint]) => (b.value === 0n ? DIVISION : new Uint(a.value / b.value))),
  overload('modulo_int64', '_%_(int, int): int', ([a, b]: [bigint, bigint]) => (b === 0n ? MODULUS : a % b)),
  overload('modulo_uint64', '_%_(uint, uint): uint', ([a, b]: [Uint, Uint]) => (b.value === 0n ? MODULUS : new Uint(a.value % b.value))),
  overload('multiply_double', '_*_(double, double): double', ([a, b]: [number, number]) => a * b),
  overload('multiply_int64', '_*_(int, int): int', ([a, b]: [bigint, bigint]) => convert.int(a * b)),
  overload('multiply_uint64', '_*_(uint, uint): uint', ([a, b]: [Uint, Uint]) => convert.uint(a.value * b.value)),
  overload('negate_double', '-_(double): double', ([a]: [number]) => -a),
  overload('negate_int64', '-_(int): int', ([a]: [bigint]) => convert.int(-a)),
  overload('subtract_double', '_-_(double, double): double', ([a, b]: [number, number]) => a - b),
  overload('subtract_duration_duration', '_-_(duration, duration): duration', ([a, b]: [Duration, Duration]) => convert.duration(a.nanos - b.nanos)),
  overload('subtract_int64', '_-_(int, int): int', ([a, b]: [bigint, bigint]) => convert.int(a - b)),
  overload('subtract_timestamp_duration', '_-_(timestamp, duration): timestamp', ([a, b]: [Timestamp, Duration]) => convert.timestamp(a.nanos - b.nanos)),
  overload('subtract_timestamp_timestamp', '_-_(timestamp, timestamp): duration', ([a, b]: [Timestamp, Timestamp]) => convert.duration(a.nanos - b.nanos)),
  overload('subtract_uint64', '_-_(uint, uint): uint', ([a, b]: [Uint, Uint]) => convert.uint(a.value - b.value)),
];

type List = DataList | readonly Value[];

/** A set takes only what it lacks; of a list-map the elements of the right replace those of their key. */
function concat(a: List, b: List): Value | Failure {
  const items: Value[] = [];
  const unordered = a instanceof DataListClass ? a.unordered : undefined;
  for (const list of [a, b]) {
    for (let index = 0; index < listSize(list); index++) {
      const item = listItem(list, index);
      if (item instanceof Failure) return item;
      const at = list === b && unordered !== undefined ? items.findIndex((other) => sameEntry(other, item, (a as DataList).keys)) : -1;
      if (at === -1) items.push(item);
      else items[at] = item;
    }
  }
  return items;
}

function sameEntry(a: Value, b: Value, keys: readonly string[]): boolean {
  if (keys.length === 0 || !isMap(a) || !isMap(b)) return equalValues(a, b) === true;
  return keys.every((key) => {
    const [left, right] = [a.find(key), b.find(key)];
    return left === right || (left !== undefined && right !== undefined && !(left instanceof Failure) && !(right instanceof Failure) && equalValues(left, right) === true);
  });
}

const COMPARABLE = [
  ['bool', 'bool', 'bool'], ['int64', 'int', 'int'], ['int64_double', 'int', 'double'], ['int64_uint64', 'int', 'uint'], ['uint64', 'uint', 'uint'],
  ['uint64_double', 'uint', 'double'], ['uint64_int64', 'uint', 'int'], ['double', 'double', 'double'], ['double_int64', 'double', 'int'],
  ['double_uint64', 'double', 'uint'], ['string', 'string', 'string'], ['bytes', 'bytes', 'bytes'], ['timestamp', 'timestamp', 'timestamp'],
  ['duration', 'duration', 'duration'],
] as const;

function orderings(word: string, operator: string, holds: (order: number) => boolean): Overload[] {
  return COMPARABLE.map(([id, left, right]) => overload(`${word}_${id}`, `${operator}(${left}, ${right}): bool`, ([a, b]: [Value, Value]) => {
    const order = compareValues(a, b);
    return order === undefined ? NO_SUCH_OVERLOAD : holds(order);
  }));
}

const comparisons: Library = [
  ...orderings('less', '_<_', (order) => order < 0), ...orderings('less_equals', '_<=_', (order) => order <= 0),
  ...orderings('greater', '_>_', (order) => order > 0), ...orderings('greater_equals', '_>=_', (order) => order >= 0),
  overload('equals', '_==_(A, A): bool', ([a, b]: [Value, Value]) => equalValues(a, b)),
  overload('not_equals', '_!=_(A, A): bool', ([a, b]: [Value, Value]) => equalValues(a, b) !== true),
  overload('in_list', '@in(A, list(A)): bool', ([wanted, list]: [Value, List]) => contains(list, wanted)),
  overload('in_map', '@in(A, map(A, B)): bool', ([key, map]: [Value, DataMap | MapValue]) => map.find(key) !== undefined),
];

export function contains(list: List, wanted: Value): boolean | Failure {
  let failure: Failure | undefined;
  for (let index = 0; index < listSize(list); index++) {
    const item = listItem(list, index);
    const same = item instanceof Failure ? item : equalValues(item, wanted);
    if (same === true) return true;
    if (same instanceof Failure && list instanceof DataListClass) failure ??= same;
  }
  return failure ?? false;
}

/** What the interpreter evaluates itself. */
const special: Library = [
  overload('conditional', '_?_:_(bool, A, A): A'), overload('logical_and', '_&&_(bool, bool): bool'), overload('logical_or', '_||_(bool, bool): bool'),
  overload('not_strictly_false', '@not_strictly_false(bool): bool'),
  overload('logical_not', '!_(bool): bool', ([a]: [boolean]) => !a),
  overload('index_list', '_[_](list(A), int): A'), overload('index_map', '_[_](map(A, B), A): B'),
  overload('to_dyn', 'dyn(A): dyn', ([a]: [Value]) => a),
  overload('type', 'type(A): type(A)'),
];

const size = ([value]: [Value]): bigint => BigInt(sizeOf(value));

const sizes: Library = [
  overload('size_bytes', 'size(bytes): int', size), overload('bytes_size', '(bytes).size(): int', size),
  overload('size_list', 'size(list(A)): int', size), overload('list_size', '(list(A)).size(): int', size),
  overload('size_map', 'size(map(A, B)): int', size), overload('map_size', '(map(A, B)).size(): int', size),
  overload('size_string', 'size(string): int', size), overload('string_size', '(string).size(): int', size),
];

const same = ([value]: [Value]): Value => value;
const text = ([value]: [Value]): string | Failure => convert.valueToText(value)!;

const conversions: Library = [
  overload('bool_to_bool', 'bool(bool): bool', same), overload('string_to_bool', 'bool(string): bool', ([a]: [string]) => convert.textToBool(a)),
  overload('bytes_to_bytes', 'bytes(bytes): bytes', same), overload('string_to_bytes', 'bytes(string): bytes', ([a]: [string]) => Buffer.from(a)),
  overload('double_to_double', 'double(double): double', same), overload('int64_to_double', 'double(int): double', ([a]: [bigint]) => Number(a)),
  overload('string_to_double', 'double(string): double', ([a]: [string]) => convert.textToDouble(a)),
  overload('uint64_to_double', 'double(uint): double', ([a]: [Uint]) => Number(a.value)),
  overload('duration_to_duration', 'duration(duration): duration', same), overload('int64_to_duration', 'duration(int): duration', ([a]: [bigint]) => new Duration(a)),
  overload('string_to_duration', 'duration(string): duration', ([a]: [string]) => convert.textToDuration(a)),
  overload('int64_to_int64', 'int(int): int', same), overload('double_to_int64', 'int(double): int', ([a]: [number]) => convert.doubleToInt(a)),
  overload('duration_to_int64', 'int(duration): int', ([a]: [Duration]) => a.nanos),
  overload('string_to_int64', 'int(string): int', ([a]: [string]) => convert.textToInt(a)),
  overload('timestamp_to_int64', 'int(timestamp): int', ([a]: [Timestamp]) => convert.floorDiv(a.nanos, 1_000_000_000n)),
  overload('uint64_to_int64', 'int(uint): int', ([a]: [Uint]) => convert.int(a.value)),
  overload('string_to_string', 'string(string): string', same), overload('bool_to_string', 'string(bool): string', text),
  overload('bytes_to_string', 'string(bytes): string', text), overload('double_to_string', 'string(double): string', text),
  overload('duration_to_string', 'string(duration): string', text), overload('int64_to_string', 'string(int): string', text),
  overload('timestamp_to_string', 'string(timestamp): string', text), overload('uint64_to_string', 'string(uint): string', text),
  overload('timestamp_to_timestamp', 'timestamp(timestamp): timestamp', same),
  overload('int64_to_timestamp', 'timestamp(int): timestamp', ([a]: [bigint]) => convert.timestamp(a * 1_000_000_000n)),
  overload('string_to_timestamp', 'timestamp(string): timestamp', ([a]: [string]) => convert.textToTimestamp(a)),
  overload('uint64_to_uint64', 'uint(uint): uint', same), overload('double_to_uint64', 'uint(double): uint', ([a]: [number]) => convert.doubleToUint(a)),
  overload('int64_to_uint64', 'uint(int): uint', ([a]: [bigint]) => convert.uint(a)),
  overload('string_to_uint64', 'uint(string): uint', ([a]: [string]) => convert.textToUint(a)),
];

const predicates: Library = [
  overload('contains_string', '(string).contains(string): bool', ([a, b]: [string, string]) => a.includes(b)),
  overload('ends_with_string', '(string).endsWith(string): bool', ([a, b]: [string, string]) => a.endsWith(b)),
  overload('starts_with_string', '(string).startsWith(string): bool', ([a, b]: [string, string]) => a.startsWith(b)),
  overload('matches', 'matches(string, string): bool', ([a, b]: [string, string]) => matchesPattern(a, b)),
  overload('matches_string', '(string).matches(string): bool', ([a, b]: [string, string]) => matchesPattern(a, b)),
];

export const STANDARD: Library = [...special, ...arithmetic, ...comparisons, ...sizes, ...conversions, ...predicates];
