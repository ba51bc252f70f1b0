/**
 * The expression tree: what the parser makes, the checker annotates and the interpreter compiles.
 *
 * Macros are gone already: `all`, `map`, `filter` and their like are comprehensions, `has` is a select that only tests.
 * The checker writes `type` and `overloads` into each node and resolves qualified names in place.
 */
import type { Type } from './type.ts';
import type { Value } from './value.ts';

interface NodeBase {
  readonly id: number;
  /** Offset in the source, in UTF-16 units, where errors about this node point. */
  readonly at: number;
  type?: Type;
}

export interface LiteralNode extends NodeBase { readonly kind: 'literal'; readonly value: Value }
export interface IdentNode extends NodeBase { readonly kind: 'ident'; name: string }
export interface SelectNode extends NodeBase {
  readonly kind: 'select'; readonly operand: Node; readonly field: string; readonly testOnly: boolean;
  /** The whole chain names one declared variable. */
  qualified?: string;
}
export interface CallNode extends NodeBase {
  readonly kind: 'call'; name: string; target: Node | undefined; readonly args: readonly Node[];
  overloads?: readonly string[];
}
export interface ListNode extends NodeBase { readonly kind: 'list'; readonly items: readonly Node[]; readonly optional: ReadonlySet<number> }
export interface MapEntry { readonly key: Node; readonly value: Node; readonly optional: boolean }
export interface MapNode extends NodeBase { readonly kind: 'map'; readonly entries: readonly MapEntry[] }
export interface StructEntry { readonly name: string; readonly value: Node; readonly at: number; readonly optional: boolean }
export interface StructNode extends NodeBase { readonly kind: 'struct'; readonly name: string; readonly entries: readonly StructEntry[] }
export interface ComprehensionNode extends NodeBase {
  readonly kind: 'comprehension';
  readonly range: Node; readonly variable: string; readonly second: string | undefined;
  readonly accumulator: string; readonly init: Node; readonly condition: Node; readonly step: Node; readonly result: Node;
}

export type Node = LiteralNode | IdentNode | SelectNode | CallNode | ListNode | MapNode | StructNode | ComprehensionNode;

/** No expression can write this name. */
export const ACCUMULATOR = '@result';

/** `a.b.c` where a chain of selects starts at an identifier. */
export function qualifiedName(node: Node): string | undefined {
  if (node.kind === 'ident') return node.name;
  if (node.kind !== 'select' || node.testOnly) return undefined;
  const prefix = qualifiedName(node.operand);
  return prefix === undefined ? undefined : `${prefix}.${node.field}`;
}

export function childrenOf(node: Node): readonly Node[] {
  switch (node.kind) {
    case 'literal': case 'ident': return [];
    case 'select': return [node.operand];
    case 'call': return node.target === undefined ? node.args : [node.target, ...node.args];
    case 'list': return node.items;
    case 'map': return node.entries.flatMap((entry) => [entry.key, entry.value]);
    case 'struct': return node.entries.map((entry) => entry.value);
    case 'comprehension': return [node.range, node.init, node.condition, node.step, node.result];
  }
}

/** Depth first, parents before children. */
export function walk(node: Node, visit: (node: Node, ancestors: readonly Node[]) => void, ancestors: readonly Node[] = []): void {
  visit(node, ancestors);
  const inner = [...ancestors, node];
  for (const child of childrenOf(node)) walk(child, visit, inner);
}
