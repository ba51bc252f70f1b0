import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { roleBindingDefinition } from './definition.ts';

const rules = rulesOf(roleBindingDefinition, `
metadata: {name: b, namespace: ns}
roleRef: {kind: Role, name: r}
subjects: [{kind: User, name: u}]
`);

test('a new role binding', () => {
  const rows: Row[] = [
    [''],
    ['roleRef: {kind: Odd}', 'roleRef.kind: Unsupported value: "Odd": supported values: "Role", "ClusterRole"'],
    ['roleRef: {name: ""}', 'roleRef.name: Required value'],
    ['subjects: [{kind: ServiceAccount, name: s}]'],
    ['subjects: [{kind: Odd, name: s}]', 'subjects[0].kind: Unsupported value: "Odd": supported values: "ServiceAccount", "User", "Group"'],
    ['subjects: [{kind: User}]', 'subjects[0].name: Required value'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed role binding', () => {
  const rows: Row[] = [
    ['roleRef: {name: s}', 'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"s"}: cannot change roleRef'],
    ['subjects: []'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});
