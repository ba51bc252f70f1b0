import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { clusterRoleDefinition } from './definition.ts';

const rules = rulesOf(clusterRoleDefinition, `
metadata: {name: r}
rules: [{nonResourceURLs: [/healthz], verbs: [get]}]
`);

test('a new cluster role', () => {
  const rows: Row[] = [
    [''],
    ['rules: [{nonResourceURLs: [/a], apiGroups: [""], resources: [pods], verbs: [get]}]',
      'rules[0].nonResourceURLs: Invalid value: ["/a"]: rules cannot apply to both regular resources and non-resource URLs'],
    ['aggregationRule: {}',
      'aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil'],
    ['aggregationRule: {clusterRoleSelectors: [{matchExpressions: [{key: a, operator: Odd}]}]}',
      'aggregationRule.clusterRoleSelectors[0].matchExpressions[0].operator: Invalid value: "Odd": not a valid selector operator',
      'aggregationRule.clusterRoleSelectors[0]: Invalid value: null: invalid label selector.'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed cluster role', () => {
  const rows: Row[] = [
    ['rules: []'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});
