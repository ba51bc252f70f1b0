/**
 * How server-side apply sees a type: which scalars, lists and maps it may be, and where ownership is split.
 *
 * Built from the API schema (`mergeTypeOf`) or from a custom resource's structural schema (`mergeTypeOfStructural`); both follow
 * upstream's conversion from OpenAPI. A type may allow several forms at once (anything goes, int-or-string); the value decides.
 * Types refer to each other, so each part is made when first asked for.
 */
import type { FieldSchema, SchemaResolver, TypeRef } from '../schema/model.ts';

export type MergeScalar = 'numeric' | 'string' | 'boolean' | 'untyped';

export interface MergeList {
  readonly atomic: boolean;
  /** Of a list of objects told apart by keys; empty for a set of scalars. */
  readonly keys: readonly string[];
  readonly item: MergeType;
}

export interface MergeMap {
  readonly atomic: boolean;
  /** The type of a declared field. */
  field(name: string): MergeType | undefined;
  /** The type of any other key; undefined where there may be none. */
  readonly element: MergeType | undefined;
  /** Only unknown keys, of any form: ownership is never converted between atomic and granular. */
  readonly untyped: boolean;
  /** What a missing key field counts as, in a list of such maps. */
  keyDefault(name: string): unknown;
}

export interface MergeType {
  readonly scalar?: MergeScalar | undefined;
  readonly list?: MergeList | undefined;
  readonly map?: MergeMap | undefined;
}

const noField = (): undefined => undefined;

/** Anything, owned as a whole. */
export const UNTYPED_ATOMIC: MergeType = {
  scalar: 'untyped',
  get list(): MergeList { return UNTYPED_LIST; },
  get map(): MergeMap { return UNTYPED_ATOMIC_MAP; },
};
const UNTYPED_LIST: MergeList = { atomic: true, keys: [], item: UNTYPED_ATOMIC };
const UNTYPED_ATOMIC_MAP: MergeMap = { atomic: true, field: noField, element: UNTYPED_ATOMIC, untyped: false, keyDefault: noField };

/** Anything; objects are owned key by key, lists as a whole. For kinds without a schema. */
export const DEDUCED: MergeType = {
  scalar: 'untyped', list: UNTYPED_LIST,
  get map(): MergeMap { return DEDUCED_MAP; },
};
const DEDUCED_MAP: MergeMap = { atomic: false, field: noField, element: DEDUCED, untyped: true, keyDefault: noField };

const SCALARS: Readonly<Record<string, MergeType>> = {
  string: { scalar: 'string' }, bytes: { scalar: 'string' }, bool: { scalar: 'boolean' },
  int32: { scalar: 'numeric' }, int64: { scalar: 'numeric' }, double: { scalar: 'numeric' },
  Time: { scalar: 'untyped' }, MicroTime: { scalar: 'untyped' }, Quantity: { scalar: 'untyped' }, IntOrString: { scalar: 'untyped' },
  RawExtension: UNTYPED_ATOMIC, JSON: DEDUCED, FieldsV1: { map: DEDUCED_MAP },
  JSONSchemaPropsOrArray: DEDUCED, JSONSchemaPropsOrBool: DEDUCED, JSONSchemaPropsOrStringArray: DEDUCED,
};

const STRING = SCALARS['string'] as MergeType;
/** Defaults that the schema does not hold: key fields only. */
const KEY_DEFAULTS: Readonly<Record<string, string>> = { 'core/v1.ContainerPort.protocol': 'TCP', 'core/v1.ServicePort.protocol': 'TCP' };

const cache = new WeakMap<SchemaResolver, Map<string, MergeType>>();

/** @param typeName `apps/v1.Deployment`. Made once per resolver. */
export function mergeTypeOf(typeName: string, resolve: SchemaResolver): MergeType {
  let known = cache.get(resolve);
  if (known === undefined) cache.set(resolve, known = new Map());
  let type = known.get(typeName);
  if (type === undefined) known.set(typeName, type = structType(typeName, resolve, undefined));
  return type;
}

function structType(typeName: string, resolve: SchemaResolver, mapType: FieldSchema['mapType']): MergeType {
  const schema = resolve(typeName);
  if (schema === undefined) return DEDUCED;
  const made = new Map<string, MergeType>();
  const field = (name: string): MergeType | undefined => {
    let type = made.get(name);
    if (type !== undefined) return type;
    const found = schema.fields.get(name);
    if (found !== undefined) type = fieldType(found, resolve);
    else if (schema.isKind && (name === 'apiVersion' || name === 'kind')) type = STRING;
    if (type !== undefined) made.set(name, type);
    return type;
  };
  const keyDefault = (name: string): unknown => KEY_DEFAULTS[`${typeName}.${name}`] ?? zeroDefault(schema.fields.get(name));
  const atomic = mapType === undefined ? schema.atomic : mapType === 'atomic';
  const empty = schema.fields.size === 0 && !schema.isKind;
  return { map: { atomic, field, element: empty ? DEDUCED : undefined, untyped: empty, keyDefault } };
}

/** A field that is always serialised defaults to its zero value. */
function zeroDefault(field: FieldSchema | undefined): unknown {
  if (field === undefined || field.pointer || !field.keep || field.type.kind !== 'scalar') return undefined;
  switch (field.type.scalar) {
    case 'string': return '';
    case 'int32': case 'int64': case 'double': return 0;
    case 'bool': return false;
    default: return undefined;
  }
}

