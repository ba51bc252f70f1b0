/**
 * The order of a list after a strategic merge: what the patch names comes in the patch's order, the rest of the live list keeps
 * its own, and the two are interleaved as far as the live list says where an item stood.
 *
 * With `mergeKey` items are objects and compared by that key; without, they are scalars.
 */
import { getKey, goText, goTypeName, isContainer, isObject } from './json-value.ts';
import type { JsonObject, JsonValue } from './json-value.ts';
import { PatchError } from './patch-error.ts';

/** Splits a list into what `by` names and what it does not. */
export function partition(list: readonly JsonValue[], by: readonly JsonValue[], mergeKey: string): [JsonValue[], JsonValue[]] {
  const named: JsonValue[] = [];
  const others: JsonValue[] = [];
  const names = mergeKey === '' ? scalarKeys(by) : new Set(by.map((item) => getKey(asMap(item), mergeKey)));
  for (const item of list) {
    const name = mergeKey === '' ? item : requireKey(asMap(item), mergeKey);
    (names.has(name) ? named : others).push(item);
  }
  return [named, others];
}

/** The values as a set. @throws when one is not a scalar: only lists of scalars are ordered without a merge key. */
export function scalarKeys(values: readonly JsonValue[]): Set<JsonValue | undefined> {
  for (const value of values) {
    if (isContainer(value)) throw new PatchError('malformed', 'invalid patch format of setElementOrder list');
  }
  return new Set(values);
}

export function mergeByOrder(patchItems: JsonValue[], serverOnly: JsonValue[], patchOrder: readonly JsonValue[],
  serverOrder: readonly JsonValue[], mergeKey: string | undefined): JsonValue[] {
  if (mergeKey !== undefined) requireMergeKeys(mergeKey, patchItems, patchOrder, serverOnly, serverOrder);
  const serverIndex = indexer(serverOrder, mergeKey);
  const right = sortBy(patchItems, indexer(patchOrder, mergeKey), mergeKey);
  const left = sortBy(serverOnly, serverIndex, mergeKey);
  const merged: JsonValue[] = [];
  let i = 0;
  let j = 0;
  while (i < left.length || j < right.length) {
    if (i >= left.length) merged.push(right[j++] as JsonValue);
    else if (j >= right.length) merged.push(left[i++] as JsonValue);
    else {
      const li = serverIndex(left[i] as JsonValue);
      const ri = serverIndex(right[j] as JsonValue);
      merged.push((li !== undefined && ri !== undefined && li < ri ? left[i++] : right[j++]) as JsonValue);
    }
  }
  return merged;
}

/** The patch's items must stand in the order the `$setElementOrder` list gives, and be named there. */
export function checkOrderedPatch(patch: readonly JsonValue[] | undefined, order: readonly JsonValue[], mergeKey: string): void {
  if (patch === undefined || patch.length === 0 || order.length === 0) return;
  const items = mergeKey === '' ? patch : patch.filter((item) => getKey(asMap(item), '$patch') !== 'delete');
  let next = 0;
  let at = 0;
  while (next < items.length && at < order.length) {
    const item = items[next] as JsonValue;
    if (isObject(item) && Object.hasOwn(item, '$patch')) {
      next++;
      continue;
    }
    if (sameItem(item, order[at] as JsonValue, mergeKey)) next++;
    at++;
  }
  if (next < items.length) {
    throw new PatchError('internal', `The order in patch list:\n${goText(patch)}\n doesn't match $setElementOrder list:\n${goText(order)}\n`);
  }
}

export function requireMergeKeys(mergeKey: string, ...lists: (readonly JsonValue[])[]): void {
  for (const list of lists) for (const item of list) requireKey(asMap(item), mergeKey);
}

function sameItem(left: JsonValue, right: JsonValue, mergeKey: string): boolean {
  if (mergeKey === '') {
    scalarKeys([left, right]);
    return left === right;
  }
  return requireKey(asMap(left), mergeKey) === requireKey(asMap(right), mergeKey);
}

type Indexer = (item: JsonValue) => number | undefined;

function indexer(list: readonly JsonValue[], mergeKey: string | undefined): Indexer {
  const nameOf = (item: JsonValue): JsonValue | undefined => (mergeKey === undefined ? item : isObject(item) ? getKey(item, mergeKey) : null);
  const places = new Map<JsonValue | undefined, number>();
  list.forEach((item, index) => {
    if (!places.has(nameOf(item))) places.set(nameOf(item), index);
  });
  return (item) => places.get(nameOf(item));
}

/** An insertion sort, because upstream's comparison is no order: an item `index` does not know moves before its neighbour. */
function sortBy(items: JsonValue[], index: Indexer, mergeKey: string | undefined): JsonValue[] {
  const deleted = mergeKey === undefined ? [] : items.filter((item) => isDeletion(item));
  const sorted = deleted.length === 0 ? items.slice() : items.filter((item) => !isDeletion(item));
  for (let i = 1; i < sorted.length; i++) {
    for (let j = i; j > 0 && before(sorted[j] as JsonValue, sorted[j - 1] as JsonValue, index); j--) {
      [sorted[j], sorted[j - 1]] = [sorted[j - 1] as JsonValue, sorted[j] as JsonValue];
    }
  }
  return sorted.concat(deleted);
}

function before(left: JsonValue, right: JsonValue, index: Indexer): boolean {
  const li = index(left);
  const ri = index(right);
  return li === undefined || ri === undefined || li < ri;
}

function isDeletion(item: JsonValue): boolean {
  return isObject(item) && getKey(item, '$patch') === 'delete';
}

function asMap(item: JsonValue): JsonObject {
  if (!isObject(item)) throw new PatchError('internal', `expected a map[string]interface {}, but received a ${goTypeName(item)}`);
  return item;
}

function requireKey(item: JsonObject, mergeKey: string): JsonValue {
  const value = getKey(item, mergeKey);
  if (value === undefined) throw new PatchError('internal', `map: ${goText(item)} does not contain declared merge key: ${mergeKey}`);
  return value;
}
