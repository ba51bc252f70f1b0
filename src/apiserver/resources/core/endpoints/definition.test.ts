import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { endpointsDefinition } from './definition.ts';

const rules = rulesOf(endpointsDefinition, `
metadata: {name: e, namespace: ns}
subsets: [{addresses: [{ip: 10.1.1.1}], ports: [{port: 80}]}]
`);

test('a new endpoints object', () => {
  const rows: Row[] = [
    [''],
    ['subsets: [{ports: [{port: 80}]}]', 'subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`'],
    ['subsets: [{addresses: [{ip: 127.0.0.1}]}]',
      'subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'],
    ['subsets: [{addresses: [{ip: 10.1.1.1}], ports: [{port: 1}, {port: 2}]}]',
      'subsets[0].ports[0].name: Required value',
      'subsets[0].ports[1].name: Required value'],
    ['subsets: [{addresses: [{ip: odd}]}]',
      'subsets[0].addresses[0].ip: Invalid value: "odd": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      'subsets[0].addresses[0].ip: Invalid value: "odd": must be a valid IP address'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed endpoints object', () => {
  const rows: Row[] = [
    ['subsets: [{addresses: [{ip: 10.1.1.2}], ports: [{port: 0}]}]',
      'subsets[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});
