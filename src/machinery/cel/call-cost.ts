/**
 * What a call really costs, in the units of upstream's cost model, so that expressions stop where upstream's do.
 */
import { isList, isMap, listItems, mapEntries, Failure, Opaque, sizeOf, type Value } from './value.ts';

/** Cost of looking at one character. */
export const TRAVERSAL = 0.1;
/** Cost per character of a pattern. */
export const PATTERN = 0.25;
export const LIST_COST = 10;
export const MAP_COST = 30;
export const STRUCT_COST = 40;

/** One that reads the result says so by taking it: all others are paid before the call. */
export type CallCost = (args: readonly Value[], result: Value | Failure) => number;

const traverse = (factor: number, index = 0): CallCost => (args) => Math.ceil(sizeOf(args[index]!) * factor);
const patternCost: CallCost = ([text, pattern]) => Math.ceil((1 + sizeOf(text!)) * TRAVERSAL) * Math.ceil(sizeOf(pattern!) * PATTERN);
const smaller: CallCost = ([a, b]) => Math.ceil(Math.min(sizeOf(a!), sizeOf(b!)) * TRAVERSAL);
const resultSize: CallCost = (_, result) => allocating(1, result instanceof Failure ? 1 : sizeOf(result));
const selfCompare = (index: number): CallCost => (args) => {
  const list = args[index]!;
  const first = isList(list) ? listItems(list) : [];
  const text = !(first instanceof Failure) && (typeof first[0] === 'string' || first[0] instanceof Uint8Array);
  return allocating(2 + (text ? TRAVERSAL : 0), sizeOf(list) ** 2);
};

function allocating(factor: number, size: number): number {
  return Math.floor(size * factor) + 1 + LIST_COST;
}

/** Everything inside counts. */
function wholeTraversal(value: Value | Failure): number {
  if (value instanceof Failure) return 1;
  if (typeof value === 'string') return Math.floor(Buffer.byteLength(value) * TRAVERSAL);
  if (value instanceof Uint8Array) return Math.floor(value.length * TRAVERSAL);
  if (isList(value)) {
    const items = listItems(value);
    return items instanceof Failure ? 1 : items.reduce<number>((sum, item) => sum + wholeTraversal(item), 0);
  }
  if (!isMap(value)) return 1;
  const entries = mapEntries(value);
  return entries instanceof Failure ? 1 : entries.reduce((sum, [key, item]) => sum + wholeTraversal(key) + wholeTraversal(item), 0);
}

const contained = (parsesText: boolean, masks: boolean): CallCost => ([a, b]) => {
  const size = sizeOf(a!);
  return Math.ceil(2 * size * TRAVERSAL) + (masks ? Math.ceil(size * TRAVERSAL) + 1 : 0) + (parsesText ? Math.ceil(sizeOf(b!) * TRAVERSAL) : 0);
};

const BY_OVERLOAD: Readonly<Record<string, CallCost>> = {
  list_slice: resultSize, lists_range: resultSize, list_reverse: resultSize, list_distinct: selfCompare(0),
  list_flatten: ([list]) => allocating(1, sizeOf(list!)), list_flatten_int: ([list, depth]) => allocating(Number(depth), sizeOf(list!)),
  cidr_ip: () => 1, cidr_contains_ip_string: contained(true, false), cidr_contains_ip_ip: contained(false, false),
  cidr_contains_cidr_string: contained(true, true), cidr_contains_cidr: contained(false, true),
  starts_with_string: traverse(TRAVERSAL), ends_with_string: traverse(TRAVERSAL), string_to_bytes: traverse(TRAVERSAL), bytes_to_string: traverse(TRAVERSAL),
  strings_quote: traverse(TRAVERSAL), string_format: traverse(TRAVERSAL), in_list: (args) => sizeOf(args[1]!),
  equals: (args) => (args[0] instanceof Opaque ? 1 : smaller(args, true)), not_equals: smaller,
  add_string: ([a, b]) => Math.ceil((sizeOf(a!) + sizeOf(b!)) * TRAVERSAL), add_bytes: ([a, b]) => Math.ceil((sizeOf(a!) + sizeOf(b!)) * TRAVERSAL),
  matches_string: patternCost, contains_string: ([a, b]) => Math.ceil(sizeOf(a!) * TRAVERSAL) * Math.ceil(sizeOf(b!) * TRAVERSAL),
};

const BY_NAME: Readonly<Record<string, CallCost>> = {
  check: () => 350_000,
  ...Object.fromEntries(['isSorted', 'sum', 'max', 'min', 'indexOf', 'lastIndexOf'].map((name) => [name, ([list]: readonly Value[]) => wholeTraversal(list!)])),
  ...Object.fromEntries(['url', 'lowerAscii', 'upperAscii', 'substring', 'trim', 'jsonpatch.escapeKey', 'cidr', 'isIP', 'isCIDR', 'ip', 'quantity', 'isQuantity', 'semver', 'isSemver']
    .map((name) => [name, traverse(TRAVERSAL)])),
  replace: traverse(2 * TRAVERSAL), split: traverse(2 * TRAVERSAL), 'ip.isCanonical': traverse(2 * TRAVERSAL),
  join: (_, result) => Math.ceil((result instanceof Failure ? 1 : sizeOf(result)) * 2 * TRAVERSAL),
  find: patternCost, findAll: patternCost,
  validate: ([format, text]) => Math.ceil((1 + sizeOf(text!)) * TRAVERSAL) * Math.ceil((format as Opaque<{ patternSize: number }>).content.patternSize * PATTERN),
};

export function costOfCall(name: string, overloadId: string): CallCost | undefined {
  if (/^(less|greater)(_equals)?_(string|bytes)$/.test(overloadId)) return smaller;
  if (/_sort$/.test(overloadId)) return selfCompare(0);
  if (/_sortByAssociatedKeys$/.test(overloadId)) return selfCompare(1);
  return BY_OVERLOAD[overloadId] ?? (Object.hasOwn(BY_NAME, name) ? BY_NAME[name] : undefined);
}
