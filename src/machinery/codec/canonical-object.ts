/**
 * Object of a type → the object that its canonical JSON reads back as, without going through the text.
 *
 * Invariant: `canonicalObject(object, plan)` equals `JSON.parse(encodeJsonText(object, plan))`, key order included. The result
 * shares no part that could be changed with what was given, entries of field owners (values by their nature) aside.
 */
import { setOwn } from './json-any.ts';
import { compareUtf8, encodeAny } from './json-encode.ts';
import type { FieldPlan, TypePlan, ValuePlan } from './type-plan.ts';

type Plain = Record<string, unknown>;

export function canonicalObject(object: Readonly<Plain>, plan: TypePlan): Plain {
  const out: Plain = {};
  if (plan.isKind) {
    if (object['kind']) out['kind'] = object['kind'];
    if (object['apiVersion']) out['apiVersion'] = object['apiVersion'];
  }
  const { ordered } = plan;
  for (let index = 0; index < ordered.length; index++) {
    const field = ordered[index]!;
    const value = object[field.name];
    if (value === undefined || value === null || (field.emptyIsNull && (value as readonly unknown[]).length === 0)) {
      if (field.keep) out[field.name] = zeroValue(field);
      continue;
    }
    const canonical = canonicalValue(value, field.value, field.dropsZero);
    if (canonical !== undefined) out[field.name] = canonical;
  }
  return out;
}

/** @returns undefined for a zero value that is to be dropped. */
function canonicalValue(value: unknown, plan: ValuePlan, dropsZero: boolean): unknown {
  switch (plan.code) {
    case 'struct':
      return canonicalObject(value as Plain, plan.struct());
    case 'list': {
      const list = value as readonly unknown[];
      return dropsZero && list.length === 0 ? undefined : list.map((item) => canonicalItem(item, plan.item!));
    }
    case 'map':
      return canonicalMap(value as Plain, plan.item!, dropsZero);
    case 'bool':
      return dropsZero && value === false ? undefined : Boolean(value);
    case 'int32': case 'int64': case 'double':
      return dropsZero && value === 0 ? undefined : canonicalNumber(value);
    case 'IntOrString':
      return typeof value === 'string' ? value : canonicalNumber(value);
    case 'FieldsV1':
      return value;
    case 'RawExtension': case 'JSON': case 'unknown':
      return JSON.parse(encodeAny(value));
    case 'JSONSchemaPropsOrArray': case 'JSONSchemaPropsOrBool': case 'JSONSchemaPropsOrStringArray':
      return canonicalSchemaUnion(value, plan);
    default:
      return dropsZero && value === '' ? undefined : value;
  }
}

function canonicalItem(value: unknown, item: ValuePlan): unknown {
  if (value === undefined || value === null) return item.code === 'struct' ? canonicalObject({}, item.struct()) : null;
  return canonicalValue(value, item, false);
}

function canonicalMap(map: Readonly<Plain>, item: ValuePlan, dropsZero: boolean): Plain | undefined {
  const keys = Object.keys(map);
  if (keys.length === 0) return dropsZero ? undefined : {};
  if (keys.length > 1) keys.sort(compareUtf8);
  const out: Plain = {};
  for (const key of keys) setOwn(out, key, canonicalItem(map[key], item));
  return out;
}

function zeroValue(field: FieldPlan): unknown {
  if (field.pointer) return null;
  switch (field.value.code) {
    case 'struct': return canonicalObject({}, field.value.struct());
    case 'string': return '';
    case 'bool': case 'JSONSchemaPropsOrBool': return false;
    case 'int32': case 'int64': case 'double': case 'IntOrString': return 0;
    case 'Quantity': return '0';
    default: return null;
  }
}

function canonicalSchemaUnion(value: unknown, plan: ValuePlan): unknown {
  if (typeof value === 'boolean') return value;
  if (!Array.isArray(value)) return canonicalObject(value as Plain, plan.struct());
  return plan.code === 'JSONSchemaPropsOrStringArray' ? [...value] : value.map((schema) => canonicalObject(schema as Plain, plan.struct()));
}

/** As printed and read again: no minus before zero, doubles for whole numbers beyond 2^53. */
function canonicalNumber(value: unknown): number {
  if (typeof value !== 'number') return Number(String(value));
  return Number.isFinite(value) ? value + 0 : 0;
}
