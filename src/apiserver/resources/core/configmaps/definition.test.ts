import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { configMapDefinition } from './definition.ts';

const rules = rulesOf(configMapDefinition, `
metadata: {name: c, namespace: ns}
data: {a: b}
`);

test('a new config map', () => {
  const rows: Row[] = [
    [''],
    ['binaryData: {a: AAAA}', 'data[a]: Invalid value: "a": duplicate of key present in binaryData'],
    ['data: {"..": c}', `data[..]: Invalid value: "..": must not be '..'`],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed config map', () => {
  const rows: Row[] = [
    ['data: {a: c}'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
  assert.deepEqual(rules.update('data: {a: c}', 'immutable: true').causes, ['data: Forbidden: field is immutable when `immutable` is set']);
  assert.deepEqual(rules.update('immutable: null', 'immutable: true').causes, ['immutable: Forbidden: field is immutable when `immutable` is set']);
});
