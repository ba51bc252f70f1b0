import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, Pod } from '#api/generated/core/v1';
import type { PodDisruptionBudget } from '#api/generated/policy/v1';
import { seededRandom } from '#base/random';
import { SchedulerCache } from '../cache/scheduler-cache.ts';
import { CycleState } from '../framework/cycle-state.ts';
import { podInfo } from '../framework/pod-info.ts';
import { Profile } from '../framework/profile.ts';
import type { Verdict } from '../framework/status.ts';
import { node, requesting } from '../testing/world.ts';
import { defaultPreemption } from './preemption.ts';
import { prioritySort } from './priority-sort.ts';
import { resourcesFit } from './resources-fit.ts';

const placed = (name: string, cpu: string, priority: number, on: string): Pod => requesting(name, cpu, { priority, nodeName: on });

async function preempt(nodes: Node[], pods: Pod[], incoming: Pod, budgets: PodDisruptionBudget[] = []): Promise<{ node: string | undefined; evicted: string[]; text: string }> {
  const evicted: string[] = [];
  const plugin = defaultPreemption({
    profile: () => profile, budgets: () => budgets, nominatedOn: () => [], random: seededRandom(1),
    evict: async (victim) => { evicted.push(victim.metadata.name!); }, clearNomination: async () => undefined,
  });
  const profile: Profile = new Profile([{ plugin: prioritySort }, { plugin: resourcesFit }, { plugin }]);
  const cache = new SchedulerCache();
  for (const one of nodes) cache.setNode(one);
  for (const one of pods) cache.setPod(one);
  const snapshot = cache.snapshot();
  const info = podInfo(incoming);
  const state = new CycleState();
  profile.preFilter(state, info, snapshot);
  const rejected = new Map<string, Verdict>(snapshot.nodes.map((candidate) => [candidate.name, profile.filter(state, info, candidate)]));
  const result = await plugin.postFilter!(state, info, rejected, snapshot, new AbortController().signal);
  return { node: result.nominatedNode, evicted, text: result.verdict.reasons.join() };
}

test('the least important pods that suffice go', async () => {
  const pods = [placed('low', '2', 1, 'a'), placed('mid', '2', 5, 'a')];
  assert.deepEqual(await preempt([node('a', { cpu: '4' })], pods, requesting('p', '2', { priority: 10 })), { node: 'a', evicted: ['low'], text: '' });
});

test('the node whose victims matter least', async () => {
  const pods = [placed('a1', '4', 5, 'a'), placed('b1', '4', 1, 'b')];
  assert.equal((await preempt([node('a'), node('b')], pods, requesting('p', '4', { priority: 10 }))).node, 'b');
});

test('fewer broken budgets come before lower priority', async () => {
  const guarded = placed('b1', '4', 1, 'b');
  guarded.metadata.labels = { app: 'x' };
  const budget: PodDisruptionBudget = { metadata: { name: 'x', namespace: 'default' }, spec: { selector: { matchLabels: { app: 'x' } } }, status: { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 } };
  assert.equal((await preempt([node('a'), node('b')], [placed('a1', '4', 5, 'a'), guarded], requesting('p', '4', { priority: 10 }), [budget])).node, 'a');
});

test('nobody of lower priority, nothing that helps, never', async () => {
  assert.equal((await preempt([node('a')], [placed('q', '4', 10, 'a')], requesting('p', '1', { priority: 10 }))).text, 'preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.');
  assert.equal((await preempt([node('a')], [], requesting('p', '9', { priority: 10 }))).text, 'preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.');
  assert.equal((await preempt([node('a')], [placed('q', '4', 1, 'a')], requesting('p', '1', { priority: 10, preemptionPolicy: 'Never' }))).text, 'preemption: not eligible due to preemptionPolicy=Never.');
});
