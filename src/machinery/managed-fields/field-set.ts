/**
 * A set of field paths, kept in its wire form: the FieldsV1 trie.
 *
 *     {"f:spec": {"f:ports": {".": {}, "k:{\"port\":80}": {}}}}     holds .spec.ports and .spec.ports[port=80], not .spec
 *
 * `{}` below the root is a member without children, `.` marks a member with children. Sets are values: no operation changes its
 * arguments, and results share what did not change (the same object comes back when nothing did), so an unchanged set costs
 * nothing to store again. Only `insertPath` writes, into a set being built.
 */
import type { FieldsV1 } from '../meta.ts';
import { canonicalElement, compareElements } from './path-element.ts';

export type FieldSet = FieldsV1;
/** Path elements, outermost first. */
export type FieldPath = readonly string[];

const LEAF: FieldsV1 = Object.freeze({}) as FieldsV1;
export const EMPTY_SET: FieldSet = LEAF;

export function isEmptySet(set: FieldSet): boolean {
  for (const key in set) if (key !== '.') return false;
  return true;
}

function isMember(node: FieldsV1): boolean {
  return node['.'] !== undefined || isEmptySet(node);
}

/** A node from its parts; undefined when it holds nothing. */
function makeNode(member: boolean, children: FieldsV1): FieldsV1 | undefined {
  if (isEmptySet(children)) return member ? LEAF : undefined;
  if (!member) return withoutDot(children);
  return children['.'] !== undefined ? children : { '.': LEAF, ...children };
}

function withoutDot(node: FieldsV1): FieldsV1 {
  if (node['.'] === undefined) return node;
  const { '.': _member, ...children } = node;
  return children;
}

export function setOfPaths(...paths: FieldPath[]): FieldSet {
  const set: FieldSet = {};
  for (const path of paths) insertPath(set, path);
  return set;
}

/** The node that holds the last element of a path, made where it is missing. */
function parentNode(set: FieldSet, path: FieldPath): FieldSet {
  let node = set;
  for (let i = 0; i < path.length - 1; i++) {
    const element = path[i] as string;
    let next = node[element];
    if (next === undefined) node[element] = next = {};
    else if (isEmptySet(next) && next['.'] === undefined) node[element] = next = { '.': LEAF };
    node = next;
  }
  return node;
}

/** Adds a path to a set that is being built. The empty path (the whole object) is never owned. */
export function insertPath(set: FieldSet, path: FieldPath): void {
  if (path.length === 0) return;
  const node = parentNode(set, path);
  const last = path[path.length - 1] as string;
  const existing = node[last];
  if (existing === undefined) node[last] = LEAF;
  else if (!isMember(existing)) existing['.'] = LEAF;
}

/** As `insertPath`, with all that is owned below. The node may come to be part of the set. */
export function insertNode(set: FieldSet, path: FieldPath, added: FieldsV1): void {
  if (path.length === 0) return;
  const node = parentNode(set, path);
  const last = path[path.length - 1] as string;
  const existing = node[last];
  node[last] = existing === undefined ? added : unionNode(existing, added);
}

export function hasPath(set: FieldSet, path: FieldPath): boolean {
  let node: FieldsV1 | undefined = set;
  for (const element of path) {
    node = Object.hasOwn(node, element) ? node[element] : undefined;
    if (node === undefined) return false;
  }
  return isMember(node);
}

/** The step itself is a member. */
export function hasElement(set: FieldSet, element: string): boolean {
  const node = set[element];
  return node !== undefined && isMember(node);
}

/** What the set holds below the step; undefined for nothing. */
export function below(set: FieldSet, element: string): FieldSet | undefined {
  const node = set[element];
  return node === undefined || isEmptySet(node) ? undefined : node;
}

export function union(left: FieldSet, right: FieldSet): FieldSet {
  if (left === right) return left;
  let out = left;
  for (const key in right) {
    if (key === '.') continue;
    const mine = left[key];
    const theirs = right[key] as FieldsV1;
    const merged = mine === undefined ? theirs : unionNode(mine, theirs);
    if (merged === mine) continue;
    if (out === left) out = { ...left };
    out[key] = merged;
  }
  return out;
}

function unionNode(left: FieldsV1, right: FieldsV1): FieldsV1 {
  if (left === right || isEmptySet(right) && isMember(left)) return left;
  const children = union(left, right);
  return makeNode(isMember(left) || isMember(right), children) as FieldsV1;
}

