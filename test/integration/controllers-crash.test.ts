/**
 * Controllers killed at every step: whichever request of theirs is the last one before the crash, the end is the same, and
 * never is there a pod too many. The crash cuts a manager off after its k-th write: once before the write reaches the
 * server, once after it did but the answer is lost. A new manager, with fresh caches, goes on.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createApiServer, type ApiServer } from '#apiserver/server';
import { controllerrevisions, daemonsets, deployments, replicasets, statefulsets } from '#api/generated/apps/v1';
import { jobs } from '#api/generated/batch/v1';
import { nodes, persistentvolumeclaims, pods, serviceaccounts, type Pod } from '#api/generated/core/v1';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { seededRandom } from '#base/random';
import type { Client } from '#client/client';
import { createInformerFactory } from '#client/informer/factory';
import type { Informer } from '#client/informer-contract';
import { createClient } from '#client/rest-client';
import { TransportError, type Transport } from '#client/transport';
import type { Component } from '#component/component';
import { createControllerManager } from '#controllers/manager';
import { isConflict, isNotFound } from '#machinery/status-error';
import { clusterPki } from '#pki/cluster-pki';
import { createMemoryStorage } from '#storage/memory/memory-storage';

const clock = systemClock;
const random = seededRandom(24);
const pki = clusterPki({ clock, random });
const CONTROLLERS = ['deployment-controller', 'replicaset-controller', 'statefulset-controller', 'daemonset-controller', 'job-controller', 'garbage-collector-controller'];
const WAIT_MS_MAX = 20_000;

interface Bench { readonly server: ApiServer; readonly client: Client; readonly pods: Informer<Pod>; readonly mostPods: () => number; readonly fewestReady: () => number; countReady(): void; stop(): Promise<void> }

/** An API server, a kubelet that makes pods ready and removes deleted ones, and a count of live pods over time. */
async function startBench(finish: boolean): Promise<Bench> {
  const storage = createMemoryStorage({ clock });
  const server = createApiServer({ storage, clock, random, log: silentLogger, metrics: new MetricsRegistry(), pki });
  await server.start(new AbortController().signal);
  const client = createClient({ transport: server.transport({ name: 'admin', groups: ['system:masters', 'system:authenticated'] }), clock, userAgent: 'bench' });
  await client.for(serviceaccounts, 'default').create({ metadata: { name: 'default' } }); // whose controller is not run
  const informers = createInformerFactory({ client, clock, random, log: silentLogger });
  const watched = informers.for(pods);
  let most = 0;
  let fewestReady = Infinity;
  let counting = false;
  const isServing = (pod: Pod): boolean => pod.metadata.deletionTimestamp === undefined && pod.status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true;
  const play = async (pod: Pod): Promise<void> => {
    const api = client.for(pods, pod.metadata.namespace);
    if (counting) fewestReady = Math.min(fewestReady, watched.list().filter(isServing).length);
    most = Math.max(most, watched.list().filter((one) => one.metadata.deletionTimestamp === undefined && one.status?.phase !== 'Succeeded').length);
    try {
      if (pod.metadata.deletionTimestamp !== undefined) await api.delete(pod.metadata.name!, { gracePeriodSeconds: 0 });
      else if (pod.status?.phase === 'Pending') {
        await api.updateStatus({ ...pod, status: { ...pod.status, phase: finish ? 'Succeeded' : 'Running', conditions: [{ type: 'Ready', status: finish ? 'False' : 'True', lastTransitionTime: new Date(clock.now()).toISOString().replace(/\..*/, 'Z') }] } });
      }
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  };
  watched.addHandlers({ onAdd: (pod) => void play(pod), onUpdate: (_old, pod) => void play(pod) });
  informers.start();
  await informers.whenSynced();
  return {
    server, client, pods: watched, mostPods: () => most, fewestReady: () => fewestReady, countReady: () => { counting = true; },
    async stop() {
      await informers.stop();
      await server.stop();
      await storage.close();
    },
  };
}

/** Lets `writes` writes through; then everything fails. @param lost the last write reaches the server, its answer does not come back. */
function crashing(inner: Transport, left: { writes: number; lost: boolean; dead: () => void }): Transport {
  return {
    async request(request) {
      if (left.writes < 0) throw new TransportError('crashed');
      if (request.method === 'GET' || request.path.includes('/events')) return inner.request(request);
      left.writes--;
      if (left.writes >= 0) return inner.request(request);
      left.dead();
      if (left.lost) (await inner.request(request)).cancel();
      throw new TransportError('crashed');
    },
    close: () => inner.close(),
  };
}

function manager(bench: Bench, wrap: (transport: Transport) => Transport = (transport) => transport): Component {
  const client = createClient({ transport: wrap(bench.server.transport({ name: 'system:kube-controller-manager', groups: ['system:masters', 'system:authenticated'] })), clock, userAgent: 'manager' });
  return createControllerManager({ clock, random, log: silentLogger, metrics: new MetricsRegistry(), client, controllers: CONTROLLERS });
}

async function eventually(informer: Informer<Pod>, what: string, check: () => Promise<boolean>): Promise<void> {
  const deadline = clock.monotonicNow() + WAIT_MS_MAX;
  while (!await check()) {
    if (clock.monotonicNow() > deadline) assert.fail(`never: ${what}`);
    await new Promise<void>((resolve) => {
      const timer = clock.setTimer(20, done);
      const remove = informer.addHandlers({ onUpdate: done, onDelete: done });
      function done(): void { timer.cancel(); remove(); resolve(); }
    });
  }
}

interface Scenario {
  readonly name: string;
  /** Pods end by themselves. */
  readonly finish: boolean;
  readonly podsMax: number;
  /** In the end; default: `podsMax`. */
  readonly podsEnd?: number;
  /** Never fewer ready ones after `begin`. */
  readonly readyMin?: number;
  /** What is there before, made by a manager that is not killed. */
  prepare?(client: Client): Promise<unknown>;
  begin(client: Client): Promise<unknown>;
  done(client: Client): Promise<boolean>;
}

const LABELS = { app: 'web' };
const template = { metadata: { labels: LABELS }, spec: { containers: [{ name: 'c', image: 'i:1' }] } };
const selector = { matchLabels: LABELS };
const changed = { spec: { template: { spec: { containers: [{ name: 'c', image: 'i:2' }] } } } };
const MERGE = 'application/merge-patch+json';
const allNew = async (client: Client): Promise<boolean> => (await client.for(pods, 'default').list()).items.every((pod) => pod.spec?.containers[0]?.image === 'i:2');

const SCENARIOS: Scenario[] = [
  {
    name: 'a deployment of three', finish: false, podsMax: 3,
    begin: (client) => client.for(deployments, 'default').create({ metadata: { name: 'web' }, spec: { replicas: 3, selector: { matchLabels: LABELS }, template } }),
    async done(client) {
      const { status } = await client.for(deployments, 'default').get('web');
      const sets = (await client.for(replicasets, 'default').list()).items;
      return sets.length === 1 && status?.availableReplicas === 3 && status.conditions?.some((one) => one.reason === 'NewReplicaSetAvailable') === true;
    },
  },
  {
    name: 'a job of two', finish: true, podsMax: 2,
    begin: (client) => client.for(jobs, 'default').create({ metadata: { name: 'work' }, spec: { completions: 2, parallelism: 2, template: { spec: { ...template.spec, restartPolicy: 'Never' } } } }),
    async done(client) {
      const { status } = await client.for(jobs, 'default').get('work');
      return status?.succeeded === 2 && status.conditions?.some((one) => one.type === 'Complete') === true;
    },
  },
  {
    name: 'a stateful set of two with claims', finish: false, podsMax: 2,
    begin: (client) => client.for(statefulsets, 'default').create({
      metadata: { name: 'db' },
      spec: { replicas: 2, serviceName: 'db', selector, template, volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } }] },
    }),
    async done(client) {
      const { status } = await client.for(statefulsets, 'default').get('db');
      const claims = (await client.for(persistentvolumeclaims, 'default').list()).items.map(({ metadata }) => metadata.name);
      const revisions = (await client.for(controllerrevisions, 'default').list()).items;
      return status?.availableReplicas === 2 && status.currentRevision === status.updateRevision && claims.join() === 'data-db-0,data-db-1' && revisions.length === 1;
    },
  },
  {
    name: 'the update of a stateful set', finish: false, podsMax: 2, readyMin: 1,
    prepare: (client) => client.for(statefulsets, 'default').create({ metadata: { name: 'db' }, spec: { replicas: 2, serviceName: 'db', selector, template } }),
    begin: (client) => client.for(statefulsets, 'default').patch('db', MERGE, changed),
    async done(client) {
      const { metadata, status } = await client.for(statefulsets, 'default').get('db');
      return status?.observedGeneration === metadata.generation && status?.availableReplicas === 2 && status.updatedReplicas === 2 && status.currentRevision === status.updateRevision && (metadata.generation === 1 || await allNew(client));
    },
  },
  {
    name: 'the update of a deployment', finish: false, podsMax: 3, podsEnd: 2, readyMin: 2,
    prepare: (client) => client.for(deployments, 'default').create({ metadata: { name: 'web' }, spec: { replicas: 2, selector, template, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } } }),
    begin: (client) => client.for(deployments, 'default').patch('web', MERGE, changed),
    async done(client) {
      const { metadata, status } = await client.for(deployments, 'default').get('web');
      const done = status?.observedGeneration === metadata.generation && status?.replicas === 2 && status.availableReplicas === 2 && status.updatedReplicas === 2;
      return done && (await client.for(replicasets, 'default').list()).items.length === metadata.generation && (metadata.generation === 1 || await allNew(client));
    },
  },
  {
    name: 'the update of a daemon set', finish: false, podsMax: 2, readyMin: 1,
    async prepare(client) {
      for (const name of ['n1', 'n2']) {
        await client.for(nodes).create({ metadata: { name } });
        await client.for(nodes).patch(name, MERGE, { spec: { taints: null } });
      }
      await client.for(daemonsets, 'default').create({ metadata: { name: 'agent' }, spec: { selector, template } });
    },
    begin: (client) => client.for(daemonsets, 'default').patch('agent', MERGE, changed),
    async done(client) {
      const { metadata, status } = await client.for(daemonsets, 'default').get('agent');
      return status?.observedGeneration === metadata.generation && status?.numberAvailable === 2 && status.updatedNumberScheduled === 2 && (metadata.generation === 1 || await allNew(client));
    },
  },
];

