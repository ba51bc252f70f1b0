import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '#api/generated/core/v1';
import { resourceRefusal } from './admission.ts';

const pod = (requests: Record<string, string>): Pod => ({ metadata: { name: 'a' }, spec: { containers: [{ name: 'a', image: 'a', resources: { requests } }] } });
const allocatable = { pods: '110', cpu: '2', 'example.com/gpu': '1' };

const CASES: readonly (readonly [name: string, requests: Record<string, string>, reason: string | undefined])[] = [
  ['what fits', { cpu: '2' }, undefined],
  ['too much', { cpu: '3' }, 'OutOfcpu'],
  ['too much of a device', { 'example.com/gpu': '2' }, 'OutOfexample.com/gpu'],
  ['an extended resource that this node does not manage', { 'example.com/licence': '2' }, undefined],
  ['a resource of Kubernetes that is not there', { 'hugepages-2Mi': '2Mi' }, 'OutOfhugepages-2Mi'],
];

for (const [name, requests, reason] of CASES) test(`admission: ${name}`, () => { assert.equal(resourceRefusal(pod(requests), { allocatable, others: [] })?.reason, reason); });
