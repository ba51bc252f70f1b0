/**
 * JSON Patch (RFC 6902), in the dialect of upstream's library, which clients have come to rely on.
 *
 * Where it is laxer than the RFC: an index may be negative (from the end), signed or zero-padded; `replace` of a missing key
 * sets it; `copy` from a missing key gives null; `test` of a missing key against null or no value passes; the first segment of
 * a path is dropped unread. The document passed in is never changed: containers on the way to a change are copied once.
 */
import { encodeAny } from '../codec/json-encode.ts';
import { quote } from '../go-print.ts';
import { getKey, isContainer, isObject, jsonEqual, setKey } from './json-value.ts';
import type { JsonObject, JsonValue } from './json-value.ts';
import { PatchError } from './patch-error.ts';

export const OPERATIONS_MAX = 10_000;
/** Sum of the sizes of all values copied by `copy` in one patch, in bytes of JSON. */
export const COPIED_BYTES_MAX = 3 * 1024 * 1024;

type Container = JsonObject | JsonValue[];

interface Document {
  root: JsonValue;
  /** Containers made by this patch, which it may therefore change. */
  readonly owned: Set<Container>;
  copiedBytes: number;
}

/** @throws PatchError malformed (not a list of operations), too-large, inapplicable */
export function applyJsonPatch(object: JsonValue, patch: JsonValue): JsonValue {
  const operations = checkOperations(patch);
  const document: Document = { root: object, owned: new Set(), copiedBytes: 0 };
  for (const operation of operations) applyOperation(document, operation);
  return document.root;
}

function checkOperations(patch: JsonValue): JsonObject[] {
  if (patch === null) return [];
  if (!Array.isArray(patch)) throw new PatchError('malformed', `json: cannot unmarshal ${jsonKind(patch)} into Go value of type jsonpatch.Patch`);
  for (const item of patch) {
    if (item !== null && !isObject(item)) {
      throw new PatchError('malformed', `json: cannot unmarshal ${jsonKind(item)} into Go value of type jsonpatch.Operation`);
    }
  }
  if (patch.length > OPERATIONS_MAX) {
    throw new PatchError('too-large', `The allowed maximum operations in a JSON patch is ${OPERATIONS_MAX}, got ${patch.length}`);
  }
  return patch.map((item) => item as JsonObject | null ?? {});
}

function jsonKind(value: JsonValue): string {
  if (isContainer(value)) return Array.isArray(value) ? 'array' : 'object';
  return value === null ? 'null' : typeof value === 'boolean' ? 'bool' : typeof value === 'string' ? 'string' : 'number';
}

function applyOperation(document: Document, operation: JsonObject): void {
  const kind = getKey(operation, 'op');
  switch (kind) {
    case 'add': return add(document, operation);
    case 'remove': return remove(document, operation);
    case 'replace': return replace(document, operation);
    case 'move': return move(document, operation);
    case 'copy': return copy(document, operation);
    case 'test': return test(document, operation);
    default: throw inapplicable(`Unexpected kind: ${typeof kind === 'string' ? kind : 'unknown'}`);
  }
}

function add(document: Document, operation: JsonObject): void {
  const path = stringMember(operation, 'path', 'add operation failed to decode path: missing value');
  const place = findForChange(document, path, `add operation does not apply: doc is missing path: "${path}": missing value`);
  insert(place, getKey(operation, 'value') ?? null, `error in add for path: '${path}'`);
}

function remove(document: Document, operation: JsonObject): void {
  const path = stringMember(operation, 'path', 'remove operation failed to decode path: missing value');
  const place = findForChange(document, path, `remove operation does not apply: doc is missing path: "${path}": missing value`);
  take(place, `error in remove for path: '${path}'`);
}

function replace(document: Document, operation: JsonObject): void {
  const path = stringMember(operation, 'path', 'replace operation failed to decode path: operation missing path field: missing value');
  const value = getKey(operation, 'value') ?? null;
  if (path === '') {
    if (!isContainer(value)) throw inapplicable('replace operation value must be object or array: %!w(<nil>)');
    document.root = value;
    return;
  }
  const place = findForChange(document, path, `replace operation does not apply: doc is missing path: ${path}: missing value`);
  if (isObject(place.container)) return setKey(place.container, place.key, value);
  const index = arrayIndex(place.container, place.key, `replace operation does not apply: doc is missing key: ${path}: missing value`);
  place.container[index] = value;
}

function move(document: Document, operation: JsonObject): void {
  const from = stringMember(operation, 'from', 'move operation failed to decode from: operation, missing from field: missing value');
  const source = findForChange(document, from, `move operation does not apply: doc is missing from path: ${from}: missing value`);
  const value = take(source, `error in move for path: '${source.key}'`);
  const path = stringMember(operation, 'path', 'move operation failed to decode path: operation missing path field: missing value');
  const place = findForChange(document, path, `move operation does not apply: doc is missing destination path: ${path}: missing value`);
  insert(place, value, `error in move for path: '${path}'`);
}

