/**
 * What a mutation's expression asks for, done to the object as JSON: an apply configuration merged into it, or a JSON patch.
 *
 * Nobody becomes the owner of what a policy sets. Pure; texts as upstream's.
 */
import { typeForKind } from '#api/registry';
import { misplacedTypes, valueToJson } from '#machinery/cel/to-json';
import { isMap, listItems, Failure, type DataList, type Value } from '#machinery/cel/value';
import { DecodeError } from '#machinery/codec/decode-error';
import { formOf } from '#machinery/managed-fields/form';
import { mergeObjects } from '#machinery/managed-fields/merge';
import type { MergeType } from '#machinery/managed-fields/merge-type';
import { typeFault } from '#machinery/managed-fields/validate';
import { applyJsonPatch } from '#machinery/patch/json-patch';
import { getKey, isObject, setKey, type JsonObject, type JsonValue } from '#machinery/patch/json-value';
import { PatchError } from '#machinery/patch/patch-error';
import { newInternalError } from '#machinery/status-error';
import { serializer } from '../../codec.ts';

/** @throws Error in upstream's words */
export function applyConfigurationValue(object: JsonObject, value: Value, type: MergeType): JsonObject {
  const misplaced = misplacedTypes(value, 'Object');
  if (misplaced.length > 0) throw new Error(`type mismatch: ${misplaced.join('\n')}`);
  const configuration = valueToJson(value) as JsonObject;
  for (const field of ['apiVersion', 'kind'] as const) setKey(configuration, field, object[field]!);
  const fault = typeFault(configuration, type, false);
  if (fault !== undefined) throw new Error(`error applying patch: failed to convert patch object to typed object: ${fault}`);
  const atomics = atomicPlaces('', configuration, type);
  if (atomics.length > 0) throw new Error(`error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${atomics.join(', ')}`);
  const live = typeFault(object, type, true);
  if (live !== undefined) throw new Error(`error applying patch: failed to convert original object to typed object: ${live}`);
  return mergeObjects(object, configuration, type) as JsonObject;
}

/** What would be replaced as a whole, though only a part is named. */
function atomicPlaces(path: string, value: JsonValue, type: MergeType): string[] {
  const form = formOf(type, value);
  const places: string[] = [];
  if (isObject(value) && type.map !== undefined && form === 'map') {
    if (type.map.atomic) places.push(path);
    for (const key of Object.keys(value)) {
      const field = type.map.field(key);
      if (field !== undefined) places.push(...atomicPlaces(`${path}.${key}`, getKey(value, key)!, field));
    }
  }
  if (Array.isArray(value) && type.list !== undefined && form === 'list') {
    if (type.list.atomic) places.push(path);
    for (const [index, item] of value.entries()) places.push(...atomicPlaces(`${path}[${index}]`, item, type.list.item));
  }
  return places;
}

/** @returns the object itself when a test in the patch fails. @throws Error in upstream's words; StatusError 500 for a result that is no such object */
export function applyJsonPatchValue(object: JsonObject, value: Value): JsonObject {
  const operations = operationsOf(value);
  let patched: JsonObject;
  try {
    patched = applyJsonPatch(object, operations) as JsonObject;
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    if (error.message.endsWith(': test failed')) return object;
    throw new Error(`JSON Patch: ${error.message}`, { cause: error });
  }
  const type = typeForKind(String(object['apiVersion']), String(object['kind']));
  if (type === undefined) return patched;
  try {
    const { strictErrors } = serializer.canonicalize(patched, type, true);
    if (strictErrors.length > 0) throw new DecodeError(`strict decoding error: ${strictErrors.join(', ')}`);
  } catch (error) {
    throw error instanceof DecodeError ? newInternalError(error) : error;
  }
  return patched;
}

function operationsOf(value: Value): JsonValue[] {
  const items = listItems(value as DataList | readonly Value[]);
  if (items instanceof Failure) throw new Error(items.message);
  return items.map((item) => {
    const operation: JsonObject = {};
    for (const field of ['op', 'path', 'from', 'value'] as const) {
      const found = isMap(item) ? item.find(field) : undefined;
      if (found === undefined || found instanceof Failure || (field === 'from' && found === '')) continue;
      if (field === 'value') {
        const misplaced = misplacedTypes(found, typeNameIn(found));
        if (misplaced.length > 0) throw new Error(`type mismatch: ${misplaced.join('\n')}`);
      }
      operation[field] = valueToJson(found);
    }
    return operation;
  });
}

/** An object in a patch may be of any place; what is inside it must fit it. */
function typeNameIn(value: Value): string {
  return (value as { readonly typeName?: string } | null)?.typeName ?? 'Object';
}
