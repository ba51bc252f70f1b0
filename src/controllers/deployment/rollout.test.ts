import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deployment, ReplicaSet } from '#api/generated/apps/v1';
import { rolloutStatus } from './deployment-status.ts';
import { isScalingEvent, planScale } from './proportional.ts';
import { findNewSet, newReplicaSet, surplusHistory } from './replica-sets.ts';
import { newReplicaSetAnnotations, REVISION, REVISION_HISTORY } from './revisions.ts';
import { planRollback } from './rollback.ts';
import { newSetSize, planNewSet, planOldSets } from './rolling.ts';

const template = (image: string): Deployment['spec'] extends infer S ? S extends { template: infer T } ? T : never : never =>
  ({ metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image }] } }) as never;

function deployment(replicas: number, rolling: { maxSurge?: number | string; maxUnavailable?: number | string } = { maxSurge: '25%', maxUnavailable: '25%' }, image = 'v2'): Deployment {
  return {
    metadata: { name: 'web', namespace: 'default', uid: 'd', generation: 1 },
    spec: { replicas, selector: { matchLabels: { app: 'web' } }, template: template(image), strategy: { type: 'RollingUpdate', rollingUpdate: rolling }, progressDeadlineSeconds: 600, revisionHistoryLimit: 2 },
  };
}

let serial = 0;
function set(name: string, replicas: number, available = replicas, extra: { annotations?: Record<string, string>; image?: string } = {}): ReplicaSet {
  serial++;
  return {
    metadata: { name, namespace: 'default', uid: name, generation: 1, creationTimestamp: `2026-01-01T00:00:${String(serial % 60).padStart(2, '0')}Z`, ...(extra.annotations && { annotations: extra.annotations }) },
    spec: { replicas, selector: {}, template: template(extra.image ?? 'v1') }, status: { replicas, readyReplicas: available, availableReplicas: available, observedGeneration: 1, terminatingReplicas: 0 },
  };
}

const sizes = (resizes: readonly { set: ReplicaSet; to: number }[]): string => resizes.map(({ set: one, to }) => `${one.metadata.name}→${to}`).join(' ');

test('the new set grows into the surge', () => {
  const d = deployment(10, { maxSurge: 3, maxUnavailable: 2 });
  assert.equal(newSetSize(d, [set('old', 10)], 0), 3);
  assert.equal(newSetSize(d, [set('old', 8), set('new', 3)], 3), 5);
  const shrinking = set('old', 10);
  shrinking.spec!.replicas = 8;
  assert.equal(newSetSize(d, [shrinking, set('new', 3)], 3), 3, 'pods that are yet to go take room');
  assert.equal(newSetSize(deployment(10, { maxSurge: '25%' }), [set('old', 10)], 0), 3, '25 % of 10 is rounded up');
  assert.equal(sizes([planNewSet(d, set('new', 12), [])!]), 'new→10', 'too many shrink at once');
  assert.equal(planNewSet(d, set('new', 10), []), undefined);
});

const OLD: [name: string, unavailable: number, fresh: [number, number], old: [number, number][], expect: string][] = [
  ['unavailable allowed at once', 2, [3, 0], [[10, 10]], 'old0→8'],
  ['new pods that never get ready hold the old ones', 2, [5, 0], [[8, 8]], ''],
  ['a lost old pod does not let others go', 2, [5, 0], [[8, 7]], ''],
  ['as many go as have come', 2, [5, 3], [[8, 8]], 'old0→5'],
  ['what is not ready goes first, of the oldest set first', 2, [5, 5], [[4, 1], [4, 4]], 'old0→0 old1→3'],
  ['nothing is left', 0, [10, 10], [[1, 1]], 'old0→0'],
];
for (const [name, maxUnavailable, [size, available], old, expect] of OLD) {
  test(`old sets: ${name}`, () => {
    const olds = old.map(([replicas, ready], i) => set(`old${i}`, replicas, ready));
    assert.equal(sizes(planOldSets(deployment(10, { maxSurge: 3, maxUnavailable }), set('new', size, available), olds)), expect);
  });
}

