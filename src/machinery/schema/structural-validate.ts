/**
 * Checks a value against a structural schema; texts and order of checks are upstream's.
 *
 * Given the value's old self, faults of parts that did not change are left out (ratcheting): an object that was stored before its
 * schema became stricter can still be updated elsewhere.
 */
import { semanticEqual } from '../deep-equal.ts';
import { encodeSorted } from '../codec/json-encode.ts';
import type { FieldError } from '../field-error.ts';
import { knownFormat } from './structural-formats.ts';
import { formatFault, isNumber, numberFaults, stringFault } from './structural-scalars.ts';
import { Findings, findingErrors, wrongType } from './structural-findings.ts';
import { additionalOf, isMap, propertyOf, type JsonMap, type Structural } from './structural.ts';

/** A value with what it was before, where that is known. */
interface Correlated { readonly old: unknown; readonly value: unknown; readonly schema: Structural; readonly path: string }

/** @param at the place of the value itself, '' for a whole resource. */
export function valueFaults(value: unknown, schema: Structural, at = ''): FieldError[] {
  return findingErrors(validate(value, schema, '', undefined), at);
}

/** Faults of what changed since `old`. */
export function changedValueFaults(value: unknown, old: unknown, schema: Structural, at = ''): FieldError[] {
  return findingErrors(ratchet({ old, value, schema, path: '' }, schema, ''), at);
}

function ratchet(node: Correlated, schema: Structural, path: string): Findings {
  const found = validate(node.value, schema, path, node);
  if (found.isValid || !semanticEqual(node.old, node.value)) return found;
  return new Findings(found.matches);
}

function validate(value: unknown, schema: Structural, path: string, node: Correlated | undefined): Findings {
  const out = new Findings();
  if (value === null) {
    out.merge(checkType(value, schema, path));
    if (schema.enum !== undefined) out.merge(checkEnum(value, schema.enum, path));
    return out;
  }
  const { type = '', format = '' } = schema;
  if (type !== '' || format !== '' || schema['x-kubernetes-int-or-string'] === true) step(out, checkType(value, schema, path));
  step(out, checkJunctors(value, schema, path, node));
  if (typeof value === 'string') {
    step(out, Findings.of(stringFault(value, schema, path)));
    step(out, Findings.of(formatFault(value, schema, path)));
  }
  if (isNumber(value)) step(out, numberFaults(value, schema, path));
  if (Array.isArray(value)) step(out, checkItems(value, schema, path, node));
  step(out, schema.enum === undefined ? undefined : checkEnum(value, schema.enum, path));
  if (isMap(value)) step(out, checkProperties(value, schema, path, node));
  out.matches++;
  return out;
}

function step(out: Findings, part: Findings | undefined): void {
  if (part !== undefined) out.merge(part);
  out.matches++;
}

function typeName(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  switch (typeof value) {
    case 'string': return 'string';
    case 'boolean': return 'boolean';
    case 'bigint': return 'integer';
    case 'number': return Number.isSafeInteger(value) ? 'integer' : 'number';
    default: return 'object';
  }
}

function checkType(value: unknown, schema: Structural, path: string): Findings {
  const { type = '' } = schema;
  const isUnion = schema['x-kubernetes-int-or-string'] === true;
  const format = knownFormat(isUnion ? '' : type, schema.format ?? '');
  const types = isUnion ? ['integer', 'string'] : type === '' ? [] : [type];
  const result = new Findings(1);
  if (value === null) return types.length > 0 && schema.nullable !== true ? Findings.of(wrongType(path, types.join(','), 'null')) : result;
  const actual = typeName(value);
  const fits = types.includes(actual) || (actual === 'integer' && types.includes('number'));
  const isText = actual === 'string' || actual === 'array';
  if (!isText && format !== '' && !fits && !(actual === 'number' && format === 'double')) return Findings.of(wrongType(path, format, actual === 'integer' ? 'int64' : actual === 'number' ? 'double' : ''));
  if (isText && format !== '' && !types.includes('number') && !types.includes('integer')) return result;
  return fits ? result : Findings.of(wrongType(path, types.join(','), actual));
}

function checkEnum(value: unknown, allowed: readonly unknown[], path: string): Findings {
  if (allowed.length === 0 || allowed.some((one) => one !== null && enumEqual(one, value))) return new Findings();
  return Findings.of({ kind: 'enum', path, value, allowed, text: '' });
}

/** Numbers are equal whatever their form. */
function enumEqual(allowed: unknown, value: unknown): boolean {
  if (isNumber(allowed) && isNumber(value)) return Number(allowed) === Number(value);
  return typeof allowed === typeof value && encodeSorted(allowed) === encodeSorted(value);
}

function checkJunctors(value: unknown, schema: Structural, path: string, node: Correlated | undefined): Findings {
  const out = new Findings();
  if (schema.anyOf !== undefined && schema.anyOf.length > 0) checkAnyOf(value, schema.anyOf, path, node, out);
  if (schema.oneOf !== undefined && schema.oneOf.length > 0) checkOneOf(value, schema.oneOf, path, node, out);
  if (schema.allOf !== undefined && schema.allOf.length > 0) {
    let valid = 0;
    for (const clause of schema.allOf) {
      const result = validate(value, clause, path, node);
      if (result.isValid) valid++;
      out.merge(result);
    }
    if (valid < schema.allOf.length) out.addPlain(`"${path}" must validate all the schemas (allOf)${valid === 0 ? '. None validated' : ''}`);
  }
  if (schema.not !== undefined && validate(value, schema.not, path, node).isValid) out.addPlain(`"${path}" must not validate the schema (not)`);
  out.matches++;
  return out;
}

