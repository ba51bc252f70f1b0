/**
 * Values that may be absent. `or` and `orValue` are the interpreter's, because they look at their argument only when needed.
 */
import { overload, type Library } from '../declaration.ts';
import { Duration, Failure, isList, isMap, listItem, listItems, listSize, Optional, sizeOf, Uint, type DataList, type Value } from '../value.ts';

type List = DataList | readonly Value[];
export const NONE = new Optional(undefined);

function isZero(value: Value): boolean {
  if (value === null || value === '' || value === 0n || value === 0 || value === false) return true;
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof Duration) return value.nanos === 0n;
  if (value instanceof Optional) return value.value === undefined || isZero(value.value);
  return (isList(value) || isMap(value) || value instanceof Uint8Array) && sizeOf(value) === 0;
}

function unwrap([list]: [List]): Value | Failure {
  const items = listItems(list);
  if (items instanceof Failure) return items;
  const values: Value[] = [];
  for (const item of items) {
    if (!(item instanceof Optional)) return new Failure(`value ${String(item)} is not optional`);
    if (item.value !== undefined) values.push(item.value);
  }
  return values;
}

function element(list: List, index: number): Value | Failure {
  if (listSize(list) === 0) return NONE;
  const item = listItem(list, index);
  return item instanceof Failure ? item : new Optional(item);
}

export const OPTIONALS: Library = [
  overload('optional_of', 'optional.of(V): optional(V)', ([value]: [Value]) => new Optional(value)),
  overload('optional_ofNonZeroValue', 'optional.ofNonZeroValue(V): optional(V)', ([value]: [Value]) => (isZero(value) ? NONE : new Optional(value))),
  overload('optional_none', 'optional.none(): optional(V)', () => NONE),
  overload('optional_value', '(optional(V)).value(): V', ([optional]: [Optional]) => optional.value ?? (optional.value === null ? null : new Failure('optional.none() dereference'))),
  overload('optional_hasValue', '(optional(V)).hasValue(): bool', ([optional]: [Optional]) => optional.value !== undefined),
  overload('optional_or_optional', '(optional(V)).or(optional(V)): optional(V)'),
  overload('optional_orValue_value', '(optional(V)).orValue(V): V'),
  overload('select_optional_field', '_?._(dyn, string): optional(V)'),
  overload('list_optindex_optional_int', '_[?_](list(V), int): optional(V)'),
  overload('optional_list_optindex_optional_int', '_[?_](optional(list(V)), int): optional(V)'),
  overload('map_optindex_optional_value', '_[?_](map(K, V), K): optional(V)'),
  overload('optional_map_optindex_optional_value', '_[?_](optional(map(K, V)), K): optional(V)'),
  overload('optional_list_index_int', '_[_](optional(list(V)), int): optional(V)'),
  overload('optional_map_index_value', '_[_](optional(map(K, V)), K): optional(V)'),
  overload('list_last', '(list(V)).last(): optional(V)', ([list]: [List]) => element(list, listSize(list) - 1)),
  overload('list_first', '(list(V)).first(): optional(V)', ([list]: [List]) => element(list, 0)),
  overload('optional_unwrap', 'optional.unwrap(list(optional(V))): list(V)', unwrap),
  overload('optional_unwrapOpt', '(list(optional(V))).unwrapOpt(): list(V)', unwrap),
];
