import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { serviceCidrDefinition } from './definition.ts';

const rules = rulesOf(serviceCidrDefinition, `
metadata: {name: c}
spec: {cidrs: [10.0.0.0/16]}
`);

test('a new service network', () => {
  const rows: Row[] = [
    [''],
    ['spec: {cidrs: []}', 'spec.cidrs: Required value: at least one CIDR required'],
    ['spec: {cidrs: [10.0.0.0/16, 10.1.0.0/16]}',
      'spec.cidrs: Invalid value: ["10.0.0.0/16","10.1.0.0/16"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64'],
    ['spec: {cidrs: [10.0.0.1/16]}', 'spec.cidrs[0]: Invalid value: "10.0.0.1/16": must not have bits set beyond the prefix length'],
    ['spec: {cidrs: [a, b, c]}', 'spec.cidrs: Invalid value: {"CIDRs":["a","b","c"]}: may only hold up to 2 values'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed service network', () => {
  const rows: Row[] = [
    ['spec: {cidrs: [10.0.0.0/16, "fd00::/64"]}'],
    ['spec: {cidrs: [10.1.0.0/16]}', 'spec.cidrs[0]: Invalid value: "10.1.0.0/16": field is immutable'],
    ['spec: {cidrs: [10.0.0.0/16, 10.1.0.0/16, 10.2.0.0/16]}',
      'spec.cidrs: Invalid value: ["10.0.0.0/16","10.1.0.0/16","10.2.0.0/16"]: field is immutable'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});
