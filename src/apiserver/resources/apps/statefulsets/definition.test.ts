import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { statefulSetDefinition } from './definition.ts';

const rules = rulesOf(statefulSetDefinition, `
metadata: {name: s, namespace: ns}
spec: {serviceName: s, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}
`);

test('a new stateful set', () => {
  const rows: Row[] = [
    [''],
    ['spec: {replicas: -1}', 'spec.replicas: Invalid value: -1: must be greater than or equal to 0'],
    ['spec: {podManagementPolicy: Odd}', `spec.podManagementPolicy: Invalid value: "Odd": must be 'OrderedReady' or 'Parallel'`],
    ['spec: {updateStrategy: {type: OnDelete, rollingUpdate: {partition: 1}}}',
      `spec.updateStrategy.rollingUpdate: Invalid value: {"Partition":1,"MaxUnavailable":null}: only allowed for updateStrategy 'RollingUpdate'`],
    ['spec: {persistentVolumeClaimRetentionPolicy: {whenDeleted: Odd}}',
      'spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "Odd": supported values: "Retain", "Delete"'],
    ['spec: {ordinals: {start: -1}}', 'spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0'],
    ['spec: {updateStrategy: {rollingUpdate: {partition: -1}}}',
      'spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed stateful set', () => {
  const rows: Row[] = [
    ['spec: {replicas: 2, minReadySeconds: 3}'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});

test('the status of a stateful set', () => {
  const rows: Row[] = [
    ['status: {replicas: 1, readyReplicas: -1}',
      'status.readyReplicas: Invalid value: -1: must be greater than or equal to 0',
      'status.availableReplicas: Invalid value: 0: cannot be greater than status.readyReplicas'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.updateStatus(patch).causes, causes, patch);
});
