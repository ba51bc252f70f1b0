/**
 * Controllers killed at every step: whichever request of theirs is the last one before the crash, the end is the same, and
 * never is there a pod too many. The crash cuts a manager off after its k-th write: once before the write reaches the
 * server, once after it did but the answer is lost. A new manager, with fresh caches, goes on.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createApiServer, type ApiServer } from '#apiserver/server';
import { deployments, replicasets } from '#api/generated/apps/v1';
import { jobs } from '#api/generated/batch/v1';
import { pods, serviceaccounts, type Pod } from '#api/generated/core/v1';
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
const CONTROLLERS = ['deployment-controller', 'replicaset-controller', 'job-controller', 'garbage-collector-controller'];
const WAIT_MS_MAX = 20_000;

interface Bench { readonly server: ApiServer; readonly client: Client; readonly pods: Informer<Pod>; readonly mostPods: () => number; stop(): Promise<void> }

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
  const play = async (pod: Pod): Promise<void> => {
    const api = client.for(pods, pod.metadata.namespace);
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
    server, client, pods: watched, mostPods: () => most,
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

interface Scenario { readonly name: string; readonly finish: boolean; readonly podsMax: number; begin(client: Client): Promise<unknown>; done(client: Client): Promise<boolean> }

const LABELS = { app: 'web' };
const template = { metadata: { labels: LABELS }, spec: { containers: [{ name: 'c', image: 'i:1' }] } };

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
];

for (const scenario of SCENARIOS) {
  for (const lost of [false, true]) {
    test(`${scenario.name}, killed at each write${lost ? ', its answer lost' : ''}`, async () => {
      let crashed = true;
      for (let k = 0; crashed; k++) {
        assert.ok(k < 60, 'a scenario needs fewer writes');
        const bench = await startBench(scenario.finish);
        crashed = false;
        let dead: () => void = () => undefined;
        const death = new Promise<void>((resolve) => { dead = resolve; });
        const first = manager(bench, (transport) => crashing(transport, { writes: k, lost, dead: () => { crashed = true; dead(); } }));
        await first.start(new AbortController().signal);
        await scenario.begin(bench.client);
        await Promise.race([death, eventually(bench.pods, `${scenario.name} (uncrashed)`, () => scenario.done(bench.client))]);
        await first.stop();
        const second = manager(bench);
        await second.start(new AbortController().signal);
        await eventually(bench.pods, `${scenario.name}, killed at write ${k}`, () => scenario.done(bench.client));
        assert.ok(bench.mostPods() <= scenario.podsMax, `write ${k}: ${bench.mostPods()} pods, ${scenario.podsMax} are wanted`);
        assert.equal((await bench.client.for(pods, 'default').list()).items.length, scenario.podsMax, `write ${k}: as many pods as wanted`);
        await second.stop();
        await bench.stop();
      }
    });
  }
}
