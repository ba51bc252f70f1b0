/**
 * Strategic merge patch: a merge patch that knows from the schema which lists merge, and by which key.
 *
 *     {"$patch": "replace" | "delete"}             this object, or in a list: the whole list / the item with this key
 *     {"$retainKeys": ["a", "b"]}                  drop all other keys of the live object
 *     {"$deleteFromPrimitiveList/f": [...]}        take these values out of list f
 *     {"$setElementOrder/f": [...]}                the order of list f (keys of its items, or values)
 *
 * Rules and texts are upstream's (k8s.io/apimachinery strategicpatch). The arguments are not changed.
 */
import type { SchemaResolver } from '../schema/model.ts';
import { cloneJson, getKey, goText, goTypeName, goKind, goVerbS, isObject, setKey } from './json-value.ts';
import type { JsonObject, JsonValue } from './json-value.ts';
import { checkOrderedPatch, mergeByOrder, partition, requireMergeKeys, scalarKeys } from './list-order.ts';
import { PatchError } from './patch-error.ts';
import { goKindOf, listField, mapField } from './patch-schema.ts';
import type { FieldMerge, PatchContext } from './patch-schema.ts';

const DIRECTIVE = '$patch';
const RETAIN_KEYS = '$retainKeys';
const DELETE_FROM = '$deleteFromPrimitiveList';
const SET_ORDER = '$setElementOrder';

/**
 * @param typeName the schema type of the object, `apps/v1.Deployment`.
 * @throws PatchError malformed (bad directives), inapplicable, internal (upstream's bare 500s)
 */
export function applyStrategicMergePatch(object: JsonObject, patch: JsonObject, typeName: string, resolve: SchemaResolver): JsonObject {
  return mergeMap(cloneJson(object), cloneJson(patch), { type: { kind: 'ref', name: typeName }, resolve });
}

/** Merges `patch` into `original`; both are copies and may be changed. */
function mergeMap(original: JsonObject, patch: JsonObject, context: PatchContext): JsonObject {
  const directive = getKey(patch, DIRECTIVE);
  if (directive !== undefined) return applyMapDirective(directive, patch);
  applyRetainKeys(original, patch);
  applyElementOrders(original, patch, context);
  for (const rawKey of Object.keys(patch)) {
    const value = patch[rawKey] as JsonValue;
    const isDeletion = rawKey.startsWith(DELETE_FROM);
    const key = isDeletion ? afterPrefix(rawKey, DELETE_FROM, 'invalid patch format of primitive list') : rawKey;
    if (value === null) {
      delete original[key];
      continue;
    }
    const current = getKey(original, key);
    if (current === undefined || goKind(current) !== goKind(value)) {
      if (!isDeletion) take(original, key, discardNulls(value));
    } else if (isObject(current)) {
      const field = mapField(context, key);
      setKey(original, key, field.strategy === 'replace' ? value : mergeMap(current, value as JsonObject, field.inner));
    } else if (Array.isArray(current)) {
      setKey(original, key, mergeField(current, value as JsonValue[], listField(context, key), isDeletion));
    } else {
      setKey(original, key, value);
    }
  }
  return original;
}

function applyMapDirective(directive: JsonValue, patch: JsonObject): JsonObject {
  if (directive === 'delete') return {};
  if (directive !== 'replace') throw unknownDirective(directive, patch);
  delete patch[DIRECTIVE];
  return patch;
}

function applyRetainKeys(original: JsonObject, patch: JsonObject): void {
  const retained = getKey(patch, RETAIN_KEYS);
  if (retained === undefined) return;
  delete patch[RETAIN_KEYS];
  const fault = 'invalid patch format of retainKeys';
  if (!Array.isArray(retained)) throw new PatchError('malformed', fault);
  const keep = new Set<JsonValue>(retained);
  for (const key of Object.keys(patch)) {
    if (patch[key] === null || key.startsWith(DELETE_FROM) || key.startsWith(SET_ORDER)) continue;
    if (!keep.has(key)) throw new PatchError('malformed', fault);
  }
  for (const key of Object.keys(original)) if (!keep.has(key)) delete original[key];
}

/** Merges every list that comes with a `$setElementOrder`, and takes both out of the patch. */
function applyElementOrders(original: JsonObject, patch: JsonObject, context: PatchContext): void {
  for (const key of Object.keys(patch)) {
    if (!key.startsWith(SET_ORDER)) continue;
    const order = asList(patch[key] as JsonValue);
    delete patch[key];
    const listKey = afterPrefix(key, SET_ORDER, 'invalid patch format of setElementOrder list');
    const current = getKey(original, listKey);
    const wanted = getKey(patch, listKey);
    const currentList = current === undefined ? undefined : asList(current);
    const wantedList = wanted === undefined ? undefined : asList(wanted);
    const field = listField(context, listKey);
    checkOrderedPatch(wantedList, order, field.mergeKey);
    if (currentList === undefined && wantedList === undefined) continue;
    let merged: JsonValue[];
    if (currentList === undefined) merged = removeDirectives(wantedList as JsonValue[]) as JsonValue[];
    else merged = wantedList === undefined ? currentList : mergeField(currentList, wantedList, field, false);
    const [ordered, serverOnly] = partition(merged, order, field.mergeKey);
    const ofMaps = elementsAreMaps(currentList ?? [], wantedList ?? []);
    setKey(original, listKey, mergeByOrder(ordered, serverOnly, order, currentList ?? [], ofMaps ? field.mergeKey : undefined));
    delete patch[listKey];
  }
}

