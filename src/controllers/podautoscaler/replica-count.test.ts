import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '#api/generated/core/v1';
import type { PodMetrics } from './metrics-reader.ts';
import { countByAverage, countByShare, countByTotal, countByUtilization, requestsOf, type CountInput } from './replica-count.ts';

const NOW_MS = Date.parse('2026-01-01T01:00:00Z');
const TOLERANCES = { up: 0.1, down: 0.1 };

const pod = (name: string, phase = 'Running', ready = 'True'): Pod => ({
  metadata: { name }, spec: { containers: [{ name: 'c', resources: { requests: { cpu: '1' } } }] },
  status: { phase, startTime: '2026-01-01T00:00:00Z', conditions: [{ type: 'Ready', status: ready, lastTransitionTime: '2026-01-01T00:30:00Z' }] },
});

/** Thousandths per pod; `-`: no measurement, `p`: pending. */
function input(...values: (number | '-' | 'p')[]): CountInput {
  const pods = values.map((value, i) => pod(`p${i}`, value === 'p' ? 'Pending' : 'Running'));
  const metrics: PodMetrics = new Map(values.flatMap((value, i) => (typeof value === 'number' ? [[`p${i}`, { milli: value, atMs: NOW_MS, windowMs: 30_000 }] as const] : [])));
  return { pods, metrics, current: values.length, tolerances: TOLERANCES, isCpu: true, nowMs: NOW_MS };
}

const COUNTS: [name: string, input: CountInput, target: number, replicas: number, byUtilization?: number][] = [
  ['twice the load, twice the pods', input(1000, 1000), 500, 4],
  ['half the load', input(250, 250, 250, 250), 500, 2],
  ['within the tolerance', input(540, 540), 500, 2],
  ['just beyond it', input(560, 560), 500, 3],
  ['unmeasured pods count as idle when more are wanted', input(1000, 1000, '-', '-'), 500, 4],
  ['and as on target when fewer are, or as using all they request', input(100, 100, '-', '-'), 500, 3, 4],
  ['starting pods count as idle when more are wanted', input(1000, 1000, 'p'), 500, 4],
  ['and not at all when fewer are', input(100, 100, 'p'), 500, 1],
  ['the direction is not turned round', input(600, '-', '-'), 500, 3],
];
for (const [name, given, target, replicas, byUtilization = replicas] of COUNTS) {
  test(`average: ${name}`, () => assert.equal(countByAverage(given, target).replicas, replicas));
  test(`utilization: ${name}`, () => assert.equal(countByUtilization(given, target / 10, requestsOf(given.pods, 'cpu', undefined)).replicas, byUtilization));
}

test('no pods, or none measured: nothing is decided', () => {
  assert.throws(() => countByAverage(input(), 500), /no pods returned by selector/);
  assert.throws(() => countByAverage(input('-', 'p'), 500), /did not receive metrics/);
});

test('a failed pod and one that is going do not count', () => {
  const given = input(1000, 1000, 0, 0);
  given.pods[2]!.status!.phase = 'Failed';
  given.pods[3]!.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
  assert.equal(countByAverage({ ...given, current: 2 }, 500).replicas, 4);
});

test('what a container does not request cannot be compared', () => {
  const [given] = input(1000).pods;
  delete given!.spec!.containers[0]!.resources;
  assert.throws(() => requestsOf([given!], 'cpu', undefined), /missing request for cpu in container c of Pod p0/);
});

test('one value for all pods together, or shared by them', () => {
  const ready = [pod('a'), pod('b'), pod('c', 'Running', 'False')];
  assert.equal(countByTotal(2000, 1000, 3, ready, TOLERANCES), 4, 'only ready pods carry load');
  assert.equal(countByTotal(1050, 1000, 3, ready, TOLERANCES), 3);
  assert.equal(countByTotal(2500, 1000, 0, [], TOLERANCES), 3, 'from nothing');
  assert.deepEqual(countByShare(10_000, 2000, 3, TOLERANCES), { replicas: 5, averageMilli: 3334 });
  assert.equal(countByShare(6100, 2000, 3, TOLERANCES).replicas, 3);
});
