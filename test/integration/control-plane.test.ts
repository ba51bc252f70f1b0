/** The control plane as one: what controllers and scheduler make of objects, and under virtual time also when. Nodes are played here. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deployments, replicasets, type Deployment } from '#api/generated/apps/v1';
import { cronjobs } from '#api/generated/batch/v1';
import { configmaps, namespaces, nodes, pods, serviceaccounts, type Pod } from '#api/generated/core/v1';
import { leases } from '#api/generated/coordination/v1';
import type { TokenRequest } from '#api/generated/authentication/v1';
import { tokenreviews } from '#api/generated/authentication/v1';
import { rfc3339, rfc3339Micro } from '#base/clock';
import { startCluster, VirtualClock, type Cluster } from '#cmd/testing';
import { isConflict, isForbidden, isNotFound } from '#machinery/status-error';

const NODE_RESOURCES = { cpu: '4', memory: '8Gi', pods: '110' };

interface World { readonly cluster: Cluster; readonly clock: VirtualClock; until(what: string, condition: () => Promise<boolean>): Promise<void> }

/** A cluster under virtual time; `until` moves it in small steps, playing the kubelets between them. */
async function world(t: { after(work: () => Promise<void>): void }, nodeNames: readonly string[] = ['a']): Promise<World> {
  const clock = new VirtualClock();
  const cluster = await startCluster({ clock, seed: 1 });
  t.after(() => cluster.stop());
  const { client } = cluster;
  for (const name of nodeNames) {
    await client.for(nodes).create({ metadata: { name }, spec: {} });
    const node = await client.for(nodes).get(name);
    const at = rfc3339(clock.now());
    await client.for(nodes).updateStatus({ ...node, status: { capacity: NODE_RESOURCES, allocatable: NODE_RESOURCES, conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: at, lastTransitionTime: at }] } });
  }
  const play = async (): Promise<void> => {
    for (const pod of (await client.for(pods).list()).items) await playKubelet(cluster, clock, pod);
    for (const name of nodeNames) await heartbeat(cluster, clock, name);
  };
  return {
    cluster, clock,
    async until(what, condition) {
      for (let step = 0; step < STEPS_MAX; step++) {
        await cluster.settle();
        if (await condition()) return;
        await play();
        await cluster.advance(STEP_MS);
      }
      assert.fail(`not within ${STEPS_MAX * STEP_MS / 1000} virtual seconds: ${what}`);
    },
  };
}

const STEP_MS = 500;
const STEPS_MAX = 240;

async function playKubelet({ client }: Cluster, clock: VirtualClock, pod: Pod): Promise<void> {
  const api = client.for(pods, pod.metadata.namespace);
  try {
    if (pod.metadata.deletionTimestamp !== undefined) await api.delete(pod.metadata.name!, { gracePeriodSeconds: 0 });
    else if (pod.spec?.nodeName !== undefined && pod.status?.phase === 'Pending') {
      const at = rfc3339(clock.now());
      await api.updateStatus({ ...pod, status: { ...pod.status, phase: 'Running', startTime: at, podIP: '10.244.0.9', podIPs: [{ ip: '10.244.0.9' }], conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: at }] } });
    }
  } catch (error) {
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}

async function heartbeat({ client }: Cluster, clock: VirtualClock, name: string): Promise<void> {
  const api = client.for(leases, 'kube-node-lease');
  const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime: rfc3339Micro(clock.now()) };
  try {
    await api.update({ ...await api.get(name), spec });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await api.create({ metadata: { name, namespace: 'kube-node-lease' }, spec });
  }
}

function web(image: string, replicas = 3): Deployment {
  return {
    metadata: { name: 'web' },
    spec: { replicas, selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image }] } } },
  } as Deployment;
}

test('a deployment rolls out, rolls on to a new image without going below its floor, and keeps both in its history', async (t) => {
  const { cluster: { client }, until } = await world(t);
  const api = client.for(deployments, 'default');
  await api.create(web('one'));
  await until('three available', async () => (await api.get('web')).status?.availableReplicas === 3);

  await api.patch('web', 'application/strategic-merge-patch+json', { spec: { template: { spec: { containers: [{ name: 'web', image: 'two' }] } } } });
  let lowest = 3;
  await until('the second image everywhere', async () => {
    const { status = {}, metadata } = await api.get('web');
    lowest = Math.min(lowest, status.availableReplicas ?? 0);
    return status.observedGeneration === metadata.generation && status.updatedReplicas === 3 && status.replicas === 3 && status.availableReplicas === 3;
  });
  assert.ok(lowest >= 3, `available fell to ${lowest}; 25 % of 3 unavailable is 0`);
  const sets = (await client.for(replicasets, 'default').list()).items;
  assert.deepEqual(sets.map((set) => [set.spec?.template?.spec?.containers[0]?.image, set.spec?.replicas]).sort(), [['one', 0], ['two', 3]]);
  assert.deepEqual(sets.map((set) => set.metadata.annotations?.['deployment.kubernetes.io/revision']).sort(), ['1', '2']);
});

