/**
 * Types made ready for protobuf: fields by number. JSON flattens messages that Go embeds; here they are messages again.
 */
import type { FieldPlan, TypePlan } from './type-plan.ts';

/** A message: of a type, or one that only groups embedded fields. */
export interface ProtoNode {
  /** By number, highest first, the order in which the writer needs them. */
  readonly descending: readonly ProtoEntry[];
  readonly byNumber: ReadonlyMap<number, ProtoEntry>;
  /** Of a type: what every decoded object has. */
  readonly type: TypePlan | undefined;
}

type ProtoEntry =
  | { readonly number: number; readonly field: FieldPlan; readonly embedded: undefined }
  | { readonly number: number; readonly field: undefined; readonly embedded: ProtoNode };

interface Draft { readonly fields: Map<number, FieldPlan>; readonly embedded: Map<number, Draft> }

const nodes = new WeakMap<TypePlan, ProtoNode>();

export function protoNodeOf(plan: TypePlan): ProtoNode {
  let node = nodes.get(plan);
  if (node === undefined) {
    const root: Draft = { fields: new Map(), embedded: new Map() };
    for (const field of plan.fields.values()) place(root, field, field.schema.protoPath);
    node = finish(root, plan);
    nodes.set(plan, node);
  }
  return node;
}

function place(root: Draft, field: FieldPlan, path: readonly number[] | undefined): void {
  if (path === undefined) return;
  let draft = root;
  for (const number of path.slice(0, -1)) {
    let next = draft.embedded.get(number);
    if (next === undefined) draft.embedded.set(number, next = { fields: new Map(), embedded: new Map() });
    draft = next;
  }
  draft.fields.set(path.at(-1)!, field);
}

function finish(draft: Draft, type: TypePlan | undefined): ProtoNode {
  const byNumber = new Map<number, ProtoEntry>();
  for (const [number, field] of draft.fields) byNumber.set(number, { number, field, embedded: undefined });
  for (const [number, embedded] of draft.embedded) byNumber.set(number, { number, field: undefined, embedded: finish(embedded, undefined) });
  return { byNumber, descending: [...byNumber.values()].sort((a, b) => b.number - a.number), type };
}
