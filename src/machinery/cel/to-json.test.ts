/** What expressions make, as JSON. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileExpression } from './compile.ts';
import { buildEnvironment, withPatchTypes } from './environment.ts';
import { misplacedTypes, valueToJson } from './to-json.ts';
import type { Value } from './value.ts';

const environment = withPatchTypes(buildEnvironment([]));

function valueOf(text: string): Value {
  const compiled = compileExpression(text, environment);
  assert.equal(compiled.issues, undefined);
  const { value, error } = compiled.program!.evaluate({}, { costMax: 10_000 });
  assert.equal(error, undefined);
  return value!;
}

const CASES: readonly [expression: string, json: unknown][] = [
  ["{'a': [dyn(1), dyn(2u), dyn(1.5), dyn(true), dyn(null), dyn('x')]}", { a: [1, 2, 1.5, true, null, 'x'] }],
  ["[dyn(b'ab'), dyn(duration('90s')), dyn(timestamp('2024-01-02T03:04:05Z'))]", ['YWI=', '90s', '2024-01-02T03:04:05Z']],
  ["Object{spec: Object.spec{items: [Object.spec.items{name: 'a'}]}}", { spec: { items: [{ name: 'a' }] } }],
  ['9007199254740993', 9007199254740993n],
  ["{'__proto__': 1}", JSON.parse('{"__proto__": 1}')],
];

test('values become JSON', () => {
  for (const [expression, json] of CASES) assert.deepEqual(valueToJson(valueOf(expression)), json, expression);
  assert.throws(() => valueToJson(valueOf('{1: 2}')), /not string/);
});

test('objects stand where their types say', () => {
  assert.deepEqual(misplacedTypes(valueOf("Object{spec: Object.spec{items: [Object.spec.items{name: 'a'}]}}"), 'Object'), []);
  assert.equal(misplacedTypes(valueOf('Object{spec: Object.status{}}'), 'Object').length, 1);
});
