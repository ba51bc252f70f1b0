import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { serviceAccountDefinition } from './definition.ts';

const rules = rulesOf(serviceAccountDefinition, `
metadata: {name: s, namespace: ns}
secrets: [{name: a}]
`);

test('a new service account', () => {
  const rows: Row[] = [
    [''],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed service account', () => {
  const rows: Row[] = [
    ['secrets: [{name: b}]'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});