function fieldType(field: FieldSchema, resolve: SchemaResolver): MergeType {
  const { type } = field;
  if (type.kind === 'list') return { list: { ...listOwnership(field), item: typeOf(type.item, resolve) } };
  if (type.kind === 'map') return mapOf(typeOf(type.value, resolve), field.mapType === 'atomic');
  if (type.kind === 'ref' && field.mapType !== undefined) return structType(type.name, resolve, field.mapType);
  return typeOf(type, resolve);
}

function listOwnership(field: FieldSchema): Pick<MergeList, 'atomic' | 'keys'> {
  if (field.list !== undefined) return { atomic: field.list.type === 'atomic', keys: field.list.type === 'map' ? field.list.keys : [] };
  if (!field.patchStrategies.includes('merge')) return { atomic: true, keys: [] };
  return { atomic: false, keys: field.patchMergeKey === undefined ? [] : [field.patchMergeKey] };
}

function typeOf(type: TypeRef, resolve: SchemaResolver): MergeType {
  switch (type.kind) {
    case 'scalar': return SCALARS[type.scalar] ?? DEDUCED;
    case 'ref': return mergeTypeOf(type.name, resolve);
    case 'list': return { list: { atomic: true, keys: [], item: typeOf(type.item, resolve) } };
    case 'map': return mapOf(typeOf(type.value, resolve), false);
  }
}

function mapOf(element: MergeType, atomic: boolean): MergeType {
  return { map: { atomic, field: noField, element, untyped: false, keyDefault: noField } };
}

/** The parts of a structural schema that matter here, as in a CustomResourceDefinition. */
export interface StructuralSchema {
  readonly type?: string;
  readonly format?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly additionalProperties?: StructuralSchema | boolean;
  readonly items?: StructuralSchema;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: string;
}

/**
 * The type of a custom resource's root: its schema, with `metadata` as `objectMeta` and the type's own `apiVersion` and `kind`.
 * @param preserveUnknown the whole definition keeps unknown fields.
 */
export function mergeTypeOfStructural(schema: StructuralSchema | undefined, objectMeta: MergeType, preserveUnknown = false): MergeType {
  if (schema === undefined) return DEDUCED;
  const map = structural(schema, objectMeta, preserveUnknown).map ?? DEDUCED_MAP;
  return { map: { ...map, field: (name) => embeddedField(name, objectMeta) ?? map.field(name), untyped: false } };
}

function embeddedField(name: string, objectMeta: MergeType): MergeType | undefined {
  return name === 'metadata' ? objectMeta : name === 'apiVersion' || name === 'kind' ? STRING : undefined;
}

function structural(schema: StructuralSchema, objectMeta: MergeType, inherited: boolean): MergeType {
  const preserve = inherited || schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (schema['x-kubernetes-int-or-string'] === true) return { scalar: 'untyped', list: UNTYPED_LIST, map: DEDUCED_MAP };
  switch (schema.type) {
    case 'object': return { map: structuralMap(schema, objectMeta, preserve) };
    case 'array': return { list: structuralList(schema, objectMeta, preserve) };
    case 'integer': case 'number': return SCALARS['double'] as MergeType;
    case 'boolean': return SCALARS['bool'] as MergeType;
    case 'string': return { scalar: schema.format === undefined || schema.format === '' || schema.format === 'byte' ? 'string' : 'untyped' };
    default: return { scalar: 'untyped', list: structuralList(schema, objectMeta, preserve), map: structuralMap(schema, objectMeta, preserve) };
  }
}

function structuralMap(schema: StructuralSchema, objectMeta: MergeType, preserve: boolean): MergeMap {
  const properties = schema.properties ?? {};
  const made = new Map<string, MergeType>();
  const declares = (name: string): boolean => Object.hasOwn(properties, name);
  const field = (name: string): MergeType | undefined => {
    if (!declares(name)) return schema['x-kubernetes-embedded-resource'] === true ? embeddedField(name, objectMeta) : undefined;
    let type = made.get(name);
    if (type === undefined) made.set(name, type = structural(properties[name] as StructuralSchema, objectMeta, preserve));
    return type;
  };
  const { additionalProperties: more } = schema;
  const none = Object.keys(properties).length === 0;
  let element: MergeType | undefined;
  if (more === undefined) element = preserve || none ? DEDUCED : undefined;
  else if (typeof more === 'object') element = structural(more, objectMeta, preserve);
  else element = more ? DEDUCED : undefined;
  const keyDefault = (name: string): unknown => (declares(name) ? (properties[name] as StructuralSchema).default : undefined);
  const untyped = none && (element === DEDUCED || element?.scalar === 'untyped');
  return { atomic: schema['x-kubernetes-map-type'] === 'atomic', field, element, untyped, keyDefault };
}

function structuralList(schema: StructuralSchema, objectMeta: MergeType, preserve: boolean): MergeList {
  const item = schema.items === undefined ? UNTYPED_ATOMIC : structural(schema.items, objectMeta, preserve);
  const kind = schema['x-kubernetes-list-type'];
  return { atomic: kind !== 'set' && kind !== 'map', keys: kind === 'map' ? schema['x-kubernetes-list-map-keys'] ?? [] : [], item };
}
