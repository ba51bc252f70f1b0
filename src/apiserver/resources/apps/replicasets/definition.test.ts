import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { replicaSetDefinition } from './definition.ts';

const rules = rulesOf(replicaSetDefinition, `
metadata: {name: r, namespace: ns}
spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}
`);

test('a new replica set', () => {
  const rows: Row[] = [
    [''],
    ['spec: {replicas: -1}', 'spec.replicas: Invalid value: -1: must be greater than or equal to 0'],
    ['spec: {selector: {}}'],
    ['spec: {minReadySeconds: -1}', 'spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0'],
    ['spec: {selector: {matchLabels: {a: c}}}',
      'spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed replica set', () => {
  const rows: Row[] = [
    ['spec: {selector: {matchLabels: {c: d}}, template: {metadata: {labels: {c: d}}}}',
      'spec.selector: Invalid value: {"matchLabels":{"a":"b","c":"d"}}: field is immutable'],
    ['spec: {replicas: 2}'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});

test('the status of a replica set', () => {
  const rows: Row[] = [
    ['status: {replicas: 1, fullyLabeledReplicas: 2}', 'status.fullyLabeledReplicas: Invalid value: 2: cannot be greater than status.replicas'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.updateStatus(patch).causes, causes, patch);
});
