/**
 * Takes paths out of an object: what an applier no longer applies and nobody else owns.
 *
 * A map or list that was opened stays, if only empty; the object given is not changed.
 */
import { setKey } from '../patch/json-value.ts';
import type { JsonObject, JsonValue } from '../patch/json-value.ts';
import { below, hasElement, isEmptySet } from './field-set.ts';
import type { FieldSet } from './field-set.ts';
import { asList, asMap, formOf, walkedAs } from './form.ts';
import type { MergeList, MergeMap, MergeType } from './merge-type.ts';
import { listItemElement } from './path-element.ts';

export function removeItems(object: JsonObject, set: FieldSet, type: MergeType): JsonObject {
  return isEmptySet(set) ? object : (remove(object, set, type) ?? {}) as JsonObject;
}

/** @returns null where nothing is left. */
function remove(value: unknown, set: FieldSet, type: MergeType): unknown {
  switch (walkedAs(type, formOf(type, value))) {
    case 'map': return removeFromMap(value, set, type.map as MergeMap);
    case 'list': return removeFromList(value, set, type.list as MergeList);
    default: return value;
  }
}

function removeFromMap(value: unknown, set: FieldSet, map: MergeMap): unknown {
  const object = asMap(value);
  if (object === undefined || map.atomic) return null;
  const out: JsonObject = {};
  let opened = false;
  for (const key of Object.keys(object)) {
    const element = `f:${key}`;
    if (hasElement(set, element)) continue;
    const inner = below(set, element);
    if (inner !== undefined) opened = true;
    setKey(out, key, removeInside(object[key], inner, map.field(key) ?? map.element) as JsonValue);
  }
  return opened || Object.keys(out).length > 0 ? out : null;
}

function removeFromList(value: unknown, set: FieldSet, list: MergeList): unknown {
  const items = asList(value);
  if (items === undefined || items.length === 0 || list.atomic) return null;
  const out: unknown[] = [];
  let opened = false;
  for (const item of items) {
    const element = listItemElement(list, item);
    if (hasElement(set, element)) continue;
    const inner = below(set, element);
    if (inner !== undefined) opened = true;
    out.push(removeInside(item, inner, list.item));
  }
  return opened || out.length > 0 ? out : null;
}

function removeInside(value: unknown, set: FieldSet | undefined, type: MergeType | undefined): unknown {
  if (set === undefined || type === undefined) return value;
  const left = remove(value, set, type);
  if (left !== null) return left;
  return asMap(value) !== undefined ? {} : asList(value) !== undefined ? [] : null;
}
