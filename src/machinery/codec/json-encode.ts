/**
 * Object of a type → canonical JSON: the stored form, and what is sent.
 *
 * Fields stand in the order of the Go types, kind and apiVersion first; keys of maps are sorted; zero values are left out or
 * printed as upstream prints them (`{}`, `null`, `""`, 0). Fields that the type does not have are not printed.
 */
import { FloatLiteral } from './json-any.ts';
import type { FieldPlan, TypePlan, ValuePlan } from './type-plan.ts';

const NEEDS_ESCAPE = /["\\\u0000-\u001f\ud800-\udfff]/;

export function encodeJson(object: Readonly<Record<string, unknown>>, plan: TypePlan): Buffer {
  return Buffer.from(encodeJsonText(object, plan), 'utf8');
}

export function encodeJsonText(object: Readonly<Record<string, unknown>>, plan: TypePlan): string {
  return structText(object, plan);
}

function structText(object: Readonly<Record<string, unknown>>, plan: TypePlan): string {
  let out = '{';
  if (plan.isKind) {
    if (object['kind']) out += `"kind":${stringText(object['kind'] as string)}`;
    if (object['apiVersion']) out += `${out.length > 1 ? ',' : ''}"apiVersion":${stringText(object['apiVersion'] as string)}`;
  }
  const { ordered } = plan;
  for (let index = 0; index < ordered.length; index++) {
    const field = ordered[index]!;
    const value = object[field.name];
    let text: string | undefined;
    if (value === undefined || value === null || (field.emptyIsNull && (value as readonly unknown[]).length === 0)) {
      if (!field.keep) continue;
      text = zeroText(field);
    } else {
      text = valueText(value, field.value, field.dropsZero);
      if (text === undefined) continue;
    }
    out += out.length > 1 ? `,${field.jsonKey}${text}` : field.jsonKey + text;
  }
  return `${out}}`;
}

/** @returns undefined for a zero value that is to be dropped. */
function valueText(value: unknown, plan: ValuePlan, dropsZero: boolean): string | undefined {
  switch (plan.code) {
    case 'struct':
      return structText(value as Record<string, unknown>, plan.struct());
    case 'list': {
      const list = value as readonly unknown[];
      return dropsZero && list.length === 0 ? undefined : listText(list, plan.item!);
    }
    case 'map':
      return mapText(value as Record<string, unknown>, plan.item!, dropsZero);
    case 'bool':
      return dropsZero && value === false ? undefined : value ? 'true' : 'false';
    case 'int32': case 'int64': case 'double':
      return dropsZero && value === 0 ? undefined : numberText(value);
    case 'IntOrString':
      return typeof value === 'string' ? stringText(value) : numberText(value);
    case 'RawExtension': case 'JSON': case 'FieldsV1': case 'unknown':
      return encodeAny(value);
    case 'JSONSchemaPropsOrArray': case 'JSONSchemaPropsOrBool': case 'JSONSchemaPropsOrStringArray':
      return schemaUnionText(value, plan);
    default:
      return dropsZero && value === '' ? undefined : stringText(value as string);
  }
}

function listText(list: readonly unknown[], item: ValuePlan): string {
  let out = '[';
  for (let index = 0; index < list.length; index++) out += (index > 0 ? ',' : '') + itemText(list[index], item);
  return `${out}]`;
}

function itemText(value: unknown, item: ValuePlan): string {
  if (value === undefined || value === null) return item.code === 'struct' ? structText({}, item.struct()) : 'null';
  return valueText(value, item, false)!;
}

function mapText(map: Readonly<Record<string, unknown>>, item: ValuePlan, dropsZero: boolean): string | undefined {
  const keys = Object.keys(map);
  if (keys.length === 0) return dropsZero ? undefined : '{}';
  if (keys.length > 1) keys.sort(compareUtf8);
  let out = '{';
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index]!;
    out += `${index > 0 ? ',' : ''}${stringText(key)}:${itemText(map[key], item)}`;
  }
  return `${out}}`;
}

/** The order of bytes in UTF-8, which differs from UTF-16's only around surrogates. */
export function compareUtf8(a: string, b: string): number {
  if (a === b) return 0;
  const less = a < b ? -1 : 1;
  return NEEDS_ESCAPE.test(a) || NEEDS_ESCAPE.test(b) ? Buffer.compare(Buffer.from(a), Buffer.from(b)) : less;
}

/** How Go prints the zero value of a field that is always printed. */
function zeroText(field: FieldPlan): string {
  if (field.pointer) return 'null';
  switch (field.value.code) {
    case 'struct': return structText({}, field.value.struct());
    case 'string': return '""';
    case 'bool': return 'false';
    case 'int32': case 'int64': case 'double': case 'IntOrString': return '0';
    case 'Quantity': return '"0"';
    case 'JSONSchemaPropsOrBool': return 'false';
    default: return 'null';
  }
}

function schemaUnionText(value: unknown, plan: ValuePlan): string {
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (!Array.isArray(value)) return structText(value as Record<string, unknown>, plan.struct());
  if (plan.code === 'JSONSchemaPropsOrStringArray') return `[${value.map((text) => stringText(text as string)).join(',')}]`;
  return `[${value.map((schema) => structText(schema as Record<string, unknown>, plan.struct())).join(',')}]`;
}

function numberText(value: unknown): string {
  return typeof value === 'number' && !Number.isFinite(value) ? '0' : String(value);
}

function stringText(value: string): string {
  return NEEDS_ESCAPE.test(value) ? JSON.stringify(value) : `"${value}"`;
}

/** JSON of any value, keys in their order; bigints in full, literals as written. */
export function encodeAny(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch (error) {
    if (error instanceof TypeError) return anyText(value, false);
    throw error;
  }
}

/** JSON of an object without a schema, keys sorted at every level, as custom resources are stored. */
export function encodeSorted(value: unknown): string {
  return anyText(value, true);
}

function anyText(value: unknown, sorted: boolean): string {
  if (typeof value === 'string') return stringText(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (value instanceof FloatLiteral) return value.text;
  if (Array.isArray(value)) return `[${value.map((item) => anyText(item, sorted)).join(',')}]`;
  const record = value as Record<string, unknown>;
  const keys = Object.keys(record).filter((key) => record[key] !== undefined);
  if (sorted) keys.sort(compareUtf8);
  return `{${keys.map((key) => `${stringText(key)}:${anyText(record[key], sorted)}`).join(',')}}`;
}
