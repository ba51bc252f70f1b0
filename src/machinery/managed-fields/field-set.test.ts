import assert from 'node:assert/strict';
import { test } from 'node:test';
import { difference, hasPath, inCanonicalOrder, intersection, isEmptySet, matching, parseSet, pathsOf, recursiveDifference, setOfPaths, union } from './field-set.ts';
import type { FieldSet } from './field-set.ts';
import { elementText, PathElementError } from './path-element.ts';

const set = (...paths: string[]): FieldSet => setOfPaths(...paths.map((path) => path.split(' ')));
const text = (value: FieldSet): string[] => pathsOf(value).map((path) => path.join(' '));

test('set operations', async (t) => {
  const cases: [name: string, actual: FieldSet, expected: string[]][] = [
    ['union', union(set('f:a', 'f:b f:c'), set('f:a f:x', 'f:b', 'f:d')), ['f:a', 'f:b', 'f:d', 'f:a f:x', 'f:b f:c']],
    ['intersection', intersection(set('f:a', 'f:b', 'f:b f:c'), set('f:a f:x', 'f:b', 'f:b f:c')), ['f:b', 'f:b f:c']],
    ['a parent is not its child', intersection(set('f:a'), set('f:a f:x')), []],
    ['difference keeps children', difference(set('f:a', 'f:a f:b', 'f:c'), set('f:a', 'f:c f:d')), ['f:c', 'f:a f:b']],
    ['difference of all', difference(set('f:a f:b'), set('f:a f:b')), []],
    ['recursive difference takes children along', recursiveDifference(set('f:a f:b', 'f:a', 'f:c f:d', 'f:c f:e'), set('f:a', 'f:c f:d')), ['f:c f:e']],
    ['matching', matching(set('f:a', 'f:b v:1 f:c', 'f:b v:1 f:d', 'f:b v:1', 'f:e f:f'), { 'f:b': { '*': { 'f:c': true } }, 'f:e': true }),
      ['f:b v:1', 'f:b v:1 f:c', 'f:e f:f']],
    ['recursive difference below a member', recursiveDifference(set('f:a', 'f:a f:b'), set('f:a f:b')), ['f:a']],
  ];
  for (const [name, actual, expected] of cases) await t.test(name, () => assert.deepEqual(text(actual), expected));
  await t.test('what does not change is the same object', () => {
    const some = set('f:a', 'f:b f:c');
    assert.equal(union(some, set('f:b f:c')), some);
    assert.equal(difference(some, set('f:z', 'f:b f:y')), some);
    assert.equal(inCanonicalOrder(some), some);
    assert.ok(isEmptySet(difference(some, some)));
  });
  await t.test('membership', () => {
    assert.ok(hasPath(set('f:a f:b'), ['f:a', 'f:b']));
    assert.ok(!hasPath(set('f:a f:b'), ['f:a']));
    assert.ok(!hasPath(set('f:a'), ['f:a', 'f:b']));
  });
});

test('the wire form', async (t) => {
  await t.test('canonical order and steps', () => {
    const parsed = inCanonicalOrder(parseSet({ 'v:"b"': {}, 'k:{"y":2, "x":"<"}': { 'f:z': {} }, 'f:b': {}, 'f:a': { 'f:q': {}, '.': {} }, 'z:later': {} }));
    assert.equal(JSON.stringify(parsed), '{"f:a":{".":{},"f:q":{}},"f:b":{},"k:{\\"x\\":\\"\\\\u003c\\",\\"y\\":2}":{"f:z":{}},"v:\\"b\\"":{}}');
  });
  await t.test('bad steps', () => {
    for (const bad of ['x', 'fname', 'k:{', 'i:x', 'v:']) assert.throws(() => parseSet({ [bad]: {} }), PathElementError, bad);
  });
  await t.test('as conflicts print them', () => {
    assert.equal(['f:a', 'k:{"n":"x","p":80}', 'v:"s"', 'i:3'].map(elementText).join(''), '.a[n="x",p=80][="s"][3]');
  });
});
