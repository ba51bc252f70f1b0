import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSchema } from '../schema/parse.ts';
import { applyJsonPatch, COPIED_BYTES_MAX, OPERATIONS_MAX } from './json-patch.ts';
import type { JsonObject, JsonValue } from './json-value.ts';
import { applyMergePatch } from './merge-patch.ts';
import { PatchError, patchErrorToStatus } from './patch-error.ts';
import { applyStrategicMergePatch } from './strategic-merge-patch.ts';
import { unstructuredFault } from './unstructured-fault.ts';
import { isBadRequest, type StatusError } from '../status-error.ts';

function outcome(run: () => JsonValue): JsonValue | string {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    return `${error.fault}: ${error.message}`;
  }
}

test('JSON patch', async (t) => {
  const data = (): JsonValue => ({ a: '1', list: [1, 2, 3], deep: { x: { y: 1 } } });
  const cases: [name: string, patch: JsonValue, expected: JsonValue][] = [
    ['add a key', [{ op: 'add', path: '/b', value: 2 }], { a: '1', list: [1, 2, 3], deep: { x: { y: 1 } }, b: 2 }],
    ['first segment is dropped', [{ op: 'add', path: 'zzz/b', value: 2 }], { a: '1', list: [1, 2, 3], deep: { x: { y: 1 } }, b: 2 }],
    ['add without parent', [{ op: 'add', path: '/n/b', value: 2 }], 'inapplicable: add operation does not apply: doc is missing path: "/n/b": missing value'],
    ['append', [{ op: 'add', path: '/list/-', value: 4 }, { op: 'remove', path: '/deep' }], { a: '1', list: [1, 2, 3, 4] }],
    ['odd indexes', [{ op: 'replace', path: '/list/-1', value: 9 }, { op: 'replace', path: '/list/00', value: 8 }, { op: 'add', path: '/list/+1', value: 7 },
      { op: 'add', path: '/list/-1', value: 6 }, { op: 'remove', path: '/deep' }], { a: '1', list: [8, 7, 2, 9, 6] }],
    ['index out of range', [{ op: 'replace', path: '/list/3', value: 1 }],
      'inapplicable: replace operation does not apply: doc is missing key: /list/3: missing value: Unable to access invalid index: 3: invalid index referenced'],
    ['replace of a missing key sets', [{ op: 'replace', path: '/z', value: 1 }, { op: 'remove', path: '/list' }, { op: 'remove', path: '/deep' }], { a: '1', z: 1 }],
    ['copy from a missing key', [{ op: 'copy', from: '/none', path: '/z' }, { op: 'remove', path: '/list' }, { op: 'remove', path: '/deep' }], { a: '1', z: null }],
    ['a copy is independent', [{ op: 'copy', from: '/deep', path: '/b' }, { op: 'add', path: '/b/x/y', value: 2 }, { op: 'remove', path: '/list' }],
      { a: '1', deep: { x: { y: 1 } }, b: { x: { y: 2 } } }],
    ['a copy of something changed is independent', [{ op: 'add', path: '/deep/x/z', value: 1 }, { op: 'copy', from: '/deep', path: '/b' },
      { op: 'add', path: '/b/x/y', value: 2 }, { op: 'remove', path: '/list' }], { a: '1', deep: { x: { y: 1, z: 1 } }, b: { x: { y: 2, z: 1 } } }],
    ['a copy into itself', [{ op: 'add', path: '/deep/x/z', value: 1 }, { op: 'copy', from: '/deep', path: '/deep/again' }, { op: 'remove', path: '/list' }],
      { a: '1', deep: { x: { y: 1, z: 1 }, again: { x: { y: 1, z: 1 } } } }],
    ['move', [{ op: 'move', from: '/deep/x', path: '/m' }], { a: '1', list: [1, 2, 3], deep: {}, m: { y: 1 } }],
    ['move into itself', [{ op: 'move', from: '/deep', path: '/deep/x/z' }], 'inapplicable: move operation does not apply: doc is missing destination path: /deep/x/z: missing value'],
    ['test passes', [{ op: 'test', path: '/deep', value: { x: { y: 1 } } }, { op: 'test', path: '/none' }, { op: 'remove', path: '/deep' }], { a: '1', list: [1, 2, 3] }],
    ['test fails', [{ op: 'test', path: '/a', value: '2' }], 'inapplicable: testing value /a failed: test failed'],
    ['escapes', [{ op: 'add', path: '/a~1b~0c~01', value: 1 }, { op: 'remove', path: '/list' }, { op: 'remove', path: '/deep' }], { a: '1', 'a/b~c~1': 1 }],
    ['unknown operation', [{ op: 'ADD', path: '/a' }], 'inapplicable: Unexpected kind: ADD'],
    ['no operation', [{ path: '/a' }], 'inapplicable: Unexpected kind: unknown'],
    ['not a list', {}, 'malformed: json: cannot unmarshal object into Go value of type jsonpatch.Patch'],
    ['too many', Array.from({ length: OPERATIONS_MAX + 1 }, () => ({ op: 'remove', path: '/a' })), 'too-large: The allowed maximum operations in a JSON patch is 10000, got 10001'],
  ];
  for (const [name, patch, expected] of cases) {
    await t.test(name, () => {
      const object = data();
      assert.deepEqual(outcome(() => applyJsonPatch(object, patch)), expected);
      assert.deepEqual(object, data(), 'the object is not changed');
    });
  }
  await t.test('prototype is a key', () => {
    const patched = applyJsonPatch({}, JSON.parse('[{"op":"add","path":"/__proto__","value":{"evil":1}},{"op":"add","path":"/__proto__/more","value":2}]') as JsonValue) as JsonObject;
    assert.equal(JSON.stringify(patched), '{"__proto__":{"evil":1,"more":2}}');
    assert.equal(({} as JsonObject)['evil'], undefined);
  });
  await t.test('copies are limited', () => {
    const big = 'x'.repeat(COPIED_BYTES_MAX / 2);
    const copies = [1, 2, 3].map((n) => ({ op: 'copy', from: '/big', path: `/${n}` }));
    assert.match(outcome(() => applyJsonPatch({ big }, copies)) as string, /^inapplicable: Unable to complete the copy, the accumulated size/);
  });
});

