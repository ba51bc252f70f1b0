import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { networkPolicyDefinition } from './definition.ts';

const rules = rulesOf(networkPolicyDefinition, `
metadata: {name: p, namespace: ns}
spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}
`);

test('a new network policy', () => {
  const rows: Row[] = [
    [''],
    ['spec: {ingress: [{from: [{}]}]}', 'spec.ingress[0].from[0]: Required value: must specify a peer'],
    ['spec: {ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}]}]}',
      'spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer'],
    ['spec: {ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}}]}]}',
      'spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`'],
    ['spec: {ingress: [{from: [{ipBlock: {}}]}]}', 'spec.ingress[0].from[0].ipBlock.cidr: Required value'],
    ['spec: {egress: [{ports: [{port: 80, endPort: 70}]}]}',
      'spec.egress[0].ports[0].endPort: Invalid value: 80: must be greater than or equal to `port`'],
    ['spec: {egress: [{ports: [{port: http, endPort: 70}]}]}',
      'spec.egress[0].ports[0].endPort: Invalid value: 70: may not be specified when `port` is non-numeric'],
    ['spec: {egress: [{ports: [{protocol: Odd}]}]}',
      'spec.egress[0].ports[0].protocol: Unsupported value: "Odd": supported values: "TCP", "UDP", "SCTP"'],
    ['spec: {policyTypes: [Odd]}', 'spec.policyTypes[0]: Unsupported value: "Odd": supported values: "Ingress", "Egress"'],
    ['spec: {policyTypes: [Ingress, Egress, Ingress]}',
      'spec.policyTypes: Invalid value: ["Ingress","Egress","Ingress"]: may not specify more than two policyTypes'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed network policy', () => {
  const rows: Row[] = [
    ['spec: {podSelector: {matchLabels: {a: b}}}'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
  assert.deepEqual(rules.update('metadata: {labels: {a: b}}', 'spec: {ingress: [{from: [{ipBlock: {cidr: 10.0.0.1/8}}]}]}').causes, []);
});

test('warnings about a network policy', () => {
  const rows: Row[] = [
    ['spec: {ingress: [{from: [{ipBlock: {cidr: 10.0.0.1/8}}]}]}',
      'spec.ingress[0].from[0].ipBlock.cidr: CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)'],
  ];
  for (const [patch, ...warnings] of rows) assert.deepEqual(rules.create(patch).warnings, warnings, patch);
});