test('a change of size in the middle of a rollout is shared', () => {
  const was = { 'deployment.kubernetes.io/desired-replicas': '10', 'deployment.kubernetes.io/max-replicas': '13' };
  const d = deployment(15, { maxSurge: 3, maxUnavailable: 2 });
  const [old, fresh] = [set('old', 8, 8, { annotations: was }), set('new', 5, 0, { annotations: was })];
  assert.equal(isScalingEvent(d, [old, fresh]), true);
  assert.equal(sizes(planScale(d, fresh, [old])), 'old→11 new→7');
  assert.equal(sizes(planScale(deployment(0, { maxSurge: 3 }), fresh, [old])), 'old→0 new→0');
  assert.equal(sizes(planScale(deployment(4), set('only', 2), [])), 'only→4');
});

test('revisions: above all old ones, with the history of a set that comes back', () => {
  const d = deployment(1);
  d.metadata.annotations = { note: 'x', 'kubectl.kubernetes.io/last-applied-configuration': '{}' };
  assert.deepEqual(newReplicaSetAnnotations(d, { [REVISION]: '1', [REVISION_HISTORY]: '0' }, 4n, true), { [REVISION]: '4', [REVISION_HISTORY]: '0,1', note: 'x' });
  assert.equal(newReplicaSetAnnotations(d, { [REVISION]: '3546343826724305832' }, 3546343826724305833n, true)[REVISION], '3546343826724305833');
  assert.deepEqual(newReplicaSetAnnotations(d, { [REVISION]: '4', note: 'x' }, 2n, true), { [REVISION]: '4', note: 'x' });
  const long = Array.from({ length: 500 }, (_, i) => 1000 + i).join(',');
  assert.ok(newReplicaSetAnnotations(d, { [REVISION]: '1', [REVISION_HISTORY]: long }, 2n, true)[REVISION_HISTORY]!.length <= 2000);
});

test('the new set is found by its template, whatever its hash label', () => {
  const d = deployment(1, undefined, 'v1');
  const made = newReplicaSet(d, []);
  made.metadata.uid = 'made';
  assert.equal(findNewSet(d, [set('other', 1, 1, { image: 'v0' }), made])?.metadata.uid, 'made');
  assert.equal(newReplicaSet(d, []).metadata.name, made.metadata.name, 'the same template gives the same name');
  assert.notEqual(newReplicaSet({ ...d, status: { collisionCount: 1 } }, []).metadata.name, made.metadata.name);
});

test('only old sets without pods beyond the limit go, oldest revision first', () => {
  const olds = [3, 1, 2, 4].map((revision) => set(`r${revision}`, revision === 1 ? 1 : 0, 0, { annotations: { [REVISION]: String(revision) } }));
  assert.deepEqual(surplusHistory(deployment(1), olds).map((one) => one.metadata.name), ['r2']);
});

test('a rollout without progress times out after its deadline, and only then', () => {
  const startMs = Date.parse('2026-01-01T00:00:00Z');
  const d = deployment(2);
  d.status = { replicas: 2, updatedReplicas: 1, conditions: [{ type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated', message: '', lastUpdateTime: '2026-01-01T00:00:00Z', lastTransitionTime: '2026-01-01T00:00:00Z' }] };
  const reason = (nowMs: number): string | undefined => rolloutStatus(d, set('new', 1, 0), [set('old', 1, 0)], nowMs).conditions!.find((one) => one.type === 'Progressing')?.reason;
  assert.equal(reason(startMs + 600_000), 'ReplicaSetUpdated');
  assert.equal(reason(startMs + 601_000), 'ProgressDeadlineExceeded');
});

test('rollback to the last revision, or to a named one', () => {
  const sets = [set('r1', 0, 0, { annotations: { [REVISION]: '1' }, image: 'v0' }), set('r2', 1, 1, { annotations: { [REVISION]: '2' }, image: 'v1' })];
  const asked = (revision: string, image = 'v1'): Deployment => ({ ...deployment(1, undefined, image), metadata: { name: 'web', annotations: { 'deprecated.deployment.rollback.to': revision } } });
  assert.equal(planRollback(asked('0'), sets).message, 'Rolled back deployment "web" to revision 1');
  assert.equal(planRollback(asked('9'), sets).reason, 'DeploymentRollbackRevisionNotFound');
  assert.equal(planRollback(asked('2'), sets).reason, 'DeploymentRollbackTemplateUnchanged');
  assert.deepEqual(planRollback(asked('1'), sets).deployment.metadata.annotations, {});
});
