/**
 * Prints a value as upstream's messages do where they print an internal struct: Go field names, every field, no JSON tags.
 *
 * Derived from the type's schema; the table of exceptions holds what the internal types name or order otherwise.
 */
import { SCHEMA_TEXT } from '#api/generated/schema-text';
import { PrintedValue } from '#machinery/field-error';
import { goJson } from '#machinery/go-print';
import type { FieldSchema, Scalar, TypeRef, TypeSchema } from '#machinery/schema/model';
import { parseSchema } from '#machinery/schema/parse';
import { FIELD_NAMES, FIELD_ORDER, MOVED_FIELD_ZEROS } from './internal-names.ts';

const parsed = new Map<string, Map<string, TypeSchema>>();

function typeSchema(name: string): TypeSchema | undefined {
  const groupVersion = name.slice(0, name.lastIndexOf('.'));
  let types = parsed.get(groupVersion);
  if (!types) {
    types = parseSchema(groupVersion, SCHEMA_TEXT[groupVersion] ?? '');
    parsed.set(groupVersion, types);
  }
  return types.get(name);
}

/** @param type the schema's name of the type: `core/v1.SeccompProfile`. */
export function goJsonOf(type: string, value: unknown): PrintedValue {
  return new PrintedValue(printStruct(type, (value ?? {}) as Record<string, unknown>));
}

/** A list of structs; null for an absent one. */
export function goJsonOfList(type: string, values: readonly unknown[] | undefined): PrintedValue {
  return new PrintedValue(values ? `[${values.map((value) => printStruct(type, value as Record<string, unknown>)).join(',')}]` : 'null');
}

function printStruct(type: string, value: Record<string, unknown>): string {
  const schema = typeSchema(type);
  if (!schema) return goJson(value);
  if (type.startsWith('meta/v1.')) return printTagged(schema, value);
  const names = FIELD_ORDER[type]?.split(' ') ?? [...schema.fields.keys()];
  const own = type === 'core/v1.PodSpec' ? withHostFields(value) : value;
  return `{${names.flatMap((name) => printMember(type, schema, name, own[name])).join(',')}}`;
}

function printMember(type: string, schema: TypeSchema, name: string, value: unknown): string[] {
  const field = schema.fields.get(name);
  if (!field) return [`"${goName(type, name)}":${value === undefined ? MOVED_FIELD_ZEROS[name] ?? 'null' : goJson(value)}`];
  // Metadata is embedded: its fields stand among the struct's own.
  if (field.type.kind === 'ref' && field.type.name === 'meta/v1.ObjectMeta') {
    const inner = printStruct(field.type.name, (value ?? {}) as Record<string, unknown>).slice(1, -1);
    return inner === '' ? [] : [inner];
  }
  return [`"${goName(type, name)}":${printField(field, value)}`];
}

/** The host namespaces belong to the security context internally. */
function withHostFields(spec: Record<string, unknown>): Record<string, unknown> {
  if (!spec['securityContext']) return spec;
  const moved = Object.fromEntries(Object.keys(MOVED_FIELD_ZEROS).map((name) => [name, spec[name]]));
  return { ...spec, securityContext: { ...(spec['securityContext'] as object), ...moved } };
}

/** Types of meta/v1 have no internal form: they print with their JSON names, without what is unset. */
function printTagged(schema: TypeSchema, value: Record<string, unknown>): string {
  const isSet = (one: unknown): boolean => one !== undefined && one !== null && !(Array.isArray(one) && one.length === 0);
  const set = [...schema.fields.values()].filter((field) => isSet(value[field.name]));
  return `{${set.map((field) => `"${field.name}":${printValue(field.type, value[field.name])}`).join(',')}}`;
}

function goName(type: string, name: string): string {
  return FIELD_NAMES[`${type}.${name}`] ?? FIELD_NAMES[name] ?? name[0]!.toUpperCase() + name.slice(1);
}

function printField(field: FieldSchema, value: unknown): string {
  if (value === undefined || value === null) return field.pointer ? 'null' : zeroOf(field.type);
  return printValue(field.type, value);
}

function printValue(type: TypeRef, value: unknown): string {
  switch (type.kind) {
    case 'ref': return printStruct(type.name, value as Record<string, unknown>);
    case 'list': return `[${(value as unknown[]).map((item) => printValue(type.item, item)).join(',')}]`;
    case 'map': return `{${Object.entries(value as Record<string, unknown>).sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => `${goJson(key)}:${printValue(type.value, item)}`).join(',')}}`;
    default: return printScalar(type.scalar, value);
  }
}

const SCHEMA = 'apiextensions/v1.JSONSchemaProps';

/** A schema or something else instead is a struct of both. */
function printScalar(scalar: Scalar, value: unknown): string {
  switch (scalar) {
    case 'JSONSchemaPropsOrArray':
      if (Array.isArray(value)) return `{"Schema":null,"JSONSchemas":[${value.map((item) => printStruct(SCHEMA, item as Record<string, unknown>)).join(',')}]}`;
      return `{"Schema":${printStruct(SCHEMA, value as Record<string, unknown>)},"JSONSchemas":null}`;
    case 'JSONSchemaPropsOrBool':
      if (typeof value === 'boolean') return `{"Allows":${value},"Schema":null}`;
      return `{"Allows":true,"Schema":${printStruct(SCHEMA, value as Record<string, unknown>)}}`;
    case 'JSONSchemaPropsOrStringArray':
      if (Array.isArray(value)) return `{"Schema":null,"Property":${goJson(value)}}`;
      return `{"Schema":${printStruct(SCHEMA, value as Record<string, unknown>)},"Property":null}`;
    default: return goJson(value);
  }
}

function zeroOf(type: TypeRef): string {
  if (type.kind === 'list' || type.kind === 'map') return 'null';
  if (type.kind === 'ref') return type.name.startsWith('meta/v1.ObjectMeta') ? '{}' : printStruct(type.name, {});
  switch (type.scalar) {
    case 'string': return '""';
    case 'bool': return 'false';
    case 'int32': case 'int64': case 'double': case 'IntOrString': return '0';
    case 'Quantity': return '"0"';
    default: return 'null';
  }
}

/** A map, with its keys sorted; null for an absent one. */
export function goJsonOfMap(map: Readonly<Record<string, unknown>> | undefined): PrintedValue {
  return new PrintedValue(map ? goJson(Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)))) : 'null');
}

/** A pointer to a struct: null when there is none. */
export function goJsonOfPointer(type: string, value: unknown): PrintedValue {
  return value === undefined || value === null ? new PrintedValue('null') : goJsonOf(type, value);
}