function mergeField(current: JsonValue[], patch: JsonValue[], field: FieldMerge, isDeletion: boolean): JsonValue[] {
  return field.strategy === 'merge' || isDeletion ? mergeList(current, patch, field, isDeletion) : patch;
}

function mergeList(current: JsonValue[], patch: JsonValue[], field: FieldMerge, isDeletion: boolean): JsonValue[] {
  if (current.length === 0 && patch.length === 0) return current;
  const { mergeKey } = field;
  if (!elementsAreMaps(current, patch)) {
    if (isDeletion) return current.filter((value) => !patch.includes(value));
    const merged = dropDuplicates([...current, ...patch]);
    const [ordered, serverOnly] = partition(merged, patch, mergeKey);
    return mergeByOrder(ordered, serverOnly, patch, current, undefined);
  }
  if (mergeKey === '') throw new PatchError('internal', `cannot merge lists without merge key for ${goKindOf(field.inner.type)}`);
  const [base, items] = applyItemDirectives(current as JsonObject[], patch as JsonObject[], mergeKey);
  const merged = mergeItems(base, items, mergeKey, field.inner);
  const [ordered, serverOnly] = partition(merged, items, mergeKey);
  requireMergeKeys(mergeKey, merged, base);
  return mergeByOrder(ordered, serverOnly, items, base, mergeKey);
}

/** Carries out `$patch` of single items; returns the live list after it and the patch without them. */
function applyItemDirectives(current: JsonObject[], patch: JsonObject[], mergeKey: string): [JsonObject[], JsonObject[]] {
  const items: JsonObject[] = [];
  let base = current;
  let replaced = false;
  for (const item of patch) {
    const directive = getKey(item, DIRECTIVE);
    if (directive === undefined) items.push(item);
    else if (directive === 'delete') {
      const key = getKey(item, mergeKey);
      if (key === undefined) throw noMergeKey(item, mergeKey);
      base = base.filter((each) => getKey(each, mergeKey) !== key);
    } else if (directive === 'replace') replaced = true;
    else if (directive === 'merge') throw new PatchError('internal', 'merging lists cannot yet be specified in the patch');
    else throw unknownDirective(directive, item);
  }
  return replaced ? [items, []] : [base, items];
}

function mergeItems(base: JsonObject[], items: JsonObject[], mergeKey: string, inner: PatchContext): JsonObject[] {
  const merged = base.slice();
  for (const item of items) {
    const key = getKey(item, mergeKey);
    if (key === undefined) throw noMergeKey(item, mergeKey);
    const index = merged.findIndex((each) => getKey(each, mergeKey) === key);
    if (index < 0) merged.push(item);
    else merged[index] = mergeMap(merged[index] as JsonObject, item, inner);
  }
  return merged;
}

/** @throws when the elements are of different kinds, lists themselves, or none. */
function elementsAreMaps(...lists: JsonValue[][]): boolean {
  let first: string | undefined;
  for (const list of lists) {
    for (const value of list) {
      const kind = goKind(value);
      first ??= kind;
      if (first === 'slice') throw new PatchError('inapplicable', 'lists of lists are not supported');
      if (kind !== first || kind === 'nil') throw new PatchError('internal', `list element types are not identical: ${goText(lists)}`);
    }
  }
  if (first === undefined) throw new PatchError('internal', 'no elements in any of the given slices');
  return first === 'map';
}

/** Upstream's way: a duplicate's place is taken by the last element, so order can change. */
function dropDuplicates(values: JsonValue[]): JsonValue[] {
  scalarKeys(values);
  let last = values.length - 1;
  for (let i = 0; i < last; i++) {
    for (let j = i + 1; j <= last; j++) {
      if (values[i] !== values[j]) continue;
      values[j] = values[last] as JsonValue;
      values.pop();
      last--;
      j--;
    }
  }
  return values;
}

function discardNulls(value: JsonValue): JsonValue {
  if (Array.isArray(value)) value.forEach(discardNulls);
  else if (isObject(value)) {
    for (const key of Object.keys(value)) {
      if (value[key] === null) delete value[key];
      else discardNulls(value[key] as JsonValue);
    }
  }
  return value;
}

/** Sets the key to the patch's value, unless that value is only a directive. */
function take(original: JsonObject, key: string, value: JsonValue): void {
  const kept = removeDirectives(value);
  if (kept === undefined) delete original[key];
  else setKey(original, key, kept);
}

function removeDirectives(value: JsonValue): JsonValue | undefined {
  if (Array.isArray(value)) return value.map(removeDirectives).filter((item) => item !== undefined);
  if (!isObject(value)) return value;
  if (Object.hasOwn(value, DIRECTIVE)) return undefined;
  for (const key of Object.keys(value)) take(value, key, value[key] as JsonValue);
  return value;
}

function afterPrefix(key: string, prefix: string, fault: string): string {
  const slash = key.indexOf('/');
  if (slash < 0 || key.slice(0, slash) !== prefix) throw new PatchError('malformed', fault);
  return key.slice(slash + 1);
}

function asList(value: JsonValue): JsonValue[] {
  if (!Array.isArray(value)) throw new PatchError('internal', `expected a []interface {}, but received a ${goTypeName(value)}`);
  return value;
}

function noMergeKey(item: JsonObject, mergeKey: string): PatchError {
  return new PatchError('internal', `map: ${goText(item)} does not contain declared merge key: ${mergeKey}`);
}

function unknownDirective(directive: JsonValue, patch: JsonObject): PatchError {
  return new PatchError('internal', `unknown patch type: ${goVerbS(directive)} in map: ${goText(patch)}`);
}
