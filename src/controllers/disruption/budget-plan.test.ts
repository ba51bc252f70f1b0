import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '#api/generated/core/v1';
import type { PodDisruptionBudget } from '#api/generated/policy/v1';
import { failedStatus, planBudget } from './budget-plan.ts';

const NOW_MS = Date.parse('2026-01-01T01:00:00Z');
const at = (ms: number): string => new Date(NOW_MS + ms).toISOString().replace('.000', '');

const pod = (name: string, ready = true, deleting = false): Pod => ({
  metadata: { name, ...(deleting && { deletionTimestamp: at(0) }) },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});
const pods = (ready: number, broken = 0): Pod[] => [...Array.from({ length: ready }, (_, i) => pod(`r${i}`)), ...Array.from({ length: broken }, (_, i) => pod(`b${i}`, false))];
const budget = (spec: PodDisruptionBudget['spec'], status?: PodDisruptionBudget['status']): PodDisruptionBudget => ({ metadata: { name: 'b', generation: 4 }, spec: { selector: {}, ...spec }, ...(status && { status }) });

const ALLOWED: [spec: { minAvailable?: number | string; maxUnavailable?: number | string }, ready: number, broken: number, scale: number, allowed: number, desired: number][] = [
  [{ minAvailable: 2 }, 3, 0, 0, 1, 2],
  [{ minAvailable: 2 }, 2, 1, 0, 0, 2],
  [{ minAvailable: 2 }, 0, 0, 0, 0, 2],
  [{ minAvailable: '50%' }, 5, 0, 5, 2, 3], // rounded up
  [{ minAvailable: '100%' }, 5, 0, 5, 0, 5],
  [{ maxUnavailable: 1 }, 5, 0, 5, 1, 4],
  [{ maxUnavailable: 1 }, 4, 1, 5, 0, 4],
  [{ maxUnavailable: '30%' }, 5, 0, 5, 2, 3], // rounded up
  [{ maxUnavailable: 9 }, 5, 0, 5, 5, 0],
  [{ maxUnavailable: 1 }, 3, 0, 5, 0, 4], // pods not yet made are missing too
  [{}, 3, 0, 3, 0, 0],
];
for (const [spec, ready, broken, scale, allowed, desired] of ALLOWED) {
  test(`${JSON.stringify(spec)} with ${ready} of ${scale || ready + broken} ready: ${allowed} may go`, () => {
    const { status } = planBudget({ budget: budget(spec), pods: pods(ready, broken), scale, nowMs: NOW_MS });
    assert.deepEqual([status.disruptionsAllowed, status.desiredHealthy, status.conditions![0]!.reason], [allowed, desired, allowed > 0 ? 'SufficientPods' : 'InsufficientPods']);
  });
}

test('an eviction under way counts until the pod goes, for two minutes at most', () => {
  const given = budget({ minAvailable: 1 }, { disruptedPods: { r0: at(-60_000), r1: at(-121_000), gone: at(-1000) } } as PodDisruptionBudget['status']);
  const { status, recheckMs, notDeleted } = planBudget({ budget: given, pods: pods(3), scale: 0, nowMs: NOW_MS });
  assert.deepEqual(status.disruptedPods, { r0: at(-60_000) });
  assert.deepEqual([status.currentHealthy, recheckMs, notDeleted.map((one) => one.metadata.name)], [2, 60_000, ['r1']]);
});

test('a pod that is going is not healthy', () => {
  assert.equal(planBudget({ budget: budget({ minAvailable: 1 }), pods: [pod('a'), pod('b', true, true)], scale: 0, nowMs: NOW_MS }).status.disruptionsAllowed, 0);
});

test('the condition keeps its time as long as it does not turn', () => {
  const known = { type: 'DisruptionAllowed', status: 'True', reason: 'SufficientPods', message: '', lastTransitionTime: at(-5000), observedGeneration: 3 };
  const timeOf = (ready: number): string | undefined => planBudget({ budget: budget({ minAvailable: 1 }, { conditions: [known] } as unknown as PodDisruptionBudget['status']), pods: pods(ready), scale: 0, nowMs: NOW_MS }).status.conditions![0]!.lastTransitionTime;
  assert.deepEqual([timeOf(2), timeOf(1)], [at(-5000), at(0)]);
});

test('what cannot be counted allows nothing', () => {
  const status = failedStatus(budget({ maxUnavailable: 1 }, { disruptionsAllowed: 3, currentHealthy: 3, desiredHealthy: 0, expectedPods: 3 }), 'no scale', NOW_MS);
  assert.deepEqual([status.disruptionsAllowed, status.currentHealthy, status.conditions![0]!.reason], [0, 3, 'SyncFailed']);
});
