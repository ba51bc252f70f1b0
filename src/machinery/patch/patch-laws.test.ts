/**
 * Laws of patches over generated values, each beside a model simple enough to be believed. A failure prints seed and path.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseSchema } from '../schema/parse.ts';
import { applyJsonPatch } from './json-patch.ts';
import { cloneJson, isObject, setKey, type JsonObject, type JsonValue } from './json-value.ts';
import { applyMergePatch } from './merge-patch.ts';
import { PatchError } from './patch-error.ts';
import { applyStrategicMergePatch } from './strategic-merge-patch.ts';

const SETTINGS = { seed: 36, numRuns: 2_000, includeErrorInReport: true };
const KEYS = ['a', 'b', 'c', 'a/b', 'm~n', '__proto__', 'constructor', '', '0', '-'];
const key = fc.constantFrom(...KEYS);
const scalar: fc.Arbitrary<JsonValue> = fc.oneof(fc.boolean(), fc.integer({ min: -3, max: 3 }), fc.constantFrom('x', 'y', ''));

function valueWith(leaf: fc.Arbitrary<JsonValue>): fc.Arbitrary<JsonValue> {
  return fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof({ maxDepth: 3, withCrossShrink: true }, leaf, fc.dictionary(key, tie('value'), { maxKeys: 3, noNullPrototype: true }) as fc.Arbitrary<JsonValue>, fc.array(tie('value'), { maxLength: 3 })),
  })).value;
}
const value = valueWith(scalar);
const objectOf = (inner: fc.Arbitrary<JsonValue>): fc.Arbitrary<JsonObject> => fc.dictionary(key, inner, { maxKeys: 4, noNullPrototype: true });
const document = objectOf(value);

/** RFC 7386's own pseudo code, but for nulls within lists, which upstream drops from objects there. */
function mergeModel(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isObject(patch)) return patch;
  const merged: JsonObject = {};
  if (isObject(target)) for (const name of Object.keys(target)) setKey(merged, name, target[name]!);
  for (const name of Object.keys(patch)) {
    if (patch[name] === null) delete merged[name];
    else setKey(merged, name, mergeModel(Object.hasOwn(merged, name) ? merged[name] : undefined, patch[name]!));
  }
  return merged;
}

/** The merge patch that makes `after` of `before`. */
function mergeDiff(before: JsonObject, after: JsonObject): JsonObject {
  const patch: JsonObject = {};
  for (const name of Object.keys(before)) if (!Object.hasOwn(after, name)) setKey(patch, name, null);
  for (const name of Object.keys(after)) {
    const old = Object.hasOwn(before, name) ? before[name] : undefined;
    const wanted = after[name]!;
    if (isObject(old) && isObject(wanted)) setKey(patch, name, mergeDiff(old, wanted));
    else setKey(patch, name, wanted);
  }
  return patch;
}

const plain = (given: JsonValue): unknown => JSON.parse(JSON.stringify(given)) as unknown;

test('merge patch: as the RFC says', () => {
  const patches = objectOf(fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof({ maxDepth: 3 }, scalar, fc.constant(null), fc.dictionary(key, tie('value'), { maxKeys: 3, noNullPrototype: true }) as fc.Arbitrary<JsonValue>, fc.array(scalar, { maxLength: 2 })),
  })).value);
  fc.assert(fc.property(document, patches, (before, patch) => {
    const kept = plain(before);
    assert.deepEqual(plain(applyMergePatch(before, patch)), plain(mergeModel(before, patch)));
    assert.deepEqual(plain(before), kept, 'the document is not changed');
  }), SETTINGS);
});

test('merge patch: the difference of two documents, applied to the first, makes the second; once more changes nothing', () => {
  fc.assert(fc.property(document, document, (before, after) => {
    const patch = mergeDiff(before, after);
    const patched = applyMergePatch(before, patch);
    assert.deepEqual(plain(patched), plain(after));
    assert.deepEqual(plain(applyMergePatch(patched, patch)), plain(after));
  }), SETTINGS);
});

test('no patch touches prototypes', () => {
  fc.assert(fc.property(document, document, (before, patch) => {
    applyMergePatch(before, patch);
    for (const path of ['/__proto__/x', '/constructor/prototype/x']) try { applyJsonPatch(before, [{ op: 'add', path, value: 1 }]); } catch (error) { assert.ok(error instanceof PatchError); }
    assert.equal(({} as Record<string, unknown>)['x'], undefined);
    assert.equal(({} as Record<string, unknown>)['a'], undefined);
  }), { ...SETTINGS, numRuns: 500 });
});

const pointer = (path: readonly string[]): string => path.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** Every place in a document, but the whole. */
function places(given: JsonValue, at: readonly string[] = []): string[][] {
  if (Array.isArray(given)) return given.flatMap((inner, index) => [[...at, String(index)], ...places(inner, [...at, String(index)])]);
  if (!isObject(given)) return [];
  return Object.keys(given).flatMap((name) => [[...at, name], ...places(given[name]!, [...at, name])]);
}

