/** Controllers whose watches are late: they make and remove exactly what is asked for, never more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createApiServer } from '#apiserver/server';
import { replicasets, type ReplicaSet } from '#api/generated/apps/v1';
import { pods, serviceaccounts } from '#api/generated/core/v1';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { seededRandom } from '#base/random';
import { createInformerFactory } from '#client/informer/factory';
import { createClient } from '#client/rest-client';
import type { Transport } from '#client/transport';
import { createControllerManager } from '#controllers/manager';
import { clusterPki } from '#pki/cluster-pki';
import { createMemoryStorage } from '#storage/memory/memory-storage';

const clock = systemClock;
const random = seededRandom(25);
const LATE_MS_MAX = 400;

/** Each piece of a watch comes up to so much later, each watch at its own pace. */
function late(inner: Transport): Transport {
  return {
    async request(request) {
      const response = await inner.request(request);
      if (!request.path.includes('watch=true')) return response;
      async function* delayed(): AsyncGenerator<Buffer> {
        for await (const piece of response.body) {
          await clock.sleep(random.integer(LATE_MS_MAX), request.signal);
          yield piece;
        }
      }
      return { ...response, body: delayed() };
    },
    close: () => inner.close(),
  };
}

test('a replica set scaled up and down over late caches', async () => {
  const storage = createMemoryStorage({ clock });
  const server = createApiServer({ storage, clock, random, log: silentLogger, metrics: new MetricsRegistry(), pki: clusterPki({ clock, random }) });
  await server.start(new AbortController().signal);
  const user = { name: 'admin', groups: ['system:masters', 'system:authenticated'] };
  const client = createClient({ transport: server.transport(user), clock, userAgent: 'test' });
  await client.for(serviceaccounts, 'default').create({ metadata: { name: 'default' } });
  const informers = createInformerFactory({ client, clock, random, log: silentLogger });
  const watched = informers.for(pods);
  const made = new Set<string>();
  let live = 0;
  let most = 0;
  watched.addHandlers({
    onAdd(pod) { made.add(pod.metadata.uid!); most = Math.max(most, ++live); },
    onDelete() { live--; },
  });
  informers.start();
  await informers.whenSynced();
  const manager = createControllerManager({
    clock, random, log: silentLogger, metrics: new MetricsRegistry(), controllers: ['replicaset-controller'],
    client: createClient({ transport: late(server.transport(user)), clock, userAgent: 'manager' }),
  });
  await manager.start(new AbortController().signal);

  const sets = client.for(replicasets, 'default');
  const settled = async (replicas: number): Promise<void> => {
    for (let tries = 0; tries < 200; tries++) {
      const { status } = await sets.get('web');
      const alive = (await client.for(pods, 'default').list()).items.length;
      if (status?.replicas === replicas && alive === replicas) return;
      await clock.sleep(50);
    }
    assert.fail(`never ${replicas} replicas`);
  };
  const labels = { app: 'web' };
  const set: ReplicaSet = { metadata: { name: 'web' }, spec: { replicas: 5, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i:1' }] } } } };
  try {
    await sets.create(set);
    await settled(5);
    await sets.patch('web', 'application/merge-patch+json', { spec: { replicas: 2 } });
    await settled(2);
    await sets.patch('web', 'application/merge-patch+json', { spec: { replicas: 6 } });
    await settled(6);
    await clock.sleep(3 * LATE_MS_MAX); // what is late arrives: nothing more may follow from it
    await settled(6);
    assert.equal(most, 6, 'never more pods than wanted');
    assert.equal(made.size, 9, '5 made, 3 removed, 4 made');
  } finally {
    await manager.stop();
    await informers.stop();
    await server.stop();
    await storage.close();
  }
});
