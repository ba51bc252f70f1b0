/** Paths of printer columns. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileJsonPath } from './json-path.ts';

const OBJECT = { spec: { l: ['a', 'b', 'c'], m: { 'a.b': 'dotted', a: { b: 'nested' } }, n: null }, status: { c: [{ type: 'Ready', status: 'True', n: 1 }, { type: 'Other', status: 'False', n: 2 }] } };

const CASES: readonly (readonly [path: string, expected: readonly unknown[] | undefined])[] = [
  ['.spec.l[0]', ['a']], ['.spec.l[-1]', ['c']], ['.spec.l[*]', ['a', 'b', 'c']], ['.spec.l[0:2]', ['a', 'b']], ['.spec.l[9]', undefined],
  ['.spec.m.a\\.b', ['dotted']], ["['spec'].n", [null]], ['.spec.none', []], ['.status.c[?(@.type=="Ready")].status', ['True']],
  ['.status.c[?(@.n>1)].type', ['Other']], ['.status.c[*].type', ['Ready', 'Other']], ['..status', [OBJECT.status, 'True', 'False']], ['.spec.m[0]', undefined],
];
for (const [path, expected] of CASES) {
  test(path, () => assert.deepEqual(compileJsonPath(path)!(OBJECT), expected));
}

test('an unsound path is none', () => assert.equal(compileJsonPath('.a[0'), undefined));
