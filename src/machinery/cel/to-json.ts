/**
 * Values as JSON: what an expression made becomes part of an object.
 *
 * Texts stand for bytes (base64), durations and timestamps; keys are texts.
 */
import type { JsonObject, JsonValue } from '../patch/json-value.ts';
import { setKey } from '../patch/json-value.ts';
import { valueToText } from './conversion.ts';
import { Failure, isList, isMap, listItems, mapEntries, MapValue, Uint, type Value } from './value.ts';

/** @throws Error for what has no JSON */
export function valueToJson(value: Value): JsonValue {
  if (value === null || typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string') return value;
  if (typeof value === 'bigint') return wholeNumber(value);
  if (value instanceof Uint) return wholeNumber(value.value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (isList(value)) return good(listItems(value)).map(valueToJson);
  if (isMap(value)) {
    const object: JsonObject = {};
    for (const [key, item] of good(mapEntries(value))) {
      if (typeof key !== 'string') throw new Error(`map key ${JSON.stringify(String(key as unknown))} is not string`);
      setKey(object, key, valueToJson(item));
    }
    return object;
  }
  const text = valueToText(value);
  if (typeof text !== 'string') throw new Error('a value of this type has no JSON');
  return text;
}

/** Beyond 2^53 it keeps its value as a bigint, which is how such numbers are read from JSON too. */
function wholeNumber(value: bigint): JsonValue {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value as unknown as JsonValue;
}

function good<T>(items: T | Failure): T {
  if (items instanceof Failure) throw new Error(items.message);
  return items;
}

/** Objects made by their type's name must stand where the name says: `Object.spec` in the field `spec` of an `Object`. @returns what does not */
export function misplacedTypes(value: Value, expected: string): string[] {
  if (value instanceof MapValue && value.typeName !== undefined) {
    const own = value.typeName === expected ? [] : [`unexpected type name ${JSON.stringify(value.typeName)}, expected ${JSON.stringify(expected)}, which matches field name path from root Object type`];
    return [...own, ...[...value.entries()].flatMap(([key, item]) => misplacedTypes(item, `${expected}.${String(key as string)}`))];
  }
  if (isList(value)) return good(listItems(value)).flatMap((item) => misplacedTypes(item, expected));
  return value instanceof MapValue ? [...value.entries()].flatMap(([, item]) => misplacedTypes(item, expected)) : [];
}