interface Operation { readonly op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test'; readonly path: string[]; readonly from: string[]; readonly value: JsonValue }

const indexOf = (part: string): number => (/^\d+$/.test(part) ? Number(part) : -1);

/** RFC 6902 with a whole copy at every step; undefined: not applicable. */
function patchModel(given: JsonValue, operations: readonly Operation[]): unknown {
  const root = plain(given) as JsonValue;
  const holder = (path: readonly string[]): JsonObject | JsonValue[] | undefined => {
    let at: JsonValue | undefined = root;
    for (const part of path.slice(0, -1)) at = Array.isArray(at) ? at[indexOf(part)] : isObject(at) && Object.hasOwn(at, part) ? at[part] : undefined;
    return Array.isArray(at) || isObject(at) ? at : undefined;
  };
  const read = (path: readonly string[]): JsonValue | undefined => {
    const place = holder(path);
    const last = path.at(-1)!;
    return Array.isArray(place) ? place[indexOf(last)] : place !== undefined && Object.hasOwn(place, last) ? place[last] : undefined;
  };
  const put = (path: readonly string[], wanted: JsonValue): boolean => {
    const place = holder(path);
    const last = path.at(-1)!;
    if (place === undefined) return false;
    if (!Array.isArray(place)) setKey(place, last, wanted);
    else if (last === '-') place.push(wanted);
    else if (/^\d+$/.test(last) && Number(last) <= place.length) place.splice(Number(last), 0, wanted);
    else return false;
    return true;
  };
  const drop = (path: readonly string[]): boolean => {
    if (read(path) === undefined) return false;
    const place = holder(path)!;
    if (Array.isArray(place)) place.splice(Number(path.at(-1)), 1); else delete place[path.at(-1)!];
    return true;
  };
  for (const { op, path, from, value: wanted } of operations) {
    const moved = op === 'move' || op === 'copy' ? read(from) : wanted;
    if (moved === undefined) return undefined;
    const fresh = plain(moved) as JsonValue;
    let done = true;
    if (op === 'remove') done = drop(path);
    else if (op === 'test') done = JSON.stringify(read(path)) === JSON.stringify(wanted);
    else if (op === 'replace') {
      const place = holder(path);
      done = read(path) !== undefined && place !== undefined;
      if (done) { if (Array.isArray(place)) place[Number(path.at(-1))] = fresh; else setKey(place!, path.at(-1)!, fresh); }
    } else if (op === 'move') done = drop(from) && put(path, fresh);
    else done = put(path, fresh);
    if (!done) return undefined;
  }
  return root;
}

test('JSON patch: operations on what is there do as the RFC says', () => {
  const operations = document.chain((before) => {
    const there = places(before);
    // Indexes are taken as numbers only where there is a list; upstream's own dialect has its own table.
    const path = there.length === 0 ? fc.constant(['a']) : fc.oneof(fc.constantFrom(...there), fc.tuple(fc.constantFrom(...there), fc.constantFrom('a', 'b', '0')).map(([at, more]) => [...at, more]));
    const operation = fc.record({ op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test'), path, from: path, value });
    return fc.tuple(fc.constant(before), fc.array(operation as fc.Arbitrary<Operation>, { minLength: 1, maxLength: 5 }));
  });
  let applied = 0;
  fc.assert(fc.property(operations, ([before, steps]) => {
    const expected = patchModel(before, steps);
    const kept = plain(before);
    let actual: JsonValue | undefined;
    try {
      actual = applyJsonPatch(before, steps.map(({ op, path, from, value: wanted }) => ({ op, path: pointer(path), from: pointer(from), value: wanted })) as JsonValue);
    } catch (error) {
      assert.ok(error instanceof PatchError, String(error));
    }
    assert.deepEqual(plain(before), kept, 'the document is not changed');
    if (expected === undefined) return;
    applied++;
    assert.deepEqual(actual === undefined ? 'refused' : plain(actual), expected);
  }), { ...SETTINGS, numRuns: 4_000 });
  assert.ok(applied > 500, `only ${applied} applied`);
});

const TYPES = parseSchema('t/v1', `
kind Thing
  1 items []Item patch=merge(name)
  2 words []string patch=merge
  3 whole []Item
  4 map map[string]
  5 inner Inner
  6 text string
type Item
  1 name! string
  2 image string
  3 env []Env patch=merge(key)
type Env
  1 key! string
  2 value string
type Inner
  1 a string
  2 b string
`);
const word = fc.constantFrom('p', 'q', 'r', 's');
const by = <T extends JsonObject>(name: string, item: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.uniqueArray(item, { maxLength: 3, selector: (one) => one[name] });
const env = by('key', fc.record({ key: word, value: word }, { requiredKeys: ['key'], noNullPrototype: true }));
const item = fc.record({ name: word, image: word, env }, { requiredKeys: ['name'], noNullPrototype: true });
const thing = fc.record({
  items: by('name', item as fc.Arbitrary<JsonObject>), words: fc.uniqueArray(word, { maxLength: 3 }), whole: fc.array(item, { maxLength: 2 }),
  map: fc.dictionary(word, word, { maxKeys: 2, noNullPrototype: true }), inner: fc.record({ a: word, b: word }, { requiredKeys: [], noNullPrototype: true }), text: word,
}, { requiredKeys: [], noNullPrototype: true }) as unknown as fc.Arbitrary<JsonObject>;

const MERGE_KEYS: Readonly<Record<string, string>> = { items: 'name', env: 'key' };

/** Lists with a key merge item by item, new ones at the end; sets get what they lack; all else as a merge patch. */
function strategicModel(before: JsonObject, patch: JsonObject): JsonObject {
  const merged = cloneJson(before);
  for (const name of Object.keys(patch)) {
    const wanted = patch[name]!;
    const old = merged[name];
    const mergeKey = MERGE_KEYS[name];
    if (old === undefined || !(Array.isArray(old) || isObject(old))) merged[name] = wanted;
    else if (isObject(old)) merged[name] = strategicModel(old, wanted as JsonObject);
    else if (mergeKey !== undefined) {
      const items = old as JsonObject[];
      for (const one of wanted as JsonObject[]) {
        const index = items.findIndex((other) => other[mergeKey] === one[mergeKey]);
        if (index < 0) items.push(one); else items[index] = strategicModel(items[index]!, one);
      }
    } else if (name === 'words') for (const one of wanted as string[]) { if (!old.includes(one)) old.push(one); }
    else merged[name] = wanted;
  }
  return merged;
}

/** The order of lists with keys is upstream's affair; what is in them is not. */
function unordered(given: unknown): unknown {
  if (Array.isArray(given)) return given.map((one) => JSON.stringify(unordered(one))).sort();
  if (!isObject(given)) return given;
  return Object.fromEntries(Object.keys(given).sort().map((name) => [name, unordered(given[name])]));
}
const strategic = (before: JsonObject, patch: JsonObject): JsonObject => applyStrategicMergePatch(before, patch, 't/v1.Thing', (name) => TYPES.get(name));

test('strategic merge patch: as the simple model', () => {
  fc.assert(fc.property(thing, thing, (before, patch) => {
    const kept = plain(before);
    assert.deepEqual(unordered(strategic(before, patch)), unordered(strategicModel(before, patch)));
    assert.deepEqual(plain(before), kept, 'the document is not changed');
  }), SETTINGS);
});

test('strategic merge patch: twice is once; a document is its own patch', () => {
  fc.assert(fc.property(thing, thing, (before, patch) => {
    const once = strategic(before, patch);
    assert.deepEqual(plain(strategic(once, patch)), plain(once));
    assert.deepEqual(unordered(strategic(before, before)), unordered(before));
  }), SETTINGS);
});

/** As kubectl makes it: what goes is deleted by its key, what stays or comes is given whole. */
function strategicDiff(before: JsonObject, after: JsonObject): JsonObject {
  const patch: JsonObject = {};
  for (const name of Object.keys(before)) if (!Object.hasOwn(after, name)) patch[name] = null;
  for (const name of Object.keys(after)) {
    const old = before[name];
    const wanted = after[name]!;
    const mergeKey = MERGE_KEYS[name];
    // Nothing in nothing's order is refused.
    if (Array.isArray(old) && old.length === 0 && (wanted as JsonValue[]).length === 0) continue;
    if (Array.isArray(old) && mergeKey !== undefined) {
      const items = old as JsonObject[];
      const news = wanted as JsonObject[];
      const gone = items.filter((one) => !news.some((other) => other[mergeKey] === one[mergeKey])).map((one) => ({ $patch: 'delete', [mergeKey]: one[mergeKey]! }));
      const kept = news.map((one) => {
        const there = items.find((other) => other[mergeKey] === one[mergeKey]);
        return there === undefined ? one : { ...strategicDiff(there, one), [mergeKey]: one[mergeKey]! };
      });
      patch[name] = [...gone, ...kept];
      patch[`$setElementOrder/${name}`] = news.map((one) => ({ [mergeKey]: one[mergeKey]! }));
    } else if (Array.isArray(old) && name === 'words') {
      patch[`$deleteFromPrimitiveList/${name}`] = old.filter((one) => !(wanted as string[]).includes(one as string));
      patch[name] = wanted;
      patch[`$setElementOrder/${name}`] = wanted;
    } else patch[name] = isObject(old) && isObject(wanted) ? strategicDiff(old, wanted) : wanted;
  }
  return patch;
}

test('strategic merge patch: the difference of two documents, applied to the first, makes the second, in its order', () => {
  fc.assert(fc.property(thing, thing, (before, after) => {
    assert.deepEqual(plain(strategic(before, strategicDiff(before, after))), plain(after));
  }), SETTINGS);
});
