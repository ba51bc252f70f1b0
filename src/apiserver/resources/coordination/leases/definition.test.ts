import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { leaseDefinition } from './definition.ts';

const rules = rulesOf(leaseDefinition, `
metadata: {name: l, namespace: ns}
spec: {holderIdentity: h}
`);

test('a new lease', () => {
  const rows: Row[] = [
    [''],
    ['spec: {leaseDurationSeconds: 0}', 'spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0'],
    ['spec: {leaseTransitions: -1}', 'spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed lease', () => {
  const rows: Row[] = [
    ['spec: {leaseTransitions: 4}'],
    ['spec: {leaseDurationSeconds: -1}', 'spec.leaseDurationSeconds: Invalid value: -1: must be greater than 0'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});
