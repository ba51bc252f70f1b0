import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cycle, node, pod, requesting } from '../testing/world.ts';
import { balancedAllocation } from './balanced-allocation.ts';
import { imageLocality } from './image-locality.ts';
import { nodeAffinity } from './node-affinity.ts';
import { resourcesFit } from './resources-fit.ts';
import { taintToleration } from './taint-toleration.ts';

const MIB = 1024 * 1024;

test('emptier nodes score higher', () => {
  const placed = [{ ...requesting('q', '2'), spec: { ...requesting('q', '2').spec!, nodeName: 'a' } }];
  const { scores } = cycle([resourcesFit], [node('a'), node('b')], placed, requesting('p', '1'));
  // cpu: (4 − 3) / 4 = 25 and (4 − 1) / 4 = 75; memory counts 200 MiB a pod: 95 and 97.
  assert.deepEqual(scores, { a: 60, b: 86 });
});

test('a balanced use is worth more', () => {
  const cpuOnly = requesting('p', '2');
  const both = { ...cpuOnly, spec: { containers: [{ name: 'c', image: 'a', resources: { requests: { cpu: '2', memory: '4Gi' } } }] } };
  assert.deepEqual(cycle([balancedAllocation], [node('a')], [], both).scores, { a: 75 });
  assert.deepEqual(cycle([balancedAllocation], [node('a')], [], cpuOnly).scores, { a: 62 });
});

test('fewer PreferNoSchedule taints', () => {
  const nodes = [node('a', { taints: [{ key: 'k', effect: 'PreferNoSchedule' }] }), node('b')];
  assert.deepEqual(cycle([taintToleration], nodes, [], pod('p')).scores, { a: 0, b: 100 });
});

test('preferred node affinity by weight', () => {
  const term = (weight: number, value: string) => ({ weight, preference: { matchExpressions: [{ key: 'disk', operator: 'In', values: [value] }] } });
  const incoming = pod('p', { affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [term(10, 'ssd'), term(5, 'hdd')] } } });
  const nodes = [node('a', { labels: { disk: 'ssd' } }), node('b', { labels: { disk: 'hdd' } }), node('c')];
  assert.deepEqual(cycle([nodeAffinity], nodes, [], incoming).scores, { a: 100, b: 50, c: 0 });
});

test('a node that has the image', () => {
  const nodes = [node('a', { images: [{ names: ['app:1'], sizeBytes: 600 * MIB }] }), node('b')];
  const { scores } = cycle([imageLocality], nodes, [], pod('p'));
  // 600 MiB on one of two nodes count 300; of the range 23 … 1000 MiB.
  assert.deepEqual(scores, { a: 28, b: 0 });
});
