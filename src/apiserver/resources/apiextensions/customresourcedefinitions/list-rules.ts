/** The rules of `x-kubernetes-list-type`, its keys, and `x-kubernetes-map-type`. */
import type { JSONSchemaProps } from '#api/generated/apiextensions/v1';
import { PrintedValue } from '#machinery/field-error';
import type { Faults } from '../../rules/faults.ts';
import { goJsonOf } from '../../rules/internal-print.ts';
import type { SchemaRules } from './schema-state.ts';
import { isSchema } from './schema-walk.ts';

const LIST = 'x-kubernetes-list-type';
const MAP = 'x-kubernetes-map-type';
const KEYS = 'x-kubernetes-list-map-keys';

export function checkListsAndMaps(schema: JSONSchemaProps, place: string, rules: SchemaRules, faults: Faults): void {
  const { type = '', [LIST]: listType, [MAP]: mapType } = schema;
  if (mapType !== undefined) {
    checkType(type, 'object', MAP, place, faults);
    faults.strictlyOneOf(`${place}.${MAP}`, mapType, ['atomic', 'granular']);
  }
  if (listType !== undefined && type !== 'array') checkType(type, 'array', LIST, place, faults);
  else if (rules.atomicSets) checkSetItems(schema, place, faults);
  if (listType !== undefined) faults.strictlyOneOf(`${place}.${LIST}`, listType, ['atomic', 'set', 'map']);
  if ((schema[KEYS] ?? []).length > 0 && listType !== 'map') {
    const text = `must be map if ${KEYS} is non-empty`;
    if (listType === undefined) faults.required(`${place}.${LIST}`, text);
    else faults.invalid(`${place}.${LIST}`, listType, text);
  }
  if (listType === 'map') checkMapItems(schema, place, faults);
  if (rules.mapKeys) checkMapKeys(schema, place, faults);
}

function checkType(type: string, wanted: string, keyword: string, place: string, faults: Faults): void {
  if (type === wanted) return;
  const text = `must be ${wanted} if ${keyword} is specified`;
  if (type === '') faults.required(`${place}.type`, text);
  else faults.invalid(`${place}.type`, type, text);
}

/** @returns whether items of a set could differ inside. */
export function hasGranularSetItems(schema: JSONSchemaProps): boolean {
  if (schema[LIST] !== 'set' || !isSchema(schema.items)) return false;
  const { items } = schema;
  if (items.type === 'array') return items[LIST] !== undefined && items[LIST] !== 'atomic';
  return items.type === 'object' && items[MAP] !== 'atomic';
}

function checkSetItems(schema: JSONSchemaProps, place: string, faults: Faults): void {
  if (!hasGranularSetItems(schema)) return;
  const items = schema.items as JSONSchemaProps;
  // Upstream prints the list type for both.
  faults.invalid(`${place}.items.${items.type === 'array' ? LIST : MAP}`, items[LIST] ?? null, `must be atomic as item of a list with ${LIST}=set`);
}

function checkMapItems(schema: JSONSchemaProps, place: string, faults: Faults): void {
  const keys = schema[KEYS] ?? [];
  const { items } = schema;
  if (keys.length === 0) faults.required(`${place}.${KEYS}`, `must not be empty if ${LIST} is map`);
  if (items === undefined) return faults.required(`${place}.items`, `must have a schema if ${LIST} is map`);
  if (!isSchema(items)) {
    const list = Array.isArray(items) ? `[${items.map((item) => goJsonOf('apiextensions/v1.JSONSchemaProps', item).text).join(',')}]` : 'null';
    return faults.invalid(`${place}.items`, new PrintedValue(`{"Schema":null,"JSONSchemas":${list}}`), `must only have a single schema if ${LIST} is map`);
  }
  if (items.type !== 'object') return faults.invalid(`${place}.items.type`, items.type, `must be object if parent array's ${LIST} is map`);
  for (const [index, key] of keys.entries()) {
    const property = items.properties && Object.hasOwn(items.properties, key) ? items.properties[key] : undefined;
    if (!property) faults.invalid(`${place}.${KEYS}`, keys, 'entries must all be names of item properties');
    else if (property.type === 'array' || property.type === 'object') {
      faults.invalid(`${place}.items.properties[${key}].type`, items.type, `must be a scalar type if parent array's ${LIST} is map`);
    }
    if (keys.indexOf(key) < index) faults.invalid(`${place}.${KEYS}`, keys, 'must not contain duplicate entries');
  }
}

/** Items of sets and maps are never null, and every key of a map has a value. */
export function checkMapKeys(schema: JSONSchemaProps, place: string, faults: Faults): void {
  const { items, [LIST]: listType } = schema;
  if (!isSchema(items) || (listType !== 'set' && listType !== 'map')) return;
  if (items.nullable) faults.forbidden(`${place}.items.nullable`, `cannot be nullable when ${LIST} is ${listType}`);
  if (listType !== 'map') return;
  for (const key of schema[KEYS] ?? []) {
    const property = items.properties && Object.hasOwn(items.properties, key) ? items.properties[key] : undefined;
    if (!property) continue;
    const at = `${place}.items.properties[${key}]`;
    if (!items.required?.includes(key) && property.default === undefined) {
      faults.required(`${at}.default`, `this property is in ${KEYS}, so it must have a default or be a required property`);
    }
    if (property.nullable) faults.forbidden(`${at}.nullable`, `this property is in ${KEYS}, so it cannot be nullable`);
  }
}
