import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { persistentVolumeClaimDefinition } from './definition.ts';

const rules = rulesOf(persistentVolumeClaimDefinition, `
metadata: {name: c, namespace: ns}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}, storageClassName: s}
`);

test('a new claim', () => {
  const rows: Row[] = [
    [''],
    ['spec: {accessModes: []}', 'spec.accessModes: Required value: at least 1 access mode is required'],
    ['spec: {resources: {requests: null}}', 'spec.resources[storage]: Required value'],
    ['spec: {resources: {requests: {storage: -1}}}', 'spec.resources[storage]: Invalid value: "-1": must be greater than zero'],
    ['spec: {dataSource: {kind: Odd, name: a}}'],
    ['spec: {accessModes: [ReadWriteOncePod, ReadWriteMany]}', 'spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed claim', () => {
  assert.deepEqual(rules.update('spec: {resources: {requests: {storage: 2Gi}}}', `spec: {volumeName: v}\nstatus: {phase: Bound}`).causes, []);
  assert.deepEqual(rules.update('spec: {resources: {requests: {storage: 1Mi}}}', `spec: {volumeName: v}\nstatus: {phase: Bound, capacity: {storage: 1Gi}}`).causes,
    ['spec.resources.requests.storage: Forbidden: field can not be less than status.capacity']);
});

test('the status of a claim', () => {
  const rows: Row[] = [
    ['status: {phase: Bound, capacity: {storage: -1}}', 'status.capacity[storage]: Invalid value: -1: must be a valid resource quantity'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.updateStatus(patch).causes, causes, patch);
});
