import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rateOf, TaintQueue, zoneKey, zoneState } from './zone-states.ts';

const nodes = (ready: number, dead: number): boolean[] => [...Array<boolean>(ready).fill(true), ...Array<boolean>(dead).fill(false)];

const STATES: [ready: number, dead: number, state: string][] = [
  [0, 0, 'normal'], [3, 0, 'normal'], [0, 1, 'full'], [0, 9, 'full'],
  [1, 2, 'normal'], // two dead nodes are no disruption of a zone
  [2, 3, 'partial'], [9, 11, 'partial'], [10, 11, 'normal'],
];
for (const [ready, dead, state] of STATES) {
  test(`a zone with ${ready} nodes ready and ${dead} not: ${state}`, () => assert.equal(zoneState(nodes(ready, dead), 0.55), state));
}

test('a partly disrupted zone is emptied slowly when it is large, and not at all when it is small', () => {
  const rates = { rate: 0.1, secondaryRate: 0.01, largeZoneNodes: 50, unhealthyShare: 0.55 };
  assert.deepEqual([rateOf('normal', 9, rates), rateOf('full', 9, rates), rateOf('partial', 50, rates), rateOf('partial', 51, rates)], [0.1, 0.1, 0, 0.01]);
});

test('one node in ten seconds, the first at once', () => {
  const queue = new TaintQueue(0.1, 0);
  for (const name of ['a', 'b', 'a', 'c']) queue.add(name);
  assert.deepEqual([queue.take(0), queue.take(5000), queue.take(10_000), queue.take(15_000)], ['a', undefined, 'b', undefined]);
  queue.remove('c');
  assert.deepEqual([queue.take(60_000), queue.size()], [undefined, 0]);
});

test('a stopped queue starts again without a saved-up token', () => {
  const queue = new TaintQueue(0.1, 0);
  queue.add('a');
  queue.setRate(0, 0);
  assert.equal(queue.take(3600_000), undefined);
  queue.setRate(0.1, 3600_000);
  assert.equal(queue.take(3600_000), undefined);
  assert.equal(queue.take(3610_000), 'a');
});

test('zones of two regions with the same name are two', () => {
  const key = (region: string, zone: string): string => zoneKey({ 'topology.kubernetes.io/region': region, 'topology.kubernetes.io/zone': zone });
  assert.notEqual(key('r1', 'z'), key('r2', 'z'));
  assert.equal(zoneKey(undefined), '');
  assert.equal(key('r', 'z'), zoneKey({ 'failure-domain.beta.kubernetes.io/region': 'r', 'failure-domain.beta.kubernetes.io/zone': 'z' }));
});