export function intersection(left: FieldSet, right: FieldSet): FieldSet {
  if (left === right) return left;
  const out: FieldSet = {};
  for (const key in left) {
    const theirs = right[key];
    if (key === '.' || theirs === undefined) continue;
    const mine = left[key] as FieldsV1;
    const node = makeNode(isMember(mine) && isMember(theirs), isEmptySet(mine) || isEmptySet(theirs) ? LEAF : intersection(mine, theirs));
    if (node !== undefined) out[key] = node;
  }
  return out;
}

/** Members of `left` that `right` does not hold; a member's children are members of their own. */
export function difference(left: FieldSet, right: FieldSet): FieldSet {
  let out = left;
  for (const key in right) {
    const mine = left[key];
    if (key === '.' || mine === undefined) continue;
    const node = differenceNode(mine, right[key] as FieldsV1);
    if (node === mine) continue;
    if (out === left) out = { ...left };
    if (node === undefined) delete out[key];
    else out[key] = node;
  }
  return out;
}

function differenceNode(left: FieldsV1, right: FieldsV1): FieldsV1 | undefined {
  const member = isMember(left);
  const keep = member && !isMember(right);
  const children = isEmptySet(left) ? left : difference(left, right);
  return keep === member && children === left ? left : makeNode(keep, children);
}

/** As `difference`, but a member of `right` takes everything below it along. */
export function recursiveDifference(left: FieldSet, right: FieldSet): FieldSet {
  let out = left;
  for (const key in right) {
    const mine = left[key];
    if (key === '.' || mine === undefined) continue;
    const theirs = right[key] as FieldsV1;
    const children = isMember(theirs) || isEmptySet(mine) ? mine : recursiveDifference(mine, theirs);
    const node = isMember(theirs) ? undefined : children === mine ? mine : makeNode(isMember(mine), children);
    if (node === mine) continue;
    if (out === left) out = { ...left };
    if (node === undefined) delete out[key];
    else out[key] = node;
  }
  return out;
}

/** Steps to keep, `*` for any; `true`: and all below. The steps on the way count too. */
export interface FieldPattern { readonly [element: string]: FieldPattern | true }

export function matching(set: FieldSet, pattern: FieldPattern): FieldSet {
  const out: FieldSet = {};
  for (const key in set) {
    const inner = pattern['*'] ?? pattern[key];
    if (key === '.' || inner === undefined) continue;
    const node = set[key] as FieldsV1;
    const kept = inner === true || isEmptySet(node) ? node : makeNode(isMember(node), matching(node, inner));
    if (kept !== undefined) out[key] = kept;
  }
  return out;
}

/** Every member, the ones of a level before those below it, in canonical order. */
export function pathsOf(set: FieldSet, prefix: FieldPath = []): FieldPath[] {
  const keys = Object.keys(set).filter((key) => key !== '.').sort(compareElements);
  const paths = keys.filter((key) => isMember(set[key] as FieldsV1)).map((key) => [...prefix, key]);
  for (const key of keys) if (!isEmptySet(set[key] as FieldsV1)) paths.push(...pathsOf(set[key] as FieldsV1, [...prefix, key]) as string[][]);
  return paths;
}

/** The same set with its keys in canonical order. */
export function inCanonicalOrder(set: FieldSet): FieldSet {
  const keys = Object.keys(set);
  let same = true;
  for (let i = 1; i < keys.length && same; i++) same = compareElements(keys[i - 1] as string, keys[i] as string) < 0;
  const ordered = same ? keys : keys.sort(compareElements);
  let out: FieldSet | undefined = same ? undefined : {};
  for (const key of ordered) {
    const node = set[key] as FieldsV1;
    const sorted = isEmptySet(node) ? node : inCanonicalOrder(node);
    if (out === undefined && sorted !== node) out = { ...set };
    if (out !== undefined) out[key] = sorted;
  }
  return out ?? set;
}

/** A set as a client sent it, in canonical form; steps of unknown kinds are dropped. @throws PathElementError */
export function parseSet(fields: unknown): FieldSet {
  const set: FieldSet = {};
  if (typeof fields !== 'object' || fields === null) return set;
  for (const [key, value] of Object.entries(fields)) {
    if (key === '.') continue;
    const element = canonicalElement(key);
    if (element === undefined) continue;
    const children = parseSet(value);
    const member = isEmptySet(children) || (typeof value === 'object' && value !== null && Object.hasOwn(value, '.'));
    const node = makeNode(member, children) as FieldsV1;
    const known = set[element];
    set[element] = known === undefined ? node : unionNode(known, node);
  }
  return set;
}