for (const scenario of SCENARIOS) {
  for (const lost of [false, true]) {
    test(`${scenario.name}, killed at each write${lost ? ', its answer lost' : ''}`, async () => {
      for (let k = 0; await crashAt(scenario, k, lost); k++) assert.ok(k < 60, 'a scenario needs fewer writes');
    });
  }
}

/** @returns whether there was a write to crash at. */
async function crashAt(scenario: Scenario, k: number, lost: boolean): Promise<boolean> {
  const bench = await startBench(scenario.finish);
  const managers: Component[] = [];
  const start = async (wrap?: (transport: Transport) => Transport): Promise<Component> => {
    const started = manager(bench, wrap);
    managers.push(started);
    await started.start(new AbortController().signal);
    return started;
  };
  const until = (what: string): Promise<void> => eventually(bench.pods, `${scenario.name} (${what})`, () => scenario.done(bench.client));
  let crashed = false;
  let dead: () => void = () => undefined;
  const death = new Promise<void>((resolve) => { dead = resolve; });
  try {
    if (scenario.prepare !== undefined) {
      const zeroth = await start();
      await scenario.prepare(bench.client);
      await until('prepared');
      await zeroth.stop();
      bench.countReady();
    }
    const first = await start((transport) => crashing(transport, { writes: k, lost, dead: () => { crashed = true; dead(); } }));
    await scenario.begin(bench.client);
    await Promise.race([death, until('uncrashed')]);
    await first.stop();
    await start();
    await until(`killed at write ${k}`);
    assert.ok(bench.mostPods() <= scenario.podsMax, `write ${k}: ${bench.mostPods()} pods, ${scenario.podsMax} are wanted`);
    assert.equal((await bench.client.for(pods, 'default').list()).items.length, scenario.podsEnd ?? scenario.podsMax, `write ${k}: as many pods as wanted`);
    assert.ok(bench.fewestReady() >= (scenario.readyMin ?? 0), `write ${k}: only ${bench.fewestReady()} were ready`);
    return crashed;
  } finally {
    for (const one of managers) await one.stop();
    await bench.stop();
  }
}
