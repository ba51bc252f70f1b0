import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { endpointSliceDefinition } from './definition.ts';

const rules = rulesOf(endpointSliceDefinition, `
metadata: {name: e, namespace: ns}
addressType: IPv4
endpoints: [{addresses: [10.1.1.1]}]
ports: [{port: 80}]
`);

test('a new slice', () => {
  const rows: Row[] = [
    [''],
    ['addressType: Odd', 'addressType: Unsupported value: "Odd": supported values: "FQDN", "IPv4", "IPv6"'],
    ['endpoints: [{addresses: []}]', 'endpoints[0].addresses: Required value: must contain at least 1 address'],
    ['endpoints: [{addresses: ["fd00::1"]}]', 'endpoints[0].addresses: Invalid value: "fd00::1": must be an IPv4 address'],
    ['ports: [{port: 80, protocol: Odd}]', 'ports[0].protocol: Unsupported value: "Odd": supported values: "SCTP", "TCP", "UDP"'],
    ['ports: [{port: 1}, {port: 2}]', 'ports[1].name: Duplicate value: ""'],
    ['endpoints: [{addresses: [10.1.1.1], hints: {forZones: [{name: a}, {name: a}]}}]', 'endpoints[0].hints.forZones[1].name: Duplicate value: "a"'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed slice', () => {
  const rows: Row[] = [
    [`addressType: IPv6\nendpoints: []`, 'addressType: Invalid value: "IPv6": field is immutable'],
    ['endpoints: [{addresses: [10.1.1.2]}]'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});