test('merge patch', async (t) => {
  const cases: [name: string, object: JsonValue, patch: JsonValue, expected: JsonValue][] = [
    ['set, merge and remove', { a: 1, b: { c: 1, d: 2 } }, { a: null, b: { c: null, e: 3 }, f: { g: null } }, { b: { d: 2, e: 3 }, f: {} }],
    ['lists replace, their nulls go', { a: [1, 2] }, { a: [{ x: null, y: 1 }, null] }, { a: [{ y: 1 }, null] }],
    ['a list in place of an object keeps its nulls', { a: {} }, { a: [{ x: null }] }, { a: [{ x: null }] }],
    ['an empty patch', { a: 1 }, {}, { a: 1 }],
    ['null', { a: 1 }, null, 'malformed: Invalid JSON Patch'],
    ['a word', { a: 1 }, 'x', 'malformed: Invalid JSON Patch'],
  ];
  for (const [name, object, patch, expected] of cases) {
    await t.test(name, () => {
      const before = structuredClone([object, patch]);
      assert.deepEqual(outcome(() => applyMergePatch(object, patch)), expected);
      assert.deepEqual([object, patch], before, 'arguments are not changed');
    });
  }
});

const SCHEMA = parseSchema('t/v1', `
kind Thing
  1 metadata Meta
  2 items []Item list=map(name) patch=merge(name)
  3 volumes []Item list=map(name) patch=merge,retainKeys(name)
  4 atomics []Item list=atomic
  5 words []string patch=merge
  6 selector map[string] patch=replace
  7 strategy Strategy patch=retainKeys
type Meta
  1 labels map[string]
type Item
  1 name string
  2 image string
  3 env []Item patch=merge(name)
type Strategy
  1 type string
  2 rolling map[string]
`);

