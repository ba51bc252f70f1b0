/** Lists that are sets or maps hold nothing twice: `x-kubernetes-list-type`. */
import { encodeSorted } from '../codec/json-encode.ts';
import { duplicate, invalid, type FieldError, type FieldPath } from '../field-error.ts';
import { path as rootPath } from '../field-error.ts';
import { additionalOf, isMap, propertyOf, type JsonMap, type Structural } from './structural.ts';

export function listTypeFaults(object: JsonMap, schema: Structural | undefined): FieldError[] {
  const errors: FieldError[] = [];
  checkMap(object, schema, undefined, errors);
  return errors;
}

function checkMap(object: JsonMap, schema: Structural | undefined, at: FieldPath | undefined, errors: FieldError[]): void {
  const more = additionalOf(schema);
  for (const [key, value] of Object.entries(object)) {
    if (more !== undefined) check(value, more, at === undefined ? rootPath(`[${key}]`) : at.key(key), errors);
    const property = propertyOf(schema, key);
    if (property !== undefined) check(value, property, at === undefined ? rootPath(key) : at.child(key), errors);
  }
}

function check(value: unknown, schema: Structural, at: FieldPath, errors: FieldError[]): void {
  if (isMap(value)) return checkMap(value, schema, at, errors);
  if (!Array.isArray(value)) return;
  const type = schema['x-kubernetes-list-type'];
  if (type === 'set') for (const index of repeated(value)) errors.push(duplicate(at.index(index), value[index]));
  if (type === 'map') errors.push(...mapFaults(value, schema['x-kubernetes-list-map-keys'] ?? [], at));
  if (schema.items !== undefined) for (const [index, item] of value.entries()) check(item, schema.items, at.index(index), errors);
}

function mapFaults(list: readonly unknown[], keys: readonly string[], at: FieldPath): FieldError[] {
  const odd = list.findIndex((item) => item !== null && !isMap(item));
  if (odd >= 0) return [invalid(at.index(odd), list[odd], 'must be an object for an array of list-type map')];
  const identities = list.map((item) => Object.fromEntries(keys.filter((key) => isMap(item) && Object.hasOwn(item, key)).map((key) => [key, (item as JsonMap)[key]])));
  return repeated(identities).map((index) => duplicate(at.index(index), identities[index]));
}

/** The index of the second of each group of equal values. */
function repeated(list: readonly unknown[]): number[] {
  const times = new Map<string, number>();
  const found: number[] = [];
  for (const [index, value] of list.entries()) {
    const text = encodeSorted(value);
    const seen = times.get(text) ?? 0;
    times.set(text, seen + 1);
    if (seen === 1) found.push(index);
  }
  return found;
}
