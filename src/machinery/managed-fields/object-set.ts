/**
 * The paths an applied configuration owns: its leaves, its list items, its map keys and its empty maps.
 */
import { insertPath } from './field-set.ts';
import type { FieldSet } from './field-set.ts';
import { asList, asMap, formOf, isEmptyMap, walkedAs } from './form.ts';
import type { MergeList, MergeMap, MergeType } from './merge-type.ts';
import { listItemElement } from './path-element.ts';

/** @throws PathElementError when list items cannot be told apart */
export function setOfObject(object: unknown, type: MergeType): FieldSet {
  const set: FieldSet = {};
  visit(set, [], object, type);
  return set;
}

function visit(set: FieldSet, path: string[], value: unknown, type: MergeType): void {
  switch (walkedAs(type, formOf(type, value))) {
    case 'map': return visitMap(set, path, value, type.map as MergeMap);
    case 'list': return visitList(set, path, value, type.list as MergeList);
    default: insertPath(set, path);
  }
}

function visitMap(set: FieldSet, path: string[], value: unknown, map: MergeMap): void {
  if (map.atomic) return insertPath(set, path);
  const object = asMap(value);
  if (object === undefined) return;
  for (const key of Object.keys(object)) {
    const declared = map.field(key);
    const type = declared ?? map.element;
    if (type === undefined) continue;
    const inner = object[key];
    path.push(`f:${key}`);
    visit(set, path, inner, type);
    const innerMap = asMap(inner);
    if (declared === undefined || inner === null || (innerMap !== undefined && isEmptyMap(innerMap))) insertPath(set, path);
    path.pop();
  }
}

function visitList(set: FieldSet, path: string[], value: unknown, list: MergeList): void {
  if (list.atomic) return insertPath(set, path);
  const items = asList(value);
  if (items === undefined) return;
  const elements = items.map((item) => listItemElement(list, item));
  const counts = new Map<string, number>();
  for (const element of elements) counts.set(element, (counts.get(element) ?? 0) + 1);
  elements.forEach((element, index) => {
    path.push(element);
    if (counts.get(element) === 1) visit(set, path, items[index], list.item);
    insertPath(set, path);
    path.pop();
  });
}
