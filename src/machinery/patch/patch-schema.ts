/**
 * What a strategic merge patch needs to know of a field: how its list or map is merged, and the type inside.
 *
 * A field's name is matched exactly, else without regard to case, as upstream's lookup does.
 */
import type { FieldSchema, SchemaResolver, TypeRef } from '../schema/model.ts';
import { PatchError } from './patch-error.ts';

/** The type of an object being merged; undefined for a type with no fields of its own (map, scalar). */
export interface PatchContext {
  readonly type: TypeRef;
  readonly resolve: SchemaResolver;
}

export interface FieldMerge {
  readonly inner: PatchContext;
  /** `merge`, `replace` or none; `retainKeys` is not an answer to how, and is left out. */
  readonly strategy: string;
  readonly mergeKey: string;
}

export function mapField(context: PatchContext, key: string): FieldMerge {
  const field = findField(context, key);
  return { inner: { type: field.type, resolve: context.resolve }, strategy: strategyOf(field), mergeKey: field.patchMergeKey ?? '' };
}

export function listField(context: PatchContext, key: string): FieldMerge {
  const field = findField(context, key);
  if (field.type.kind !== 'list') throw new PatchError('internal', `expected slice or array type, but got: ${goKindOf(context.type)}`);
  if (field.type.item.kind === 'list') throw new PatchError('internal', 'unexpected slice of slice');
  return { inner: { type: field.type.item, resolve: context.resolve }, strategy: strategyOf(field), mergeKey: field.patchMergeKey ?? '' };
}

/** What upstream calls the type in `cannot merge lists without merge key for struct`. */
export function goKindOf(type: TypeRef): string {
  if (type.kind === 'list') return 'slice';
  if (type.kind === 'map') return 'map';
  if (type.kind === 'ref') return 'struct';
  switch (type.scalar) {
    case 'string': case 'bool': case 'int32': case 'int64': return type.scalar;
    case 'double': return 'float64';
    case 'bytes': return 'slice';
    default: return 'struct';
  }
}

function findField(context: PatchContext, key: string): FieldSchema {
  const { type } = context;
  const kind = goKindOf(type);
  if (kind !== 'struct') throw new PatchError('internal', `merging an object in json but data type is not struct, instead is: ${kind}`);
  const schema = type.kind === 'ref' ? context.resolve(type.name) : undefined;
  const found = schema?.fields.get(key) ?? findFolded(schema?.fields, key);
  if (found !== undefined) return found;
  const name = type.kind === 'ref' ? type.name.slice(type.name.lastIndexOf('.') + 1) : type.kind === 'scalar' ? type.scalar : '';
  throw new PatchError('internal', `unable to find api field in struct ${name} for the json field ${JSON.stringify(key)}`);
}

function findFolded(fields: ReadonlyMap<string, FieldSchema> | undefined, key: string): FieldSchema | undefined {
  const folded = key.toLowerCase();
  for (const [name, field] of fields ?? []) if (name.toLowerCase() === folded) return field;
  return undefined;
}

function strategyOf(field: FieldSchema): string {
  return field.patchStrategies.find((strategy) => strategy !== 'retainKeys') ?? '';
}
