import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { podDisruptionBudgetDefinition } from './definition.ts';

const rules = rulesOf(podDisruptionBudgetDefinition, `
metadata: {name: b, namespace: ns}
spec: {minAvailable: 1, selector: {matchLabels: {a: b}}}
`);

test('a new budget', () => {
  const rows: Row[] = [
    [''],
    ['spec: {minAvailable: -1}', 'spec.minAvailable: Invalid value: -1: must be greater than or equal to 0'],
    ['spec: {minAvailable: 101%}', 'spec.minAvailable: Invalid value: "101%": must not be greater than 100%'],
    ['spec: {unhealthyPodEvictionPolicy: Odd}',
      'spec.unhealthyPodEvictionPolicy: Unsupported value: "Odd": supported values: "AlwaysAllow", "IfHealthyBudget"'],
    ['spec: {selector: {matchExpressions: [{key: a, operator: Odd}]}}',
      'spec.selector.matchExpressions[0].operator: Invalid value: "Odd": not a valid selector operator'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed budget', () => {
  const rows: Row[] = [
    ['spec: {minAvailable: 2}'],
    ['spec: {minAvailable: 120%}', 'spec.minAvailable: Invalid value: "120%": must not be greater than 100%'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});

test('the status of a budget', () => {
  const rows: Row[] = [
    ['status: {disruptionsAllowed: -1, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0}',
      'status.disruptionsAllowed: Invalid value: -1: must be greater than or equal to 0'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.updateStatus(patch).causes, causes, patch);
});
