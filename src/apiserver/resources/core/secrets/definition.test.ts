import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { secretDefinition } from './definition.ts';

const rules = rulesOf(secretDefinition, `
metadata: {name: s, namespace: ns}
data: {a: AAAA}
`);

test('a new secret', () => {
  const rows: Row[] = [
    [''],
    ['type: kubernetes.io/tls', 'data[tls.crt]: Required value', 'data[tls.key]: Required value'],
    ['type: kubernetes.io/basic-auth', 'data[username]: Required value', 'data[password]: Required value'],
    ['type: kubernetes.io/service-account-token', 'metadata.annotations[kubernetes.io/service-account.name]: Required value'],
    [`type: kubernetes.io/dockerconfigjson\ndata: {.dockerconfigjson: e30=}`],
    ['type: kubernetes.io/ssh-auth', 'data[ssh-privatekey]: Required value'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed secret', () => {
  const rows: Row[] = [
    ['type: other', 'type: Invalid value: "other": field is immutable'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
  assert.deepEqual(rules.update('data: {a: AAAB}', 'immutable: true').causes, ['data: Forbidden: field is immutable when `immutable` is set']);
});