test('strategic merge patch', async (t) => {
  const live = (): JsonObject => ({
    metadata: { labels: { a: '1' } },
    items: [{ name: 'a', image: 'a:1', env: [{ name: 'E', image: 'e' }] }, { name: 'b', image: 'b:1' }],
    words: ['x', 'y'], selector: { s: '1' }, strategy: { type: 'R', rolling: { m: '1' } }, atomics: [{ name: 'q' }],
  });
  const cases: [name: string, patch: JsonObject, expected: JsonObject | string][] = [
    ['an item merges by key, a new one comes first', { items: [{ name: 'c', image: 'c:1' }, { name: 'b', image: 'b:2' }] },
      { items: [{ name: 'c', image: 'c:1' }, { name: 'a', image: 'a:1', env: [{ name: 'E', image: 'e' }] }, { name: 'b', image: 'b:2' }] }],
    ['item deleted', { items: [{ name: 'a', $patch: 'delete' }] }, { items: [{ name: 'b', image: 'b:1' }] }],
    ['list replaced', { items: [{ $patch: 'replace' }, { name: 'z' }] }, { items: [{ name: 'z' }] }],
    ['nested list', { items: [{ name: 'a', env: [{ name: 'F', image: 'f' }] }, { name: 'b', $patch: 'delete' }] },
      { items: [{ name: 'a', image: 'a:1', env: [{ name: 'F', image: 'f' }, { name: 'E', image: 'e' }] }] }],
    ['order', { '$setElementOrder/items': [{ name: 'b' }, { name: 'a' }] }, { items: [{ name: 'b', image: 'b:1' }, { name: 'a', image: 'a:1', env: [{ name: 'E', image: 'e' }] }] }],
    ['order contradicts', { '$setElementOrder/items': [{ name: 'b' }, { name: 'a' }], items: [{ name: 'a' }, { name: 'b' }] },
      "internal: The order in patch list:\n[map[name:a] map[name:b]]\n doesn't match $setElementOrder list:\n[map[name:b] map[name:a]]\n"],
    ['no key', { items: [{ image: 'q' }] }, 'internal: map: map[image:q] does not contain declared merge key: name'],
    ['kinds differ', { items: ['a'] }, 'internal: list element types are not identical: [[map[env:[map[image:e name:E]] image:a:1 name:a] map[image:b:1 name:b]] [a]]'],
    ['merge directive', { items: [{ name: 'b', $patch: 'merge' }] }, 'internal: merging lists cannot yet be specified in the patch'],
    ['unknown directive', { strategy: { $patch: 'frob' } }, 'internal: unknown patch type: frob in map: map[$patch:frob]'],
    ['numeric directive', { strategy: { $patch: 5 } }, 'internal: unknown patch type: %!s(int64=5) in map: map[$patch:5]'],
    ['atomic list', { atomics: [{ name: 'r' }] }, { atomics: [{ name: 'r' }] }],
    ['words merge', { words: ['z', 'y'] }, { words: ['z', 'x', 'y'] }],
    ['words deleted', { '$deleteFromPrimitiveList/words': ['x'] }, { words: ['y'] }],
    ['deleting words elsewhere', { '$deleteFromPrimitiveList/items': ['x'] },
      'internal: list element types are not identical: [[map[env:[map[image:e name:E]] image:a:1 name:a] map[image:b:1 name:b]] [x]]'],
    ['map replaced by strategy', { selector: { t: '2' } }, { selector: { t: '2' } }],
    ['retain keys', { strategy: { $retainKeys: ['type'], type: 'X' } }, { strategy: { type: 'X' } }],
    ['retain keys lacks one', { strategy: { $retainKeys: ['type'], type: 'X', rolling: {} } }, 'malformed: invalid patch format of retainKeys'],
    ['map replaced', { strategy: { $patch: 'replace', type: 'Y' } }, { strategy: { type: 'Y' } }],
    ['map emptied', { strategy: { $patch: 'delete' } }, { strategy: {} }],
    ['null and nulls in new values', { strategy: null, volumes: [{ name: 'v', image: null }] }, { strategy: undefined as never, volumes: [{ name: 'v' }] }],
    ['order of an atomic list', { '$setElementOrder/atomics': [{ name: 'q' }] }, 'malformed: invalid patch format of setElementOrder list'],
  ];
  for (const [name, patch, expected] of cases) {
    await t.test(name, () => {
      const object = live();
      const before = structuredClone(patch);
      const patched = outcome(() => applyStrategicMergePatch(object, patch, 't/v1.Thing', (type) => SCHEMA.get(type)));
      const wanted = typeof expected === 'string' ? expected : JSON.parse(JSON.stringify({ ...live(), ...expected })) as JsonObject;
      assert.deepEqual(patched, wanted);
      assert.deepEqual([object, patch], [live(), before], 'arguments are not changed');
    });
  }
});

test('faults become Status answers', () => {
  const status = (fault: 'malformed' | 'too-large' | 'inapplicable' | 'internal'): [number, string, string] => {
    const error = patchErrorToStatus(new PatchError(fault, 'text')) as StatusError;
    return [error.code, error.reason, error.message];
  };
  assert.ok(isBadRequest(patchErrorToStatus(new PatchError('malformed', 'text'))));
  assert.deepEqual(status('too-large'), [413, 'RequestEntityTooLarge', 'Request entity too large: text']);
  assert.deepEqual(status('inapplicable'), [422, 'Invalid', 'the server rejected our request due to an error in our request']);
  assert.deepEqual(status('internal'), [500, '', 'text']);
});

test('what a strategic patch may leave that is no object of the type', () => {
  const cases: [value: JsonObject, fault: string | undefined][] = [
    [{ items: [{ name: 'a' }], strategy: null }, undefined],
    [{ items: [{ name: 5 }] }, 'cannot convert int64 to string'],
    [{ items: { name: 'a' } }, 'cannot restore slice from map'],
    [{ strategy: 'x' }, 'cannot restore struct from: string'],
    [{ metadata: [] }, 'cannot restore struct from: slice'],
    [{ selector: [] }, 'cannot restore map from slice'],
    [{ words: [true] }, 'unrecognized type: string'],
  ];
  for (const [value, fault] of cases) assert.equal(unstructuredFault(value, 't/v1.Thing', (name) => SCHEMA.get(name)), fault);
});
