import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Device, ResourceSlice, ResourceSliceSpec } from '#api/generated/resource/v1';
import { fieldErrorText } from '#machinery/field-error';
import { faultsOf } from '../../rules/faults.ts';
import { checkRequestPolicy } from './request-policy.ts';
import { checkSlice } from './validation.ts';

function slice(spec: Partial<ResourceSliceSpec>): ResourceSlice {
  return { metadata: { name: 's' }, spec: { driver: 'd.example', pool: { name: 'p', generation: 0, resourceSliceCount: 1 }, nodeName: 'n', ...spec } } as ResourceSlice;
}

function texts(spec: Partial<ResourceSliceSpec>, old?: ResourceSlice): string[] {
  return faultsOf((faults) => checkSlice(slice(spec), old, faults)).map(fieldErrorText);
}

const devices = (count: number, more: Partial<Device> = {}): Device[] => Array.from({ length: count }, (_, index) => ({ name: `d${index}`, ...more }));

const CASES: readonly (readonly [name: string, spec: Partial<ResourceSliceSpec>, faults: string[]])[] = [
  ['as many devices as may be', { devices: devices(128) }, []],
  ['one device too many', { devices: devices(129) }, ['spec.devices: Too many: 129: must have at most 128 items']],
  ['one tainted device too many', { devices: devices(65, { taints: [{ key: 'a', effect: 'NoSchedule' }] }) }, ['spec.devices: Too many: 65: must have at most 64 items']],
  ['two places', { allNodes: true }, ['spec: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set']],
  ['the same device twice', { devices: [{ name: 'a' }, { name: 'a' }] }, ['spec.devices[1]: Duplicate value: "a"']],
  ['an attribute with two values', { devices: [{ name: 'a', attributes: { x: { int: 1, bool: true } } }] },
    ['spec.devices[0].attributes[x]: Invalid value: {"IntValue":1,"BoolValue":true,"StringValue":null,"VersionValue":null,"IntValues":null,"BoolValues":null,"StringValues":null,"VersionValues":null}: exactly one value must be specified']],
];
for (const [name, spec, faults] of CASES) test(`judges ${name}`, () => assert.deepEqual(texts(spec), faults));

test('keeps its driver', () => {
  assert.deepEqual(texts({ driver: 'e.example' }, slice({})), ['spec.driver: Invalid value: "e.example": field is immutable']);
});

const RANGES: readonly (readonly [name: string, policy: Parameters<typeof checkRequestPolicy>[1], faults: string[]])[] = [
  ['a default within its steps', { default: '2Gi', validRange: { min: '1Gi', max: '4Gi', step: '1Gi' } }, []],
  ['a default between steps', { default: '1536Mi', validRange: { min: '1Gi', step: '1Gi' } }, ['p.validRange.step: Invalid value: "1536Mi": value is not a multiple of a given step (1Gi) from (1Gi)']],
  ['values without the default', { default: '3Gi', validValues: ['1Gi', '2Gi'] }, ['p.validValues: Invalid value: "3Gi": default value is not valid according to the requestPolicy']],
  ['a value above the capacity', { default: '1Gi', validValues: ['1Gi', '16Gi'] }, ['p.validValues[1]: Invalid value: "16Gi": option is larger than capacity value: 8Gi']],
];
for (const [name, policy, faults] of RANGES) {
  test(`judges ${name}`, () => assert.deepEqual(faultsOf((own) => checkRequestPolicy('8Gi', policy, 'p', own)).map(fieldErrorText), faults));
}
