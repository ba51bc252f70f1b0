import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { daemonSetDefinition } from './definition.ts';

const rules = rulesOf(daemonSetDefinition, `
metadata: {name: d, namespace: ns}
spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}
`);

test('a new daemon set', () => {
  const rows: Row[] = [
    [''],
    ['spec: {updateStrategy: {type: Odd}}',
      'spec.updateStrategy: Unsupported value: {"Type":"Odd","RollingUpdate":null}: supported values: "RollingUpdate", "OnDelete"'],
    ['spec: {updateStrategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 0}}}',
      'spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0'],
    ['spec: {updateStrategy: {rollingUpdate: {maxSurge: 1}}}',
      'spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero'],
    ['spec: {selector: {}}'],
    ['spec: {template: {spec: {activeDeadlineSeconds: 3}}}',
      'spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in DaemonSet is not Supported'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed daemon set', () => {
  const rows: Row[] = [
    ['spec: {selector: {matchLabels: {c: d}}, template: {metadata: {labels: {c: d}}}}',
      'spec.selector: Invalid value: {"matchLabels":{"a":"b","c":"d"}}: field is immutable'],
    ['spec: {minReadySeconds: 2}'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});

test('the status of a daemon set', () => {
  const rows: Row[] = [
    ['status: {currentNumberScheduled: -1}', 'status.currentNumberScheduled: Invalid value: -1: must be greater than or equal to 0'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.updateStatus(patch).causes, causes, patch);
});