function checkAnyOf(value: unknown, clauses: readonly Structural[], path: string, node: Correlated | undefined, out: Findings): void {
  let best: Findings | undefined;
  for (const clause of clauses) {
    const result = validate(value, clause, path, node);
    if (result.isValid) {
      out.merge(result);
      return;
    }
    if (best === undefined || result.matches > best.matches) best = result;
  }
  out.addPlain(`"${path}" must validate at least one schema (anyOf)`);
  out.merge(best!);
}

function checkOneOf(value: unknown, clauses: readonly Structural[], path: string, node: Correlated | undefined, out: Findings): void {
  let best: Findings | undefined;
  let first: Findings | undefined;
  let valid = 0;
  for (const clause of clauses) {
    const result = validate(value, clause, path, node);
    if (result.isValid) {
      valid++;
      best = undefined;
      first ??= result;
    } else if (valid === 0 && (best === undefined || result.matches > best.matches)) best = result;
  }
  if (valid === 1) {
    out.merge(first!);
    return;
  }
  out.addPlain(`"${path}" must validate one and only one schema (oneOf). ${valid === 0 ? 'Found none valid' : `Found ${valid} valid alternatives`}`);
  if (best !== undefined) out.merge(best);
}

function checkItems(list: readonly unknown[], schema: Structural, path: string, node: Correlated | undefined): Findings {
  const out = new Findings();
  const { items, minItems, maxItems } = schema;
  const old = items === undefined || node === undefined ? undefined : oldItems(node);
  if (items !== undefined) {
    for (const [index, item] of list.entries()) {
      const at = `${path}[${index}]`;
      const before = old?.get(mapKey(item, node!.schema));
      out.merge(before === undefined ? validate(item, items, at, undefined) : ratchet({ old: before, value: item, schema: node!.schema.items ?? items, path: at }, items, at));
    }
  }
  if (minItems !== undefined && list.length < minItems) out.add({ kind: 'other', path, value: list.length, text: `${path} in body should have at least ${minItems} items` });
  if (maxItems !== undefined && list.length > maxItems) out.add({ kind: 'too-many', path, value: list.length, max: maxItems, text: '' });
  if (schema.uniqueItems === true && new Set(list.map((item) => encodeSorted(item))).size < list.length) {
    out.add({ kind: 'other', path, value: undefined, text: `${path} in body shouldn't contain duplicates` });
  }
  out.matches++;
  return out;
}

/** Items of a list that is a map keep their identity; those of other lists do not. */
function oldItems({ old, schema }: Correlated): Map<string, unknown> | undefined {
  if (schema['x-kubernetes-list-type'] !== 'map' || !Array.isArray(old)) return undefined;
  return new Map(old.filter(isMap).map((item) => [mapKey(item, schema), item]));
}

function mapKey(item: unknown, schema: Structural): string {
  return encodeSorted((schema['x-kubernetes-list-map-keys'] ?? []).map((key) => (isMap(item) && Object.hasOwn(item, key) ? item[key] : null)));
}

function checkProperties(object: JsonMap, schema: Structural, path: string, node: Correlated | undefined): Findings {
  const out = new Findings();
  const keys = Object.keys(object);
  const { minProperties, maxProperties } = schema;
  if (minProperties !== undefined && keys.length < minProperties) out.add({ kind: 'other', path, value: keys.length, text: `${path} in body should have at least ${minProperties} properties` });
  if (maxProperties !== undefined && keys.length > maxProperties) out.add({ kind: 'too-many', path, value: keys.length, max: maxProperties, text: '' });
  const more = additionalOf(schema);
  for (const key of keys) {
    if (propertyOf(schema, key) !== undefined) continue;
    if (schema.additionalProperties === false) out.add({ kind: 'other', path, value: key, text: `${path}.${key} in body is a forbidden property` });
    else if (more !== undefined) out.merge(checkKey(key, object[key], more, `${path}.${key}`, node));
  }
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    if (Object.hasOwn(object, key)) out.merge(checkKey(key, object[key], property, path === '' ? key : `${path}.${key}`, node));
  }
  for (const key of schema.required ?? []) {
    if (!Object.hasOwn(object, key)) out.add({ kind: 'required', path: `${path}.${key}`, value: undefined, text: '' });
  }
  return out;
}

function checkKey(key: string, value: unknown, schema: Structural, path: string, node: Correlated | undefined): Findings {
  const isTypeMeta = node?.path === '' && (key === 'kind' || key === 'apiVersion');
  const below = node === undefined || isTypeMeta ? undefined : propertyOf(node.schema, key) ?? additionalOf(node.schema);
  if (below === undefined || !isMap(node!.old) || !Object.hasOwn(node!.old, key)) return validate(value, schema, path, undefined);
  return ratchet({ old: node!.old[key], value, schema: below, path }, schema, path);
}
