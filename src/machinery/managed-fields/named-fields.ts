/**
 * Adapts a set to a type: declared fields on the way to a member count as members (for pruning), and sets written under another
 * schema are brought to today's grain (a type that became atomic is owned as a whole).
 */
import { below, insertPath, isEmptySet, recursiveDifference, union } from './field-set.ts';
import type { FieldSet } from './field-set.ts';
import type { MergeType } from './merge-type.ts';
import type { FieldsV1 } from '../meta.ts';

/** The set plus every declared field that has members below it. */
export function withNamedFields(set: FieldSet, type: MergeType | undefined): FieldSet {
  const out: FieldSet = {};
  for (const element of Object.keys(set)) {
    const node = set[element] as FieldsV1;
    if (element === '.' || isEmptySet(node)) {
      out[element] = node;
      continue;
    }
    const name = element.startsWith('f:') ? element.slice(2) : undefined;
    const declared = name === undefined ? undefined : type?.map?.field(name);
    const inner = name !== undefined ? declared ?? type?.map?.element : element.startsWith('k:') ? type?.list?.item : undefined;
    const children = withNamedFields(node, inner);
    out[element] = declared !== undefined && children['.'] === undefined ? { '.': {}, ...children } : children;
  }
  return out;
}

interface Changes { readonly remove: FieldSet; readonly add: FieldSet; changed: boolean }

/** The set in the grain of `type`; the same object when it already is. */
export function reconcileWithType(set: FieldSet, type: MergeType): FieldSet {
  const changes: Changes = { remove: {}, add: {}, changed: false };
  reconcile(changes, [], set, false, type);
  return changes.changed ? union(recursiveDifference(set, changes.remove), changes.add) : set;
}

/** @param isLeaf the step here is a member without children. */
function reconcile(changes: Changes, path: string[], set: FieldSet | undefined, isLeaf: boolean, type: MergeType): void {
  const { map, list } = type;
  if (map !== undefined) {
    if (map.untyped) return;
    if (map.atomic && !isLeaf) {
      if (set !== undefined) own(changes, path);
      return;
    }
    if (set !== undefined) {
      visit(changes, path, set, (element) => (element.startsWith('f:') ? map.field(element.slice(2)) : undefined) ?? map.element);
    }
  } else if (type.scalar === undefined && list !== undefined) {
    if (list.atomic && !isLeaf) own(changes, path);
    else if (set !== undefined) visit(changes, path, set, () => list.item);
  }
}

function visit(changes: Changes, path: string[], set: FieldSet, typeAt: (element: string) => MergeType | undefined): void {
  for (const element in set) {
    if (element === '.') continue;
    const type = typeAt(element);
    if (type === undefined) continue;
    path.push(element);
    const inner = below(set, element);
    reconcile(changes, path, inner, inner === undefined, type);
    path.pop();
  }
}

/** Whoever owned parts of it owns it as a whole. */
function own(changes: Changes, path: string[]): void {
  insertPath(changes.remove, path);
  insertPath(changes.add, path);
  changes.changed = true;
}