test('deleting an owner deletes what it owns, in the background, in the foreground, or not at all', async (t) => {
  const { cluster: { client }, until } = await world(t);
  const api = client.for(deployments, 'default');
  const left = async (): Promise<string> => `${(await client.for(replicasets, 'default').list()).items.length} ${(await client.for(pods, 'default').list()).items.length}`;
  for (const propagationPolicy of ['Background', 'Foreground'] as const) {
    await api.create(web('one', 2));
    await until('two pods', async () => await left() === '1 2');
    await api.delete('web', { propagationPolicy });
    await until(`nothing left (${propagationPolicy})`, async () => await left() === '0 0' && (await api.list()).items.length === 0);
  }
  await api.create(web('one', 2));
  await until('two pods', async () => await left() === '1 2');
  await api.delete('web', { propagationPolicy: 'Orphan' });
  await until('the set stays without an owner', async () => (await api.list()).items.length === 0 && (await client.for(replicasets, 'default').list()).items[0]?.metadata.ownerReferences === undefined);
  assert.equal(await left(), '1 2');
});

test('a deleted namespace takes its content along, and waits for finalizers', async (t) => {
  const { cluster: { client }, until } = await world(t);
  await client.for(namespaces).create({ metadata: { name: 'team' } });
  await until('its service account', async () => (await client.for(serviceaccounts, 'team').list()).items.length === 1);
  await client.for(deployments, 'team').create(web('one', 1));
  await client.for(configmaps, 'team').create({ metadata: { name: 'held', finalizers: ['example.com/hold'] } });
  await until('its pod', async () => (await client.for(pods, 'team').list()).items.length === 1);
  await client.for(namespaces).delete('team');
  await assert.rejects(client.for(configmaps, 'team').create({ metadata: { name: 'late' } }), isForbidden);
  await until('only what is held', async () => (await client.for(pods, 'team').list()).items.length === 0 && (await client.for(deployments, 'team').list()).items.length === 0);
  const namespace = await client.for(namespaces).get('team');
  assert.equal(namespace.status?.phase, 'Terminating');
  await client.for(configmaps, 'team').patch('held', 'application/merge-patch+json', { metadata: { finalizers: null } });
  await until('the namespace to be gone', async () => !(await client.for(namespaces).list()).items.some(({ metadata }) => metadata.name === 'team'));
});

test('a service account has a root certificate and gets tokens that the server knows again, until its pod is gone', async (t) => {
  const { cluster: { client }, until } = await world(t);
  await until('the default account', async () => (await client.for(serviceaccounts, 'default').list()).items.length === 1);
  await until('the root certificate', async () => (await client.for(configmaps, 'default').list()).items.some(({ metadata }) => metadata.name === 'kube-root-ca.crt'));
  const pod = await client.for(pods, 'default').create({ metadata: { name: 'holder' }, spec: { containers: [{ name: 'c', image: 'i' }] } } as Pod);
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [], expirationSeconds: 3600, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'holder', uid: pod.metadata.uid! } } };
  const { status } = await client.for(serviceaccounts, 'default').createSubresource<unknown, TokenRequest>('default', 'token', request);
  const review = async (): Promise<string | undefined> => {
    const answer = await client.for(tokenreviews).create({ metadata: {}, spec: { token: status!.token! } });
    return answer.status?.authenticated === true ? answer.status.user?.username : undefined;
  };
  assert.equal(await review(), 'system:serviceaccount:default:default');
  await client.for(pods, 'default').delete('holder', { gracePeriodSeconds: 0 });
  await until('the token to be refused', async () => await review() === undefined);
});

test('under virtual time hours pass in a moment: a cron job runs each hour', async (t) => {
  const { cluster, clock } = await world(t, []);
  await cluster.client.for(cronjobs, 'default').create({
    metadata: { name: 'hourly' },
    spec: { schedule: '0 * * * *', concurrencyPolicy: 'Allow', jobTemplate: { spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } } } } },
  } as never);
  const start = clock.now();
  await cluster.advance(3 * 3600_000 + 1_000);
  assert.equal(clock.now() - start, 3 * 3600_000 + 1_000);
  const job = await cluster.client.for(cronjobs, 'default').get('hourly');
  assert.equal(job.status?.lastScheduleTime, rfc3339(start + 3 * 3600_000));
  assert.equal(job.status?.active?.length, 3);
});

test('a stopped cluster leaves no timer behind', async () => {
  const clock = new VirtualClock();
  const cluster = await startCluster({ clock });
  await cluster.advance(60_000);
  await cluster.stop();
  assert.equal(clock.pendingTimers(), 0);
});
