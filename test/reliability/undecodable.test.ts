/**
 * R15: an object that cannot be read (its record is damaged, or holds no object) costs only itself: others are listed and watched,
 * the server starts, and it can be removed by who has the permission for that.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { readBody } from '#client/exchange';
import type { Transport } from '#client/transport';
import { CorruptError } from '#storage/contract';
import { openEmbeddedStorage } from '#storage/embedded/embedded-storage';
import { localApiServer } from './harness/api-server.ts';
import { onApi } from './harness/api-subject.ts';
import { PREFIX } from './harness/object-store.ts';
import { ObjectWatch } from './harness/object-watch.ts';
import { pause } from './harness/size.ts';

const COLLECTION = '/api/v1/namespaces/default/configmaps';
const UNSAFE = { kind: 'DeleteOptions', apiVersion: 'v1', ignoreStoreReadErrorWithClusterBreakingPotential: true };

interface Reply { readonly status: number; readonly body: { kind: string; reason?: string; message?: string; items?: { metadata: { name: string } }[] } }

async function ask(transport: Transport, method: string, path: string, body?: unknown): Promise<Reply> {
  const response = await transport.request({ method, path, headers: { 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }) });
  return { status: response.status, body: JSON.parse((await readBody(response)).toString()) as Reply['body'] };
}

const namesOf = (reply: Reply): string[] => reply.body.items!.map((item) => item.metadata.name);

test('R15: unreadable objects cost only themselves, and can be removed', { timeout: 60_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-undecodable-'));
  /** Keys whose values the disk has lost. */
  const damaged = new Set<string>();
  let remembered = 0;
  const check = ({ key }: { key: string }): void => {
    if (!damaged.has(key)) return;
    remembered++;
    throw new CorruptError(`the value of ${key} is damaged`);
  };
  const open = () => openEmbeddedStorage({
    directory, clock: systemClock, log: silentLogger,
    wrapDatabase: (database) => ({ ...database, value(version) { check(version); return database.value(version); }, peek(version) { check(version); return database.peek(version); } }),
  });
  let storage = await open();
  let api = await localApiServer(storage, { featureEnabled: (gate) => gate === 'AllowUnsafeMalformedObjectDeletion' });
  try {
    for (const name of ['a', 'garbage', 'lost', 'z']) assert.equal((await ask(api.transport, 'POST', COLLECTION, { metadata: { name }, data: { value: name } })).status, 201);
    const watch = new ObjectWatch({ name: 'watch', from: 'initial' });
    watch.open(onApi(() => api.transport, 'default'));
    await pause(50);
    // Somebody else wrote what is no object; another record is damaged on the disk, which shows at the next start.
    await storage.write({ key: `${PREFIX}default/garbage`, value: Buffer.from('\x00not an object') });
    await ask(api.transport, 'PUT', `${COLLECTION}/z`, { metadata: { name: 'z' }, data: { value: 'z2' } });
    await pause(100);
    await watch.close();
    assert.deepEqual(watch.events.filter((event) => event.type !== 'BOOKMARK').map((event) => `${event.type} ${event.key.split('/').at(-1)} ${event.value}`),
      ['ADDED a a', 'ADDED garbage garbage', 'ADDED lost lost', 'ADDED z z', 'DELETED garbage garbage', 'MODIFIED z z2']);
    assert.deepEqual(namesOf(await ask(api.transport, 'GET', COLLECTION)), ['a', 'lost', 'z']);
    damaged.add(`${PREFIX}default/lost`);
    await api.stop();
    await storage.close();
    storage = await open();
    api = await localApiServer(storage, { featureEnabled: (gate) => gate === 'AllowUnsafeMalformedObjectDeletion' });
    assert.ok(remembered > 0, 'the damage was met');
    assert.deepEqual(namesOf(await ask(api.transport, 'GET', COLLECTION)), ['a', 'z']);
    assert.deepEqual(namesOf(await ask(api.transport, 'GET', `${COLLECTION}?limit=1`)), ['a']);
    const jane = api.server.transport({ name: 'jane', groups: ['system:authenticated'] });
    for (const name of ['garbage', 'lost']) {
      const path = `${COLLECTION}/${name}`;
      const read = await ask(api.transport, 'GET', path);
      assert.deepEqual([read.status, read.body.kind], [500, 'Status'], name);
      assert.ok((await ask(api.transport, 'DELETE', path)).status >= 500, 'not by a plain deletion');
      assert.equal((await ask(jane, 'DELETE', path, UNSAFE)).status, 403);
      assert.equal((await ask(api.transport, 'DELETE', path, UNSAFE)).status, 200);
      damaged.delete(`${PREFIX}default/${name}`);
      assert.equal((await ask(api.transport, 'GET', path)).status, 404);
      assert.equal((await ask(api.transport, 'POST', COLLECTION, { metadata: { name }, data: { value: 'again' } })).status, 201);
    }
    await jane.close();
    const sound = await ask(api.transport, 'DELETE', `${COLLECTION}/a`, UNSAFE);
    assert.deepEqual([sound.status, sound.body.reason], [422, 'Invalid'], 'only what is unreadable');
    assert.match(sound.body.message!, /is exclusively used to delete corrupt object\(s\), try again by removing this option/);
    assert.deepEqual(namesOf(await ask(api.transport, 'GET', COLLECTION)), ['a', 'garbage', 'lost', 'z']);
  } finally {
    await api.stop();
    await storage.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
