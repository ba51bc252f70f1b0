/** Values against structural schemas: upstream's texts, and what ratcheting lets pass. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldErrorText } from '../field-error.ts';
import { changedValueFaults, valueFaults } from './structural-validate.ts';
import type { Structural } from './structural.ts';

const inField = (schema: Structural): Structural => ({ type: 'object', properties: { f: schema } });
const texts = (value: unknown, schema: Structural): string[] => valueFaults({ f: value }, inField(schema)).map(fieldErrorText);

const CASES: readonly (readonly [name: string, schema: Structural, value: unknown, expected: readonly string[]])[] = [
  ['a text is a text', { type: 'string' }, 'a', []],
  ['a boolean is no text', { type: 'string' }, true, ['f: Invalid value: "boolean": f in body must be of type string: "boolean"']],
  ['1.0 is an integer', { type: 'integer' }, 1, []],
  ['the largest integer', { type: 'integer', format: 'int64' }, 9223372036854775807n, []],
  ['a fraction is no integer', { type: 'integer' }, 1.5, ['f: Invalid value: "number": f in body must be of type integer: "number"', '<nil>: Invalid value: "": Checked value must be of type integer (default format) in f']],
  ['int32 is bounded', { type: 'integer', format: 'int32' }, 2 ** 31, ['<nil>: Invalid value: "": Checked value must be of type integer with format int32 in f']],
  ['null where it may not be', { type: 'string' }, null, ['f: Invalid value: "null": f in body must be of type string: "null"']],
  ['null where it may be', { type: 'string', nullable: true }, null, []],
  ['lengths count characters', { type: 'string', maxLength: 2 }, '😀😀', []],
  ['too long', { type: 'string', maxLength: 2 }, 'abc', ['f: Too long: may not be more than 2 bytes']],
  ['too short', { type: 'string', minLength: 2 }, 'a', ['f: Invalid value: "a": f in body should be at least 2 chars long']],
  ['pattern, anywhere', { type: 'string', pattern: 'b+' }, 'abc', []],
  ['pattern not met', { type: 'string', pattern: '^b' }, 'abc', ["f: Invalid value: \"abc\": f in body should match '^b'"]],
  ['enum', { type: 'string', enum: ['x', 'y'] }, 'z', ['f: Unsupported value: "z": supported values: "x", "y"']],
  ['minimum', { type: 'integer', minimum: 1 }, 0, ['f: Invalid value: 0: f in body should be greater than or equal to 1']],
  ['exclusive maximum', { type: 'number', maximum: 1.5, exclusiveMaximum: true }, 1.5, ['f: Invalid value: 1.5: f in body should be less than 1.5']],
  ['multiples', { type: 'number', multipleOf: 0.1 }, 0.3, []],
  ['no multiple', { type: 'integer', multipleOf: 3 }, 4, ['f: Invalid value: 4: f in body should be a multiple of 3']],
  ['too many items', { type: 'array', maxItems: 1, items: { type: 'string' } }, ['a', 'b'], ['f: Too many: 2: must have at most 1 item']],
  ['items', { type: 'array', items: { type: 'string' } }, ['a', 1], ['f[1]: Invalid value: "integer": f[1] in body must be of type string: "integer"']],
  ['required', { type: 'object', required: ['k'] }, {}, ['f.k: Required value']],
  ['values of a map', { type: 'object', additionalProperties: { type: 'integer' } }, { a: 'x' }, ['f.a: Invalid value: "string": f.a in body must be of type integer: "string"']],
  ['integer or string', { 'x-kubernetes-int-or-string': true }, '50%', []],
  ['neither integer nor string', { 'x-kubernetes-int-or-string': true }, true, ['f: Invalid value: "boolean": f in body must be of type integer,string: "boolean"']],
  ['not', { type: 'string', not: { enum: ['x'] } }, 'x', ['<nil>: Invalid value: "": "f" must not validate the schema (not)']],
  ['several of one', { type: 'integer', oneOf: [{ minimum: 1 }, { minimum: 2 }] }, 3, ['<nil>: Invalid value: "": "f" must validate one and only one schema (oneOf). Found 2 valid alternatives']],
];

for (const [name, schema, value, expected] of CASES) {
  test(name, () => assert.deepEqual(texts(value, schema).sort(), [...expected].sort()));
}

test('what did not change may stay as it is', () => {
  const schema: Structural = { type: 'object', properties: { a: { type: 'string', maxLength: 1 }, b: { type: 'string', maxLength: 1 } } };
  assert.deepEqual(changedValueFaults({ a: 'long', b: 'x' }, { a: 'long', b: 'y' }, schema), []);
  assert.deepEqual(changedValueFaults({ a: 'long', b: 'new one' }, { a: 'long', b: 'y' }, schema).map(({ field }) => field), ['b']);
});

test('items of a map keep their identity, those of other lists do not', () => {
  const items: Structural = { type: 'object', properties: { k: { type: 'string' }, v: { type: 'string', maxLength: 1 } } };
  const before = [{ k: 'a', v: 'long' }];
  const after = [{ k: 'b', v: 'x' }, { k: 'a', v: 'long' }];
  const map: Structural = { type: 'array', items, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'] };
  assert.deepEqual(changedValueFaults({ f: after }, { f: before }, inField(map)), []);
  assert.deepEqual(changedValueFaults({ f: after }, { f: before }, inField({ type: 'array', items })).map(({ field }) => field), ['f[1].v']);
});
