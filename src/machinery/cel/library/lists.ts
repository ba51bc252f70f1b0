/**
 * Lists and sets: sums, extremes, order, slices, and set relations.
 */
import { compareValues, equalValues } from '../comparison.ts';
import * as convert from '../conversion.ts';
import { overload, type Library, type Overload } from '../declaration.ts';
import { Duration, Failure, isList, isMap, listItems, mapEntries, MapValue, NO_SUCH_OVERLOAD, typeNameOf, Uint, type DataList, type DataMap, type Value } from '../value.ts';
import { contains } from './standard.ts';

type List = DataList | readonly Value[];
const COMPARABLE = ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'] as const;
/** As overload ids name them. */
const LONG_NAMES: Readonly<Record<string, string>> = { duration: 'google.protobuf.Duration', timestamp: 'google.protobuf.Timestamp' };

/** A function over the items; a failing item is the answer. */
function over(run: (items: readonly Value[], rest: readonly Value[]) => Value | Failure): (args: readonly Value[]) => Value | Failure {
  return ([list, ...rest]) => {
    const items = listItems(list as List);
    return items instanceof Failure ? items : run(items, rest);
  };
}

const isSorted = over((items) => items.every((item, index) => index === 0 || (compareValues(items[index - 1]!, item) ?? 0) <= 0));

function extreme(name: string, sign: number): (args: readonly Value[]) => Value | Failure {
  return over((items) => {
    if (items.length === 0) return new Failure(`${name} called on empty list`);
    let best = items[0] as Value;
    for (const item of items) if (Math.sign(compareValues(item, best) ?? 0) === sign) best = item;
    return best;
  });
}

const sumInts = over((items) => items.reduce<bigint | Failure>((sum, item) => (sum instanceof Failure ? sum : convert.int(sum + (item as bigint))), 0n));
const sumUints = over((items) => items.reduce<Uint | Failure>((sum, item) => (sum instanceof Failure ? sum : convert.uint(sum.value + (item as Uint).value)), new Uint(0n)));
const sumDoubles = over((items) => (items as readonly number[]).reduce<number>((sum, item) => sum + item, 0));
const sumDurations = over((items) => items.reduce<Duration | Failure>((sum, item) => (sum instanceof Failure ? sum : convert.duration(sum.nanos + (item as Duration).nanos)), new Duration(0n)));

const indexOf = over((items, [wanted]) => BigInt(items.findIndex((item) => equalValues(item, wanted!) === true)));
const lastIndexOf = over((items, [wanted]) => BigInt(items.findLastIndex((item) => equalValues(item, wanted!) === true)));

const slice = over((items, [from, to]) => {
  const [start, end] = [from as bigint, to as bigint];
  const fault = (why: string): Failure => new Failure(`cannot slice(${start}, ${end}), ${why}`);
  if (start < 0n || end < 0n) return fault('negative indexes not supported');
  if (start > end) return fault('start index must be less than or equal to end index');
  return end > BigInt(items.length) ? fault(`list is length ${items.length}`) : items.slice(Number(start), Number(end));
});

function flatten(items: readonly Value[], depth: number): readonly Value[] | Failure {
  const flat: Value[] = [];
  for (const item of items) {
    if (!isList(item) || depth === 0) { flat.push(item); continue; }
    const inner = listItems(item);
    const deeper = inner instanceof Failure ? inner : flatten(inner, depth - 1);
    if (deeper instanceof Failure) return deeper;
    flat.push(...deeper);
  }
  return flat;
}

const distinct = over((items) => {
  const unique: Value[] = [];
  for (const item of items) if (!unique.some((other) => equalValues(item, other) === true)) unique.push(item);
  return unique;
});

function sortByKeys(items: readonly Value[], keys: readonly Value[]): Value | Failure {
  if (items.length !== keys.length) {
    return new Failure(`@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got ${items.length} and ${keys.length} elements respectively`);
  }
  if (items.length > 0 && compareValues(keys[0]!, keys[0]!) === undefined) return new Failure('list elements must be comparable');
  if (keys.some((key) => typeNameOf(key) !== typeNameOf(keys[0]!))) return new Failure('list elements must have the same type');
  return items.map((item, index) => [item, keys[index]!] as const).sort(([, a], [, b]) => compareValues(a, b) ?? 0).map(([item]) => item);
}

const sort = over((items) => sortByKeys(items, items));
const sortByAssociatedKeys = over((items, [keys]) => {
  const found = listItems(keys as List);
  return found instanceof Failure ? found : sortByKeys(items, found);
});

