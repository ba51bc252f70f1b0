/**
 * What changed between two objects of one type, as sets of paths in the grain in which ownership is kept.
 *
 * `undefined` is an absent value, `null` a present one. Equal parts cost no allocation, and parts that both objects share are
 * not looked into: this runs on every write.
 */
import { jsonEqual } from '../patch/json-value.ts';
import { EMPTY_SET, insertNode, insertPath } from './field-set.ts';
import type { FieldSet } from './field-set.ts';
import { asList, asMap, formOf, isEmptyMap, walkedAs } from './form.ts';
import type { Form } from './form.ts';
import type { MergeList, MergeMap, MergeType } from './merge-type.ts';
import { listItemElement } from './path-element.ts';

export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

interface Walk extends Comparison {
  /** Where the walk stands. */
  readonly path: string[];
}

/** @throws PathElementError when list items cannot be told apart */
export function compareObjects(before: unknown, after: unknown, type: MergeType): Comparison {
  const walk: Walk = { added: {}, modified: {}, removed: {}, path: [] };
  compare(walk, before, after, type);
  return { added: walk.added, modified: walk.modified, removed: walk.removed };
}

function compare(walk: Walk, before: unknown, after: unknown, type: MergeType): void {
  if (before === after) return;
  if (before === undefined) { insertNode(walk.added, walk.path, newNode(after, type)); return; }
  const formBefore = formOf(type, before);
  const formAfter = after === undefined ? undefined : formOf(type, after);
  let isLeaf: boolean;
  if (formAfter === undefined) isLeaf = compareAs(walk, before, after, type, walkedAs(type, formBefore));
  else {
    if (formBefore !== formAfter) compareAs(walk, before, after, type, walkedAs(type, formBefore));
    isLeaf = compareAs(walk, before, after, type, walkedAs(type, formAfter));
  }
  if (isLeaf) return;
  if (after === undefined) insertPath(walk.removed, walk.path);
}

/** What is owned of a value that was not there: itself and all in it, in canonical order. @throws PathElementError */
function newNode(value: unknown, type: MergeType): FieldSet {
  const form = walkedAs(type, formOf(type, value));
  if (form === 'map') {
    const map = type.map as MergeMap;
    const now = asMap(value);
    return map.atomic || now === undefined || isEmptyMap(now) ? EMPTY_SET : newMapNode(map, now);
  }
  if (form === 'list') {
    const list = type.list as MergeList;
    const now = asList(value) ?? NONE;
    return list.atomic || now.length === 0 ? EMPTY_SET : newListNode(list, now);
  }
  return EMPTY_SET;
}

function newMapNode(map: MergeMap, now: JsonMap): FieldSet {
  let node: FieldSet | undefined;
  for (const key of Object.keys(now).sort()) {
    const value = now[key];
    const type = value === undefined ? undefined : map.field(key) ?? map.element;
    if (type !== undefined) (node ??= { '.': EMPTY_SET })[`f:${key}`] = newNode(value, type);
  }
  return node ?? EMPTY_SET;
}

function newListNode(list: MergeList, now: readonly unknown[]): FieldSet {
  const node: FieldSet = { '.': EMPTY_SET };
  for (const item of now) {
    const element = listItemElement(list, item);
    // Several items with the same key are owned as a whole.
    node[element] = Object.hasOwn(node, element) ? EMPTY_SET : newNode(item, list.item);
  }
  return node;
}

/** @returns the value is owned as a whole here. */
function compareAs(walk: Walk, before: unknown, after: unknown, type: MergeType, form: Form): boolean {
  if (form === 'map') {
    const map = type.map as MergeMap;
    const old = asMap(before);
    const now = asMap(after);
    if (map.atomic || (isEmptyMap(old) && isEmptyMap(now))) return leaf(walk, before, after);
    compareMaps(walk, map, old, now);
    return false;
  }
  if (form === 'list') {
    const list = type.list as MergeList;
    const old = asList(before) ?? NONE;
    const now = asList(after) ?? NONE;
    if (list.atomic || (old.length === 0 && now.length === 0)) return leaf(walk, before, after);
    compareLists(walk, list, old, now);
    return false;
  }
  return leaf(walk, before, after);
}

const NONE: readonly unknown[] = [];

function leaf(walk: Walk, before: unknown, after: unknown): true {
  if (after === undefined) insertPath(walk.removed, walk.path);
  else if (!jsonEqual(before, after)) insertPath(walk.modified, walk.path);
  return true;
}

type JsonMap = Readonly<Record<string, unknown>>;

function compareMaps(walk: Walk, map: MergeMap, before: JsonMap | undefined, after: JsonMap | undefined): void {
  if (before !== undefined) {
    for (const key in before) {
      const old = before[key];
      const now = after !== undefined && Object.hasOwn(after, key) ? after[key] : undefined;
      if (old !== now) compareField(walk, map, key, old, now);
    }
  }
  if (after !== undefined) {
    for (const key in after) {
      if (before === undefined || !Object.hasOwn(before, key)) compareField(walk, map, key, undefined, after[key]);
    }
  }
}

function compareField(walk: Walk, map: MergeMap, key: string, before: unknown, after: unknown): void {
  const type = map.field(key) ?? map.element;
  if (type === undefined) return;
  walk.path.push(`f:${key}`);
  compare(walk, before, after, type);
  walk.path.pop();
}

function compareLists(walk: Walk, list: MergeList, before: readonly unknown[], after: readonly unknown[]): void {
  if (before.length === after.length && jsonEqual(before, after)) return;
  const old = itemsByElement(list, before);
  const now = itemsByElement(list, after);
  for (const [element, oldItems] of old) compareItems(walk, list, element, oldItems, now.get(element) ?? NONE);
  for (const [element, newItems] of now) if (!old.has(element)) compareItems(walk, list, element, NONE, newItems);
}

function itemsByElement(list: MergeList, items: readonly unknown[]): Map<string, unknown[]> {
  const found = new Map<string, unknown[]>();
  for (const item of items) {
    const element = listItemElement(list, item);
    const same = found.get(element);
    if (same === undefined) found.set(element, [item]);
    else same.push(item);
  }
  return found;
}

/** Items with the same key are one; several with the same key are owned together, as a whole. */
function compareItems(walk: Walk, list: MergeList, element: string, before: readonly unknown[], after: readonly unknown[]): void {
  walk.path.push(element);
  if (before.length <= 1 && after.length <= 1) compare(walk, before[0], after[0], list.item);
  else if (before.length >= 2 && after.length >= 2) {
    if (!jsonEqual(before, after)) insertPath(walk.modified, walk.path);
  } else if (before.length >= 2) {
    if (after.length !== 0) compare(walk, undefined, after[0], list.item);
    insertPath(walk.removed, walk.path);
  } else {
    if (before.length !== 0) compare(walk, before[0], undefined, list.item);
    insertPath(walk.added, walk.path);
  }
  walk.path.pop();
}
