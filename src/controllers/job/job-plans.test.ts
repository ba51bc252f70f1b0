import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Job } from '#api/generated/batch/v1';
import type { Pod } from '#api/generated/core/v1';
import { nextRecord, NO_FAILURES, remainingMs } from './failure-backoff.ts';
import { IndexSet } from './index-set.ts';
import { INDEX_ANNOTATION, TRACKING_FINALIZER } from './job-pods.ts';
import { endingOf, observe } from './job-state.ts';
import { judgeFailure, metSuccessPolicy } from './policies.ts';
import { planPods } from './replicas.ts';

const NOW_MS = Date.parse('2026-01-01T01:00:00Z');

function job(spec: Partial<NonNullable<Job['spec']>>, status: Job['status'] = {}): Job {
  return { metadata: { name: 'work', namespace: 'default', uid: 'j' }, spec: { parallelism: 2, completions: 3, backoffLimit: 1, template: { spec: { containers: [] } }, ...spec } as never, status };
}

let serial = 0;
function pod(phase: string, index?: number, extra: Partial<Pod['metadata']> = {}, exitCode?: number): Pod {
  serial++;
  return {
    metadata: { name: `p${serial}`, namespace: 'default', uid: `u${serial}`, finalizers: [TRACKING_FINALIZER], creationTimestamp: '2026-01-01T00:00:00Z', ...(index !== undefined && { annotations: { [INDEX_ANNOTATION]: String(index) } }), ...extra },
    spec: { containers: [] }, status: { phase, ...(exitCode !== undefined && { containerStatuses: [{ name: 'c', state: { terminated: { exitCode, finishedAt: '2026-01-01T00:59:55Z' } } } as never] }) },
  };
}

const plan = (one: Job, pods: Pod[]): unknown => { const made = planPods(one, observe(one, pods), NO_FAILURES, NOW_MS); return made.kind === 'remove' ? { ...made, pods: made.pods.length } : made; };

test('index sets: text, union, what is missing', () => {
  assert.equal(IndexSet.of([5, 0, 1, 2, 4]).toString(), '0-2,4,5');
  assert.equal(IndexSet.parse('0,2-5,9', 5).toString(), '0,2-4');
  assert.equal(IndexSet.parse('x,1-', 5).toString(), '');
  assert.deepEqual(IndexSet.parse('0,3-4', 10).firstMissing(3, 6), [1, 2, 5]);
  assert.equal(IndexSet.of([1, 3]).union(IndexSet.of([2])).toString(), '1-3');
});

test('pods are made up to the parallelism, and no more than completions are left', () => {
  assert.deepEqual(plan(job({}), []), { kind: 'create', indexes: [undefined, undefined] });
  assert.deepEqual(plan(job({}), [pod('Succeeded'), pod('Succeeded')]), { kind: 'create', indexes: [undefined] });
  assert.deepEqual(plan(job({ completions: undefined as never }), [pod('Succeeded'), pod('Running')]), { kind: 'none' }, 'a work queue adds none after a success');
  assert.deepEqual(plan(job({ suspend: true }), [pod('Running')]), { kind: 'remove', pods: 1 });
  assert.deepEqual(plan(job({ parallelism: 1 }), [pod('Running'), pod('Running')]), { kind: 'remove', pods: 1 });
});

test('indexes: the lowest free ones; doubles go', () => {
  const indexed = job({ completionMode: 'Indexed', completions: 5, parallelism: 3 });
  assert.deepEqual(plan(indexed, [pod('Succeeded', 0), pod('Running', 2)]), { kind: 'create', indexes: [1, 3] });
  assert.deepEqual(plan(indexed, [pod('Running', 1), pod('Running', 1), pod('Running', 7)]), { kind: 'remove', pods: 2 });
});

test('terminating pods are replaced at once, or only when they have ended', () => {
  const leaving = pod('Running', undefined, { deletionTimestamp: '2026-01-01T00:59:00Z' });
  assert.deepEqual(plan(job({ parallelism: 1, completions: 1 }), [leaving]), { kind: 'create', indexes: [undefined] });
  assert.deepEqual(plan(job({ parallelism: 1, completions: 1, podReplacementPolicy: 'Failed' }), [leaving]), { kind: 'none' });
});

