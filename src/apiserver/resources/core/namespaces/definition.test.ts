import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { namespaceDefinition } from './definition.ts';

const rules = rulesOf(namespaceDefinition, `
metadata: {name: nn}
`);

test('a new namespace', () => {
  const rows: Row[] = [
    [''],
    ['spec: {finalizers: [own]}', 'spec.finalizers: Invalid value: "own": name is neither a standard finalizer name nor is it fully qualified'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed namespace', () => {
  const rows: Row[] = [
    ['metadata: {labels: {a: b}}'],
    ['spec: {finalizers: [a.io/b]}'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});

test('the status of a namespace', () => {
  const rows: Row[] = [
    ['status: {phase: Odd}', `status.Phase: Invalid value: "Odd": may only be 'Active' if \`deletionTimestamp\` is empty`],
    ['status: {phase: Terminating}', `status.Phase: Invalid value: "Terminating": may only be 'Active' if \`deletionTimestamp\` is empty`],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.updateStatus(patch).causes, causes, patch);
});

test('finalize of a namespace', () => {
  assert.deepEqual(rules.updateSubresource('finalize', 'spec: {finalizers: []}').causes, []);
  assert.deepEqual(rules.updateSubresource('finalize', 'spec: {finalizers: [odd]}').causes, ['spec.finalizers[0]: Invalid value: "odd": name is neither a standard finalizer name nor is it fully qualified']);
});