function copy(document: Document, operation: JsonObject): void {
  const from = stringMember(operation, 'from', 'copy operation failed to decode from: operation, missing from field: missing value');
  const value = read(document, from, `copy operation does not apply: doc is missing from path: ${from}: missing value`,
    `error in copy for from: '${from}'`) ?? null;
  // It will be in the document twice, perhaps within itself: whoever changes one of them must copy first.
  disown(document, value);
  const path = stringMember(operation, 'path', 'copy operation failed to decode path: missing value');
  const place = findForChange(document, path, `copy operation does not apply: doc is missing destination path: ${path}: missing value`);
  if (value !== null) document.copiedBytes += Buffer.byteLength(encodeAny(value));
  if (document.copiedBytes > COPIED_BYTES_MAX) {
    throw inapplicable(`Unable to complete the copy, the accumulated size increase of copy is ${document.copiedBytes}, exceeding the limit ${COPIED_BYTES_MAX}`);
  }
  insert(place, value, 'error while adding value during copy');
}

function test(document: Document, operation: JsonObject): void {
  const path = stringMember(operation, 'path', 'test operation failed to decode path: operation missing path field: missing value');
  const wanted = getKey(operation, 'value') ?? null;
  const actual = path === '' ? document.root
    : read(document, path, `test operation does not apply: is missing path: ${path}: missing value`, `error in test for path: '${path}'`) ?? null;
  if (!jsonEqual(actual, wanted)) throw inapplicable(`testing value ${path} failed: test failed`);
}

interface Place { readonly container: Container; readonly key: string }

/** The container the path's last segment is in, made safe to change. */
function findForChange(document: Document, path: string, missing: string): Place {
  const segments = splitPath(path, missing);
  const key = segments.pop() as string;
  let container = own(document, document.root as Container);
  document.root = container;
  for (const segment of segments) {
    const next = child(container, segment);
    if (!isContainer(next)) throw inapplicable(missing);
    const owned = own(document, next);
    if (Array.isArray(container)) container[arrayIndex(container, segment, missing)] = owned;
    else setKey(container, segment, owned);
    container = owned;
  }
  return { container, key };
}

/** The value at the path; undefined for a missing key of a map. */
function read(document: Document, path: string, missing: string, badIndex: string): JsonValue | undefined {
  const segments = splitPath(path, missing);
  const key = segments.pop() as string;
  let container = document.root as Container;
  for (const segment of segments) {
    const next = child(container, segment);
    if (!isContainer(next)) throw inapplicable(missing);
    container = next;
  }
  return Array.isArray(container) ? container[arrayIndex(container, key, badIndex)] : getKey(container, key);
}

function child(container: Container, segment: string): JsonValue | undefined {
  if (!Array.isArray(container)) return getKey(container, segment);
  const index = parseIndex(segment);
  return index === undefined ? undefined : container[index < 0 ? index + container.length : index];
}

function insert({ container, key }: Place, value: JsonValue, fault: string): void {
  if (!Array.isArray(container)) return setKey(container, key, value);
  if (key === '-') {
    container.push(value);
    return;
  }
  const index = parseIndex(key);
  if (index === undefined) throw inapplicable(`${fault}: value was not a proper array index: '${key}': ${atoiFault(key)}`);
  const size = container.length + 1;
  if (index >= size || index < -size) throw inapplicable(`${fault}: ${indexFault(index)}`);
  container.splice(index < 0 ? index + size : index, 0, value);
}

function take({ container, key }: Place, fault: string): JsonValue {
  if (Array.isArray(container)) return container.splice(arrayIndex(container, key, fault), 1)[0] as JsonValue;
  if (!Object.hasOwn(container, key)) throw inapplicable(`${fault}: Unable to remove nonexistent key: ${key}: missing value`);
  const value = container[key] as JsonValue;
  delete container[key];
  return value;
}

function arrayIndex(array: JsonValue[], key: string, fault: string): number {
  const index = parseIndex(key);
  if (index === undefined) throw inapplicable(`${fault}: ${atoiFault(key)}`);
  if (index >= array.length || index < -array.length) throw inapplicable(`${fault}: ${indexFault(index)}`);
  return index < 0 ? index + array.length : index;
}

/** As Go's Atoi: a sign and any number of leading zeros are fine. */
function parseIndex(text: string): number | undefined {
  return /^[+-]?\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function atoiFault(text: string): string {
  return `strconv.Atoi: parsing ${quote(text)}: invalid syntax`;
}

function indexFault(index: number): string {
  return `Unable to access invalid index: ${index}: invalid index referenced`;
}

function splitPath(path: string, missing: string): string[] {
  const segments = path.split('/');
  if (segments.length < 2) throw inapplicable(missing);
  return segments.slice(1).map((segment) => segment.replace(/~[01]/g, (escape) => (escape === '~1' ? '/' : '~')));
}

function stringMember(operation: JsonObject, name: string, missing: string): string {
  const value = getKey(operation, name);
  if (typeof value !== 'string') throw inapplicable(missing);
  return value;
}

function own(document: Document, container: Container): Container {
  if (document.owned.has(container)) return container;
  const copied = Array.isArray(container) ? container.slice() : { ...container };
  document.owned.add(copied);
  return copied;
}

function disown(document: Document, value: JsonValue): void {
  if (!isContainer(value) || document.owned.size === 0) return;
  document.owned.delete(value);
  for (const inner of Object.values(value)) disown(document, inner);
}

function inapplicable(message: string): PatchError {
  return new PatchError('inapplicable', message);
}
