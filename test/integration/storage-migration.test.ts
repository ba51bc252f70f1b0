/** R16: a cluster moves from one engine to another and back by snapshots: nothing is lost, and no client sees time go back. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { configmaps } from '#api/generated/core/v1';
import { silentLogger } from '#base/log';
import { restoreCommand, saveCommand } from '#cmd/snapshot';
import { openStorage, type StorageSettings } from '#cmd/storage-engine';
import { startCluster, type Cluster } from '#cmd/testing';
import { isResourceExpired } from '#machinery/status-error';
import { startEtcd, whyNoEtcd } from '#storage/testing/etcd-server';

const OBJECTS = 300;

interface State { readonly revision: number; readonly data: Map<string, string>; readonly uids: Map<string, string> }

async function stateOf(cluster: Cluster): Promise<State> {
  const { items, metadata } = await cluster.client.for(configmaps, 'default').list();
  const own = items.filter((item) => item.metadata.name?.startsWith('moved-') === true);
  return {
    revision: Number(metadata?.resourceVersion),
    data: new Map(own.map((item) => [item.metadata.name!, item.data?.['key'] ?? ''])), uids: new Map(own.map((item) => [item.metadata.name!, item.metadata.uid!])),
  };
}

test('R16: embedded → etcd → embedded', { skip: whyNoEtcd() ?? false, timeout: 120_000 }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-migration-'));
  const etcd = await startEtcd(1);
  t.after(async () => {
    await etcd.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  const dataDir = (name: string): string => join(directory, name);
  const home = (name: string, settings: StorageSettings): string => {
    mkdirSync(dataDir(name), { recursive: true });
    writeFileSync(join(dataDir(name), 'server.json'), JSON.stringify({ storage: settings }));
    return dataDir(name);
  };
  const within = async <T>(name: string, settings: StorageSettings, work: (cluster: Cluster) => Promise<T>): Promise<T> => {
    const cluster = await startCluster({ storage: await openStorage(settings, join(dataDir(name), 'storage'), silentLogger) });
    try {
      return await work(cluster);
    } finally {
      await cluster.stop();
    }
  };
  const embedded: StorageSettings = { engine: 'embedded' };
  const onEtcd: StorageSettings = { engine: 'etcd', etcdServers: etcd.endpoints };

  home('first', embedded);
  const first = await within('first', embedded, async (cluster) => {
    const api = cluster.client.for(configmaps, 'default');
    await Promise.all(Array.from({ length: OBJECTS }, (_, i) => api.create({ metadata: { name: `moved-${i}` }, data: { key: String(i) } })));
    return await stateOf(cluster);
  });
  assert.equal(first.data.size, OBJECTS);
  await saveCommand(join(directory, 'first.snapshot'), { dataDir: dataDir('first') });

  home('second', onEtcd);
  await restoreCommand(join(directory, 'first.snapshot'), { dataDir: dataDir('second'), storage: 'etcd', etcdServers: etcd.endpoints.join(',') });
  const second = await within('second', onEtcd, async (cluster) => {
    const found = await stateOf(cluster);
    assert.deepEqual([found.data, found.uids], [first.data, first.uids]);
    assert.ok(found.revision > first.revision, `${found.revision} after ${first.revision}`);
    const api = cluster.client.for(configmaps, 'default');
    const one = await api.get('moved-1');
    await api.update({ ...one, data: { key: 'on etcd' } });
    await api.delete('moved-2');
    return await stateOf(cluster);
  });
  await assert.rejects(restoreCommand(join(directory, 'first.snapshot'), { dataDir: dataDir('second'), storage: 'etcd', etcdServers: etcd.endpoints.join(',') }), /already holds keys/);
  await saveCommand(join(directory, 'second.snapshot'), { dataDir: dataDir('second') });

  home('third', embedded);
  await restoreCommand(join(directory, 'second.snapshot'), { dataDir: dataDir('third'), storage: 'embedded' });
  await within('third', embedded, async (cluster) => {
    const found = await stateOf(cluster);
    assert.deepEqual([found.data, found.uids], [second.data, second.uids]);
    assert.ok(found.revision > second.revision, `${found.revision} after ${second.revision}`);
    const api = cluster.client.for(configmaps, 'default');
    assert.equal((await api.get('moved-1')).data!['key'], 'on etcd');
    // What watched the store before is told to list again, not that nothing has happened.
    for (const old of [first.revision, second.revision]) {
      await assert.rejects(async () => { for await (const _ of api.watch({ resourceVersion: String(old), signal: AbortSignal.timeout(5_000) })) return; }, (error) => isResourceExpired(error) || /too old/.test(String(error)), `from ${old}`);
    }
    const made = await api.create({ metadata: { name: 'after' } });
    assert.ok(Number(made.metadata.resourceVersion) > second.revision);
  });
});
