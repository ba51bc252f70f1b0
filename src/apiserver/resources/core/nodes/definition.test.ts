import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { nodeDefinition } from './definition.ts';

const rules = rulesOf(nodeDefinition, `
metadata: {name: nn}
spec: {podCIDR: 10.1.0.0/24, podCIDRs: [10.1.0.0/24]}
`);

test('a new node', () => {
  const rows: Row[] = [
    [''],
    ['spec: {taints: [{key: a, effect: Odd}]}',
      'metadata.taints[0].effect: Unsupported value: "Odd": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"'],
    ['spec: {taints: [{key: a, effect: NoSchedule}, {key: a, effect: NoSchedule}]}',
      'metadata.taints[1]: Duplicate value: {"Key":"a","Value":"","Effect":"NoSchedule","TimeAdded":null}: taints must be unique by key and effect pair'],
    ['spec: {podCIDRs: [10.1.0.0/24, 10.2.0.0/24]}',
      'spec.podCIDRs: Invalid value: ["10.1.0.0/24","10.2.0.0/24"]: may specify no more than one CIDR for each IP family'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed node', () => {
  const rows: Row[] = [
    ['spec: {podCIDR: 10.2.0.0/24, podCIDRs: [10.2.0.0/24]}',
      'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'],
    ['spec: {unschedulable: true}'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
  assert.deepEqual(rules.update('spec: {providerID: b}', 'spec: {providerID: a}').causes,
    ['spec.providerID: Forbidden: node updates may not change providerID except from "" to valid']);
});

test('the status of a node', () => {
  const rows: Row[] = [
    ['status: {capacity: {cpu: 2, odd: 1}}'],
    ['status: {addresses: [{type: InternalIP, address: a}, {type: InternalIP, address: a}]}',
      'status.addresses[1]: Duplicate value: {"Type":"InternalIP","Address":"a"}'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.updateStatus(patch).causes, causes, patch);
});
