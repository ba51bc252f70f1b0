import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { clusterRoleBindingDefinition } from './definition.ts';

const rules = rulesOf(clusterRoleBindingDefinition, `
metadata: {name: b}
roleRef: {kind: ClusterRole, name: r}
subjects: [{kind: User, name: u}]
`);

test('a new cluster role binding', () => {
  const rows: Row[] = [
    [''],
    ['roleRef: {kind: Role}', 'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"'],
    ['subjects: [{kind: ServiceAccount, name: s}]', 'subjects[0].namespace: Required value'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed cluster role binding', () => {
  const rows: Row[] = [
    ['roleRef: {name: s}', 'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"ClusterRole","Name":"s"}: cannot change roleRef'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});
