import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '#api/generated/core/v1';
import { planReplicas } from './replica-plan.ts';

const NOW_MS = Date.parse('2026-01-01T01:00:00Z');

function pod(name: string, extra: { node?: string; phase?: string; ready?: string | false; cost?: string; restarts?: number; created?: string } = {}): Pod {
  return {
    metadata: { name, uid: name, creationTimestamp: extra.created ?? '2026-01-01T00:00:00Z', ...(extra.cost && { annotations: { 'controller.kubernetes.io/pod-deletion-cost': extra.cost } }) },
    spec: { containers: [], ...(extra.node !== '' && { nodeName: extra.node ?? 'n1' }) },
    status: {
      phase: extra.phase ?? 'Running', containerStatuses: [{ name: 'c', restartCount: extra.restarts ?? 0 } as never],
      conditions: [{ type: 'Ready', status: extra.ready === false ? 'False' : 'True', lastTransitionTime: typeof extra.ready === 'string' ? extra.ready : '2026-01-01T00:00:00Z' }],
    },
  };
}

const FIRST: [name: string, pods: Pod[], goes: string][] = [
  ['not on a node', [pod('a'), pod('b', { node: '' })], 'b'],
  ['pending before running', [pod('a'), pod('b', { phase: 'Pending' })], 'b'],
  ['not ready before ready', [pod('a'), pod('b', { ready: false })], 'b'],
  ['lower deletion cost', [pod('a', { cost: '5' }), pod('b', { cost: '-5' })], 'b'],
  ['more siblings on the node', [pod('a', { node: 'n2' }), pod('b'), pod('c')], 'b'],
  ['ready for a shorter time, by magnitude', [pod('a'), pod('b', { ready: '2026-01-01T00:59:00Z' })], 'b'],
  ['more restarts', [pod('a'), pod('b', { restarts: 3 })], 'b'],
  ['younger, by magnitude', [pod('a'), pod('b', { created: '2026-01-01T00:59:00Z' })], 'b'],
];
for (const [name, pods, goes] of FIRST) {
  test(`first goes: ${name}`, () => {
    const plan = planReplicas(pods.length - 1, pods, pods, NOW_MS);
    assert.deepEqual(plan.kind === 'delete' ? plan.pods.map((one) => one.metadata.name) : plan, [goes]);
  });
}

test('as many as are missing, at most 500', () => {
  assert.deepEqual(planReplicas(3, [pod('a')], [], NOW_MS), { kind: 'create', count: 2 });
  assert.deepEqual(planReplicas(2000, [], [], NOW_MS), { kind: 'create', count: 500 });
  assert.deepEqual(planReplicas(1, [pod('a')], [], NOW_MS), { kind: 'none' });
});
