import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { resourceQuotaDefinition } from './definition.ts';

const rules = rulesOf(resourceQuotaDefinition, `
metadata: {name: q, namespace: ns}
spec: {hard: {pods: 5}}
`);

test('a new quota', () => {
  const rows: Row[] = [
    [''],
    ['spec: {hard: {odd: 5}}',
      'spec.hard[odd]: Invalid value: "odd": must be a standard resource type or fully qualified',
      'spec.hard[odd]: Invalid value: "odd": must be a standard resource for quota'],
    ['spec: {hard: {pods: -1}}', 'spec.hard[pods]: Invalid value: "-1": must be greater than or equal to 0'],
    ['spec: {scopes: [BestEffort, NotBestEffort]}', 'spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes'],
    ['spec: {scopes: [Odd]}', 'spec.scopes: Invalid value: ["Odd"]: unsupported scope'],
    ['spec: {hard: {pods: 0.5}}', 'spec.hard[pods]: Invalid value: "500m": must be an integer'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed quota', () => {
  const rows: Row[] = [
    ['spec: {scopes: [Terminating]}', 'spec.scopes: Invalid value: ["Terminating"]: field is immutable'],
    ['spec: {hard: {pods: 9}}'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});

test('the status of a quota', () => {
  const rows: Row[] = [
    ['status: {used: {odd: 1}}',
      'status.used[odd]: Invalid value: "odd": must be a standard resource type or fully qualified',
      'status.used[odd]: Invalid value: "odd": must be a standard resource for quota'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.updateStatus(patch).causes, causes, patch);
});
