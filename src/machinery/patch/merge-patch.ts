/**
 * JSON Merge Patch (RFC 7386): null removes a key, objects merge, everything else replaces.
 *
 * As upstream, nulls are also pruned from objects inside lists of the patch. Neither argument is changed; unchanged parts of
 * the object are shared with the result.
 */
import { getKey, isContainer, isObject, setKey } from './json-value.ts';
import type { JsonObject, JsonValue } from './json-value.ts';
import { PatchError } from './patch-error.ts';

/** @throws PatchError malformed, when the patch is neither an object nor a list */
export function applyMergePatch(object: JsonValue, patch: JsonValue): JsonValue {
  if (!isContainer(patch)) throw new PatchError('malformed', 'Invalid JSON Patch');
  return isObject(object) && isObject(patch) ? mergeObjects(object, patch) : pruneNulls(patch);
}

function mergeObjects(object: JsonObject, patch: JsonObject): JsonObject {
  const merged: JsonObject = { ...object };
  for (const key of Object.keys(patch)) {
    const value = patch[key] as JsonValue;
    if (value === null) {
      delete merged[key];
      continue;
    }
    const current = getKey(merged, key);
    if (!isObject(current)) setKey(merged, key, pruneNulls(value));
    else setKey(merged, key, isObject(value) ? mergeObjects(current, value) : value);
  }
  return merged;
}

function pruneNulls(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(pruneNulls);
  if (!isObject(value)) return value;
  const pruned: JsonObject = {};
  for (const key of Object.keys(value)) {
    const inner = value[key] as JsonValue;
    if (inner !== null) setKey(pruned, key, pruneNulls(inner));
  }
  return pruned;
}
