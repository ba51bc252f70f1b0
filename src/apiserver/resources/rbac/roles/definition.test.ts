import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { roleDefinition } from './definition.ts';

const rules = rulesOf(roleDefinition, `
metadata: {name: r, namespace: ns}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
`);

test('a new role', () => {
  const rows: Row[] = [
    [''],
    ['rules: [{apiGroups: [""], resources: [pods]}]', 'rules[0].verbs: Required value: verbs must contain at least one value'],
    ['rules: [{nonResourceURLs: [/healthz], verbs: [get]}]',
      'rules[0].nonResourceURLs: Invalid value: ["/healthz"]: namespaced rules cannot apply to non-resource URLs'],
    ['rules: [{verbs: [get]}]',
      'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
      'rules[0].resources: Required value: resource rules must supply at least one resource'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed role', () => {
  const rows: Row[] = [
    ['rules: []'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});
