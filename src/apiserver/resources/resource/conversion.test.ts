import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '#machinery/meta';
import { CLAIM_CONVERSION, SLICE_CONVERSION } from './conversion.ts';

const there = (object: unknown): KubeObject => structuredClone(object) as KubeObject;

test('requests of v1beta1 say flatly what v1 says under exactly', () => {
  const beta = { metadata: {}, spec: { devices: { requests: [{ name: 'a', deviceClassName: 'c', count: 2 }, { name: 'b', deviceClassName: '', firstAvailable: [{ name: 'x' }] }] } } };
  const stored = CLAIM_CONVERSION.toStored(there(beta)) as unknown as typeof beta;
  assert.deepEqual(stored.spec.devices.requests, [{ name: 'a', exactly: { deviceClassName: 'c', count: 2 } }, { name: 'b', firstAvailable: [{ name: 'x' }] }]);
  assert.deepEqual(CLAIM_CONVERSION.fromStored(there(stored)), beta);
});

test('devices of v1beta1 have their properties under basic', () => {
  const beta = { metadata: {}, spec: { driver: 'd', nodeName: '', allNodes: false, devices: [{ name: 'a', basic: { attributes: { x: { int: 1 } } } }] } };
  const stored = SLICE_CONVERSION.toStored(there(beta));
  assert.deepEqual(stored, { metadata: {}, spec: { driver: 'd', devices: [{ name: 'a', attributes: { x: { int: 1 } } }] } });
  assert.deepEqual((SLICE_CONVERSION.fromStored(there(stored)) as unknown as typeof beta).spec.devices, beta.spec.devices);
});
