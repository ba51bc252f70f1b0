import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { ipAddressDefinition } from './definition.ts';

const rules = rulesOf(ipAddressDefinition, `
metadata: {name: 10.96.0.9}
spec: {parentRef: {resource: services, name: s, namespace: ns}}
`);

test('a new address', () => {
  const rows: Row[] = [
    [''],
    ['spec: {parentRef: null}', 'spec.parentRef: Required value'],
    ['spec: {parentRef: {resource: null}}', 'spec.parentRef.resource: Required value'],
    ['spec: {parentRef: {name: a/b}}', `spec.parentRef.name: Invalid value: "a/b": may not contain '/'`],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed address', () => {
  const rows: Row[] = [
    ['spec: {parentRef: {name: t}}',
      'spec.parentRef: Invalid value: {"Group":"","Resource":"services","Namespace":"ns","Name":"t"}: field is immutable'],
    ['metadata: {labels: {a: b}}'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});
