/** Informers over watches that are cut at any byte, and over compaction: nothing is missed, nothing comes twice. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createApiServer, type ApiServer } from '#apiserver/server';
import { configmaps, type ConfigMap } from '#api/generated/core/v1';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { seededRandom } from '#base/random';
import type { Client } from '#client/client';
import { createInformerFactory } from '#client/informer/factory';
import { createClient } from '#client/rest-client';
import type { Transport } from '#client/transport';
import { clusterPki } from '#pki/cluster-pki';
import type { StorageEngine } from '#storage/contract';
import { createMemoryStorage } from '#storage/memory/memory-storage';

const random = seededRandom(8);
/** Waits between attempts are not what is tested: they pass at once. */
const clock = { ...systemClock, sleep: (_ms: number, signal?: AbortSignal) => systemClock.sleep(0, signal) };
const user = { name: 'admin', groups: ['system:masters', 'system:authenticated'] };

async function withServer(run: (server: ApiServer, client: Client, storage: StorageEngine) => Promise<void>): Promise<void> {
  const storage = createMemoryStorage({ clock: systemClock });
  const server = createApiServer({ storage, clock: systemClock, random, log: silentLogger, metrics: new MetricsRegistry(), pki: clusterPki({ clock: systemClock, random }) });
  await server.start(new AbortController().signal);
  try {
    await run(server, createClient({ transport: server.transport(user), clock: systemClock, userAgent: 'test' }), storage);
  } finally {
    await server.stop();
    await storage.close();
  }
}

/** Watch answers end after a random number of bytes, in the middle of a frame mostly. */
function cut(inner: Transport, bytesMax: number): Transport {
  return {
    async request(request) {
      const response = await inner.request(request);
      if (!request.path.includes('watch=true')) return response;
      let left = 200 + random.integer(bytesMax);
      async function* some(): AsyncGenerator<Buffer> {
        for await (const piece of response.body) {
          yield piece.subarray(0, left);
          left -= piece.length;
          if (left <= 0) return;
        }
      }
      return { ...response, body: some() };
    },
    close: () => inner.close(),
  };
}

test('watches cut at any byte are resumed without a gap', () => withServer(async (server, client) => {
  const informers = createInformerFactory({ client: createClient({ transport: cut(server.transport(user), 4000), clock: systemClock, userAgent: 'cut' }), clock, random, log: silentLogger });
  const maps = informers.for(configmaps, { namespace: 'default' });
  const versions = new Map<string, number>();
  const follow = (map: ConfigMap): void => {
    const version = Number(map.metadata.resourceVersion);
    assert.ok(version > (versions.get(map.metadata.name!) ?? 0), 'versions of an object only grow');
    versions.set(map.metadata.name!, version);
  };
  const deleted: string[] = [];
  maps.addHandlers({ onAdd: follow, onUpdate: (_old, map) => follow(map), onDelete: (map) => { deleted.push(map.metadata.name!); } });
  informers.start();
  await informers.whenSynced();
  const api = client.for(configmaps, 'default');
  for (let i = 0; i < 60; i++) await api.create({ metadata: { name: `m${i}` }, data: { n: '0' } });
  for (let i = 0; i < 60; i++) await api.patch(`m${i}`, 'application/merge-patch+json', { data: { n: String(i) } });
  for (let i = 0; i < 60; i += 3) await api.delete(`m${i}`);
  const wanted = (await api.list()).items;
  const text = (items: ConfigMap[]): string[] => items.map((map) => `${map.metadata.name}@${map.metadata.resourceVersion}`).sort();
  for (let tries = 0; tries < 400 && text(maps.list()).join() !== text(wanted).join(); tries++) await systemClock.sleep(10);
  assert.deepEqual(text(maps.list()), text(wanted));
  assert.equal(new Set(deleted).size, deleted.length, 'nothing is deleted twice');
  await informers.stop();
}));

test('after compaction the informer lists anew and tells what changed meanwhile', () => withServer(async (server, client, storage) => {
  const api = client.for(configmaps, 'default');
  await api.create({ metadata: { name: 'stays' } });
  await api.create({ metadata: { name: 'goes' } });
  let blocked = false;
  const inner = server.transport(user);
  const streams = new Set<() => void>();
  const gate: Transport = {
    async request(request) {
      while (blocked) await systemClock.sleep(5, request.signal);
      const response = await inner.request(request);
      streams.add(response.cancel);
      return response;
    },
    close: () => inner.close(),
  };
  const informers = createInformerFactory({ client: createClient({ transport: gate, clock: systemClock, userAgent: 'gate' }), clock, random, log: silentLogger });
  const maps = informers.for(configmaps, { namespace: 'default' });
  const seen: string[] = [];
  maps.addHandlers({ onAdd: (map, initial) => { if (!initial) seen.push(`+${map.metadata.name}`); }, onUpdate: (_old, map) => { seen.push(`~${map.metadata.name}`); }, onDelete: (map) => { seen.push(`-${map.metadata.name}`); } });
  informers.start();
  await informers.whenSynced();
  blocked = true;
  for (const cancel of streams) cancel();
  await api.delete('goes');
  await api.patch('stays', 'application/merge-patch+json', { data: { x: '1' } });
  await api.create({ metadata: { name: 'comes' } });
  await storage.compact(await storage.currentRevision());
  blocked = false;
  for (let tries = 0; tries < 400 && seen.length < 3; tries++) await systemClock.sleep(10);
  assert.deepEqual(seen.sort(), ['+comes', '-goes', '~stays']);
  await informers.stop();
}));
