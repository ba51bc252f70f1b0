import assert from 'node:assert/strict';
import { test } from 'node:test';
import { path } from './field-error.ts';
import { formatCidr, parseCidr, formatIp, parseIp } from './ip.ts';
import * as names from './names.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from './validation/object-meta.ts';
import { validateCidr, validateIp, validateLegacyIp } from './validation/ip.ts';

test('names', () => {
  assert.deepEqual(names.dns1123LabelFaults('a.b'), ['must not contain dots']);
  assert.deepEqual(names.dns1123LabelFaults('a'.repeat(64)), ['must be no more than 63 characters']);
  assert.deepEqual(names.qualifiedNameFaults('a/b/c'), ["a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]);
  assert.deepEqual(names.qualifiedNameFaults('/x'), ['prefix part must be non-empty']);
  assert.deepEqual(names.qualifiedNameFaults('a'.repeat(64)), ['name part must be no more than 63 bytes']);
  assert.deepEqual(names.labelValueFaults('é'), ["a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"]);
  assert.deepEqual(names.pathSegmentNameFaults('..'), ["may not be '..'"]);
  assert.deepEqual(names.portNameFaults('80'), ['must contain at least one letter (a-z)']);
  assert.deepEqual(names.nameIsDnsSubdomain('a-', true), []);
  assert.equal(names.nameIsDnsSubdomain('a-', false).length, 1);
});

test('addresses', () => {
  const round = (text: string): string | undefined => { const ip = parseIp(text); return ip && formatIp(ip.bytes); };
  assert.deepEqual(['010.0.0.1', '1.2.3', '::', '2001:DB8:0:0:1::1', '1:0:0:2:0:0:0:3', '::ffff:1.2.3.4', '1::2::3', 'fe80::1%eth0', ':1', '1:2:3:4:5:6:7:8'].map(round),
    ['10.0.0.1', undefined, '::', '2001:db8::1:0:0:1', '1:0:0:2::3', '1.2.3.4', undefined, undefined, undefined, '1:2:3:4:5:6:7:8']);
  assert.equal(formatCidr(parseCidr('10.1.2.3/8')!), '10.0.0.0/8');
  assert.equal(parseCidr('10.1.2.3/33'), undefined);
  assert.equal(validateIp('f', '2001:DB8::1')[0]?.message, 'Invalid value: "2001:DB8::1": must be in canonical form ("2001:db8::1")');
  assert.equal(validateLegacyIp('f', '010.0.0.1', true)[0]?.message, 'Invalid value: "010.0.0.1": must not have leading 0s');
  assert.equal(validateCidr('f', '10.0.0.1/8')[0]?.message, 'Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length');
});

test('metadata on create', () => {
  const texts = (meta: object, namespaced = true): string[] =>
    validateObjectMeta(meta, namespaced, names.nameIsDnsSubdomain, path('metadata')).map((error) => `${error.field}: ${error.message}`);
  assert.deepEqual(texts({}), ['metadata.name: Required value: name or generateName is required', 'metadata.namespace: Required value']);
  assert.deepEqual(texts({ name: 'a', namespace: 'n' }, false), ['metadata.namespace: Forbidden: not allowed on this type']);
  assert.deepEqual(texts({ name: 'a', namespace: 'n', generation: -1 }), ['metadata.generation: Invalid value: -1: must be greater than or equal to 0']);
  assert.deepEqual(texts({ name: 'a', namespace: 'n', annotations: { a: 'x'.repeat(256 * 1024) } }), ['metadata.annotations: Too long: may not be more than 262144 bytes']);
  assert.deepEqual(texts({ name: 'a', namespace: 'n', ownerReferences: [{ apiVersion: '', kind: '', name: '', uid: '' }] }).length, 4);
});

test('metadata on update', () => {
  const old = { name: 'a', uid: 'u', creationTimestamp: '2024-01-01T00:00:00Z' };
  const texts = validateObjectMetaUpdate({ ...old, name: 'b', resourceVersion: '', uid: '' }, old, path('metadata')).map((error) => `${error.field}: ${error.message}`);
  assert.deepEqual(texts, [
    'metadata.resourceVersion: Invalid value: "": must be specified for an update', 'metadata.name: Invalid value: "b": field is immutable',
    'metadata.uid: Invalid value: "": field is immutable',
  ]);
});
