import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { controllerRevisionDefinition } from './definition.ts';

const rules = rulesOf(controllerRevisionDefinition, `
metadata: {name: r, namespace: ns}
revision: 1
data: {a: b}
`);

test('a new revision', () => {
  const rows: Row[] = [
    [''],
    ['revision: -1', 'revision: Invalid value: -1: must be greater than or equal to 0'],
    ['data: null', 'data: Required value: data is mandatory'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed revision', () => {
  const rows: Row[] = [
    ['data: {a: c}', 'data: Invalid value: {"a":"c"}: field is immutable'],
    ['revision: 2'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});
