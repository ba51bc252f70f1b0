import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ControllerRevision, StatefulSet } from '#api/generated/apps/v1';
import type { Pod } from '#api/generated/core/v1';
import { completed, musterCrew, nextCondemned, nextOutdated, replicaStep, statusOf } from './stateful-plan.ts';

const NOW_MS = Date.parse('2026-01-01T01:00:00Z');
const revision = (name: string): ControllerRevision => ({ metadata: { name }, revision: 1, data: { spec: { template: { metadata: {}, spec: { containers: [] } } } } as never });
const [OLD, NEW] = [revision('old'), revision('new')];

function set(replicas: number, extra: { policy?: string; partition?: number; strategy?: string; start?: number } = {}): StatefulSet {
  return {
    metadata: { name: 'db', namespace: 'default', uid: 's', generation: 3 },
    spec: {
      replicas, selector: { matchLabels: {} }, serviceName: 'db', template: { spec: { containers: [] } }, podManagementPolicy: extra.policy ?? 'OrderedReady',
      ...(extra.start !== undefined && { ordinals: { start: extra.start } }),
      updateStrategy: { type: extra.strategy ?? 'RollingUpdate', ...(extra.strategy === undefined && { rollingUpdate: { partition: extra.partition ?? 0 } }) },
    },
  };
}

/** `0:old`, `1:new!` (not ready), `2:new~` (being deleted), `3:new?` (Failed). */
function pods(text: string): Pod[] {
  return text.split(' ').filter(Boolean).map((one) => {
    const [, ordinal, name, mark] = /^(\d+):(\w+)([!~?]?)$/.exec(one)!;
    return {
      metadata: { name: `db-${ordinal}`, uid: one, labels: { 'controller-revision-hash': name! }, ...(mark === '~' && { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
      spec: { containers: [] },
      status: { phase: mark === '?' ? 'Failed' : 'Running', conditions: [{ type: 'Ready', status: mark === '!' || mark === '?' ? 'False' : 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }] },
    };
  });
}

const crewOf = (target: StatefulSet, text: string): ReturnType<typeof musterCrew> => musterCrew(target, pods(text), OLD, NEW);
const label = (pod: Pod | undefined): string => (pod === undefined ? '-' : `${pod.metadata.name!.slice(3)}:${pod.metadata.labels!['controller-revision-hash']}`);

test('the crew: present ones by ordinal, missing ones as they would be made, others condemned from the highest', () => {
  const crew = crewOf(set(3, { partition: 1 }), '4:old 1:old 3:old');
  assert.deepEqual(crew.replicas.map(label), ['0:old', '1:old', '2:new'], 'below the partition the old revision comes back');
  assert.deepEqual(crew.condemned.map(label), ['4:old', '3:old']);
  assert.deepEqual(crewOf(set(2, { start: 5 }), '4:new 6:new').replicas.map(label), ['5:new', '6:new']);
});

test('a set of two thousand million is mustered in parts', () => {
  const crew = crewOf(set(2_000_000_000), '0:new 1999999999:old');
  assert.equal(crew.replicas.length, 502);
  assert.deepEqual([crew.partial, label(crew.replicas.at(-1)), nextOutdated(set(2_000_000_000), crew, NEW, NOW_MS)], [true, '1999999999:old', undefined]);
});

const STEPS: [pod: string, policy: string, step: string][] = [
  ['0:new', 'OrderedReady', 'keep'], ['0:new!', 'OrderedReady', 'wait'], ['0:new~', 'OrderedReady', 'wait'], ['0:new?', 'OrderedReady', 'delete'],
  ['0:new!', 'Parallel', 'keep'], ['0:new~', 'Parallel', 'keep'], ['0:new?', 'Parallel', 'delete'],
];
for (const [text, policy, step] of STEPS) {
  test(`a replica ${text} (${policy}): ${step}`, () => assert.equal(replicaStep(set(1, { policy }), pods(text)[0]!, NOW_MS), step));
}

const CONDEMNED: [name: string, set: StatefulSet, pods: string, next: string][] = [
  ['the highest first', set(1), '0:new 1:new 2:new', '2:new'],
  ['the next waits for it', set(1), '0:new 1:new 2:new~', ''],
  ['not while a lower one is not ready, unless it is itself the trouble', set(1), '0:new! 1:new!', ''],
  ['the one in trouble goes', set(1), '0:new 1:new!', '1:new'],
  ['a ready one goes beside an unready replica', set(1), '0:new! 1:new', '1:new'],
  ['parallel: all', set(0, { policy: 'Parallel' }), '0:new! 1:new 2:new~', '1:new 0:new'],
];
for (const [name, target, text, next] of CONDEMNED) {
  test(`scaling down: ${name}`, () => assert.equal(nextCondemned(target, crewOf(target, text), NOW_MS).map(label).join(' '), next));
}

const OUTDATED: [name: string, set: StatefulSet, pods: string, next: string][] = [
  ['from the highest', set(3), '0:old 1:old 2:old', '2:old'],
  ['one after the other', set(3), '0:old 1:old 2:new', '1:old'],
  ['each ready before the next', set(3), '0:old 1:old 2:new!', '-'],
  ['a going one is waited for', set(3), '0:old 1:old 2:old~', '-'],
  ['an old one in trouble goes all the same', set(3), '0:old 1:old 2:old!', '2:old'],
  ['not below the partition', set(3, { partition: 2 }), '0:old 1:old 2:new', '-'],
  ['on delete', set(3, { strategy: 'OnDelete' }), '0:old 1:old 2:old', '-'],
  ['a missing one first', set(3), '0:old 1:old', '-'],
];
for (const [name, target, text, next] of OUTDATED) {
  test(`update: ${name}`, () => assert.equal(label(nextOutdated(target, crewOf(target, text), NEW, NOW_MS)), next));
}

test('the update is complete when all are new and ready', () => {
  const status = (text: string): string | undefined => completed(set(2), statusOf(set(2), pods(text), OLD, NEW, 0, NOW_MS)).currentRevision;
  assert.deepEqual([status('0:new 1:new'), status('0:new 1:old'), status('0:new 1:new!'), status('0:new 1:new 2:new')], ['new', 'old', 'old', 'old']);
});