/** Numbers that one range may make. */
const RANGE_MAX = 1_000_000n;
const range = ([end]: [bigint]): Value | Failure => (end > RANGE_MAX ? new Failure(`range of ${end} is too long`) : Array.from({ length: Math.max(0, Number(end)) }, (_, index) => BigInt(index)));

const allIn = (wanted: readonly Value[], list: List): boolean => wanted.every((item) => contains(list, item) === true);

const sets: Library = [
  overload('list_sets_contains_list', 'sets.contains(list(A), list(A)): bool', over((items, [other]) => {
    const wanted = listItems(other as List);
    return wanted instanceof Failure ? wanted : allIn(wanted, items);
  })),
  overload('list_sets_equivalent_list', 'sets.equivalent(list(A), list(A)): bool', over((items, [other]) => {
    const wanted = listItems(other as List);
    return wanted instanceof Failure ? wanted : allIn(wanted, items) && allIn(items, wanted);
  })),
  overload('list_sets_intersects_list', 'sets.intersects(list(A), list(A)): bool', over((items, [other]) => items.some((item) => contains(other as List, item) === true))),
];

function insert(map: DataMap | MapValue, added: ReadonlyArray<readonly [Value, Value]>): Value | Failure {
  const entries = mapEntries(map);
  if (entries instanceof Failure) return entries;
  const result = new MapValue();
  for (const [key, value] of entries) result.set(key, value);
  for (const [key, value] of added) {
    if (result.find(key) !== undefined) return new Failure(`insert failed: key ${String(key)} already exists`);
    result.set(key, value);
  }
  return result;
}

const insertion: Library = [
  overload('@mapInsert_map_key_value', 'cel.@mapInsert(map(K, V), K, V): map(K, V)', ([map, key, value]: [MapValue, Value, Value]) => insert(map, [[key, value]])),
  overload('@mapInsert_map_map', 'cel.@mapInsert(map(K, V), map(K, V)): map(K, V)', ([map, more]: [MapValue, Value]) => {
    const entries = isMap(more) ? mapEntries(more) : NO_SUCH_OVERLOAD;
    return entries instanceof Failure ? entries : insert(map, entries);
  }),
];

const comparable = (id: string, name: string, result: (type: string) => string, run: (args: readonly Value[]) => Value | Failure): Overload[] =>
  COMPARABLE.map((type) => overload(id.replace('T', LONG_NAMES[type] ?? type), `(list(${type})).${name}(): ${result(type)}`, run));

export const LISTS: Library = [
  ...comparable('list_T_is_sorted_bool', 'isSorted', () => 'bool', isSorted),
  overload('list_int_sum_int', '(list(int)).sum(): int', sumInts), overload('list_uint_sum_uint', '(list(uint)).sum(): uint', sumUints),
  overload('list_double_sum_double', '(list(double)).sum(): double', sumDoubles), overload('list_duration_sum_duration', '(list(duration)).sum(): duration', sumDurations),
  ...comparable('list_T_max', 'max', (type) => type, extreme('max', 1)), ...comparable('list_T_min', 'min', (type) => type, extreme('min', -1)),
  overload('list_a_index_of_int', '(list(A)).indexOf(A): int', indexOf), overload('list_a_last_index_of_int', '(list(A)).lastIndexOf(A): int', lastIndexOf),
  overload('list_slice', '(list(T)).slice(int, int): list(T)', slice),
  overload('list_flatten', '(list(list(T))).flatten(): list(T)', over((items) => flatten(items, 1))),
  overload('list_flatten_int', '(list(dyn)).flatten(int): list(dyn)', over((items, [depth]) => ((depth as bigint) < 0n ? new Failure('level must be non-negative') : flatten(items, Number(depth))))),
  ...comparable('list_T_sort', 'sort', (type) => `list(${type})`, sort),
  ...COMPARABLE.map((type) => overload(`list_${LONG_NAMES[type] ?? type}_sortByAssociatedKeys`, `(list(T)).@sortByAssociatedKeys(list(${type})): list(T)`, sortByAssociatedKeys)),
  overload('lists_range', 'lists.range(int): list(int)', range),
  overload('list_reverse', '(list(T)).reverse(): list(T)', over((items) => items.toReversed())),
  overload('list_distinct', '(list(T)).distinct(): list(T)', distinct),
  ...sets, ...insertion,
];
