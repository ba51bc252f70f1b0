import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { replicationControllerDefinition } from './definition.ts';

const rules = rulesOf(replicationControllerDefinition, `
metadata: {name: r, namespace: ns}
spec: {replicas: 1, selector: {a: b}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}
`);

test('a new replication controller', () => {
  const rows: Row[] = [
    [''],
    ['spec: {replicas: -1}', 'spec.replicas: Invalid value: -1: must be greater than or equal to 0'],
    ['spec: {selector: {a: c}}', 'spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`'],
    ['spec: {template: null}', 'spec.template: Required value'],
    ['spec: {template: {spec: {restartPolicy: Never}}}', 'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
    ['spec: {minReadySeconds: -1}', 'spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed replication controller', () => {
  const rows: Row[] = [
    ['spec: {replicas: 3}'],
    ['spec: {replicas: -3}', 'spec.replicas: Invalid value: -3: must be greater than or equal to 0'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});

test('the status of a replication controller', () => {
  const rows: Row[] = [
    ['status: {replicas: 1, readyReplicas: 2}', 'status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.updateStatus(patch).causes, causes, patch);
});