const ending = (one: Job, pods: Pod[]): string | undefined => endingOf(one, observe(one, pods), NOW_MS)?.reason;

test('why a job ends', () => {
  assert.equal(ending(job({}), [pod('Failed')]), undefined);
  assert.equal(ending(job({}), [pod('Failed'), pod('Failed')]), 'BackoffLimitExceeded');
  assert.equal(ending(job({ activeDeadlineSeconds: 10 }, { startTime: '2026-01-01T00:59:50Z' }), []), 'DeadlineExceeded');
  assert.equal(ending(job({ activeDeadlineSeconds: 11 }, { startTime: '2026-01-01T00:59:50Z' }), []), undefined);
  const perIndex = job({ completionMode: 'Indexed', completions: 2, backoffLimit: 99, backoffLimitPerIndex: 0 });
  assert.equal(ending(perIndex, [pod('Failed', 0)]), undefined);
  assert.equal(ending(perIndex, [pod('Failed', 0), pod('Succeeded', 1)]), 'FailedIndexes');
  assert.equal(ending(job({ completionMode: 'Indexed', successPolicy: { rules: [{ succeededIndexes: '1' }] } }), [pod('Succeeded', 1)]), 'SuccessPolicy');
});

test('each pod counts once, also while it is noted as uncounted', () => {
  const failed = pod('Failed');
  const one = job({}, { failed: 1, uncountedTerminatedPods: { failed: [failed.metadata.uid!] } });
  assert.equal(observe(one, [failed]).failed, 2);
  assert.equal(observe(job({}, { failed: 1 }), [{ ...failed, metadata: { ...failed.metadata, finalizers: [] } }]).failed, 1, 'a released pod is counted already');
});

test('failure policies: the first rule that matches', () => {
  const policy = job({ podFailurePolicy: { rules: [
    { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }, { action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }, { action: 'Count', onExitCodes: { operator: 'NotIn', values: [0] } },
  ] } });
  assert.equal(judgeFailure(policy, pod('Failed', undefined, {}, 42)).message, `Container c for pod default/p${serial} failed with exit code 42 matching FailJob rule at index 1`);
  assert.deepEqual(judgeFailure(policy, pod('Failed', undefined, {}, 1)), { counts: true, action: 'Count' });
  const evicted = pod('Failed', undefined, {}, 42);
  evicted.status!.conditions = [{ type: 'DisruptionTarget', status: 'True' }];
  assert.deepEqual(judgeFailure(policy, evicted), { counts: false, action: 'Ignore' });
});

test('success policies: indexes, count, both', () => {
  const met = (rule: { succeededIndexes?: string; succeededCount?: number }, done: number[]): boolean =>
    metSuccessPolicy(job({ completions: 9, successPolicy: { rules: [rule] } }), IndexSet.of(done)) !== undefined;
  assert.deepEqual([met({ succeededIndexes: '0-1' }, [0]), met({ succeededIndexes: '0-1' }, [0, 1])], [false, true]);
  assert.deepEqual([met({ succeededCount: 2 }, [7]), met({ succeededCount: 2 }, [7, 8])], [false, true]);
  assert.deepEqual([met({ succeededIndexes: '0-2', succeededCount: 2 }, [0, 5]), met({ succeededIndexes: '0-2', succeededCount: 2 }, [0, 2])], [false, true]);
});

test('failures wait longer each time; a success forgives', () => {
  const once = nextRecord(NO_FAILURES, [], [pod('Failed', undefined, {}, 1)]);
  assert.equal(remainingMs(once, NOW_MS), 5_000);
  const twice = nextRecord(once, [], [pod('Failed', undefined, {}, 1)]);
  assert.equal(remainingMs(twice, NOW_MS), 15_000);
  assert.equal(remainingMs(nextRecord(twice, [pod('Succeeded', undefined, {}, 0)], []), NOW_MS), 0);
});
