/** `kubernode snapshot`: from a running cluster, into a stopped one, and what is refused. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { configmaps } from '#api/generated/core/v1';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { readBody } from '#client/exchange';
import { restoreCommand, saveCommand } from '#cmd/snapshot';
import { openStorage } from '#cmd/storage-engine';
import { UserError } from '#cmd/terminal';
import { startCluster } from '#cmd/testing';
import { openEmbeddedStorage } from '#storage/embedded/embedded-storage';

test('a snapshot of a running cluster brings its objects back in another store', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-snapshot-'));
  const cluster = await startCluster({ port: 0 });
  t.after(async () => {
    await cluster.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  const kubeconfig = join(directory, 'kubeconfig');
  const file = join(directory, 'cluster.snapshot');
  const dataDir = join(directory, 'data');
  writeFileSync(kubeconfig, cluster.kubeconfig!);
  const made = await cluster.client.for(configmaps, 'default').create({ metadata: { name: 'kept' }, data: { key: 'value' } });

  await saveCommand(file, { dataDir, kubeconfig });
  await assert.rejects(saveCommand(file, { dataDir, kubeconfig }), (error) => error instanceof UserError && /say --force/.test(error.message));
  await assert.rejects(saveCommand(join(directory, 'other'), { dataDir }), /there is no cluster in/);

  await t.test('only members of system:masters get it, whatever roles say', async () => {
    const transport = cluster.transport({ name: 'jane', groups: [] });
    const answer = await transport.request({ method: 'GET', path: '/kubernode/snapshot' });
    assert.equal(answer.status, 403);
    assert.equal((JSON.parse((await readBody(answer)).toString()) as { reason: string }).reason, 'Forbidden');
    await transport.close();
  });

  await t.test('restored, the object is the same', async () => {
    await restoreCommand(file, { dataDir });
    const storage = await openEmbeddedStorage({ directory: join(dataDir, 'storage'), clock: systemClock, log: silentLogger });
    const again = await startCluster({ storage });
    const kept = await again.client.for(configmaps, 'default').get('kept');
    assert.deepEqual([kept.data, kept.metadata.uid, kept.metadata.creationTimestamp], [made.data, made.metadata.uid, made.metadata.creationTimestamp]);
    await assert.rejects(restoreCommand(file, { dataDir, replace: true }), (error) => error instanceof UserError && /in use by this process/.test(error.message) && /kubernode down/.test(error.message));
    await again.stop();
  });

  await t.test('a store that is there is only replaced when asked to, and kept', async () => {
    await assert.rejects(restoreCommand(file, { dataDir }), (error) => error instanceof UserError && /say --replace/.test(error.message));
    await restoreCommand(file, { dataDir, replace: true });
    assert.equal(readdirSync(dataDir).filter((name) => name.startsWith('storage.')).length, 1);
  });

  await t.test('a damaged snapshot changes nothing', async () => {
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1] = bytes[bytes.length >> 1]! ^ 1;
    writeFileSync(file, bytes);
    await assert.rejects(restoreCommand(file, { dataDir, replace: true }), (error) => error instanceof UserError && /use another snapshot/.test(error.message));
    assert.ok(existsSync(join(dataDir, 'storage', 'data.mdb')));
    const storage = await openStorage({ engine: 'embedded' }, join(dataDir, 'storage'), silentLogger);
    assert.ok((await storage.status()).keys > 0);
    await storage.close();
  });
});
