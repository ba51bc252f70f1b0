/**
 * R12: a store at its quota refuses writes by name and goes on with everything else, and a reader that is held for long does not
 * make the file grow. `KUBERNODE_HELD_SECONDS=600` makes it the nightly size.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { readBody } from '#client/exchange';
import type { StorageEngine } from '#storage/contract';
import { openEmbeddedStorage } from '#storage/embedded/embedded-storage';
import { localApiServer, type LocalApiServer } from './harness/api-server.ts';
import { pause, sizeOf } from './harness/size.ts';

const HELD_SECONDS = sizeOf('HELD_SECONDS', 4);
const BACK_MS_MAX = 20_000;
const QUOTA_BYTES = 16 << 20;
const COLLECTION = '/api/v1/namespaces/default/configmaps';

async function withStore(options: { quotaBytes?: number; historyMs?: number }, run: (engine: StorageEngine, directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-quota-'));
  const engine = await openEmbeddedStorage({ directory, clock: systemClock, log: silentLogger, ...options });
  try {
    await run(engine, directory);
  } finally {
    await engine.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

test('R12: at the quota writes are refused with a cause, deletes and reads go on, and writes come back', { timeout: 120_000 }, async () => {
  await withStore({ quotaBytes: QUOTA_BYTES, historyMs: 1 }, async (storage) => {
    const api = await localApiServer(storage);
    try { await fillAndFree(api); } finally { await api.stop(); }
  });
});

async function fillAndFree(api: LocalApiServer): Promise<void> {
  const ask = async (method: string, path: string, body?: unknown): Promise<{ status: number; body: { message?: string; items?: unknown[]; kind?: string } }> => {
    const response = await api.transport.request({ method, path, headers: { 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }) });
    return { status: response.status, body: JSON.parse((await readBody(response)).toString()) as { message?: string } };
  };
  const value = 'x'.repeat(500_000);
  let made = 0;
  for (; made < 100; made++) {
    const { status, body } = await ask('POST', COLLECTION, { metadata: { name: `big-${made}` }, data: { value } });
    if (status === 201) continue;
    assert.ok(status === 507 || status === 500, `${status}`);
    assert.equal(body.kind, 'Status');
    assert.match(body.message!, /space exceeded|quota/);
    break;
  }
  assert.ok(made > 5 && made < 100, `${made} objects were taken`);
  assert.equal((await ask('GET', COLLECTION)).body.items!.length, made, 'reads go on');
  for (let i = 0; i < made; i++) assert.equal((await ask('DELETE', `${COLLECTION}/big-${i}`)).status, 200, 'deletes go on');
  // What was deleted is history until it is compacted; the store does so by itself when it is at its quota.
  const untilMs = performance.now() + BACK_MS_MAX;
  for (;;) {
    const { status } = await ask('POST', COLLECTION, { metadata: { name: 'again' }, data: { value } });
    if (status === 201) break;
    assert.ok(performance.now() < untilMs, 'writes are not back');
    await pause(50);
  }
}

test(`R12: readers held for ${HELD_SECONDS} s do not make the file grow`, { timeout: 60_000 + HELD_SECONDS * 2_000 }, async (t) => {
  await withStore({}, async (engine, directory) => {
    const path = join(directory, 'data.mdb');
    const keys = Array.from({ length: 400 }, (_, i) => `/k/${i}`);
    let number = 0;
    const churn = async (): Promise<void> => {
      await Promise.all(keys.slice(0, 100).map((_, i) => engine.write({ key: keys[(number + i) % keys.length]!, value: Buffer.alloc(2_000, String(number++ % 10)) })));
      await engine.compact(await engine.currentRevision());
    };
    const stop = new AbortController();
    // A watch whose reader has stopped, and a page whose next one nobody asks for.
    const watch = engine.watch({ start: '/', end: '0', afterRevision: await engine.currentRevision(), signal: stop.signal })[Symbol.asyncIterator]();
    const first = watch.next();
    await engine.write({ key: '/first', value: Buffer.from('1') });
    assert.equal((await first).done, false);
    for (let i = 0; i < 40; i++) await churn();
    const page = await engine.range({ start: '/k/', end: '/k0', limit: 10 });
    const before = statSync(path).size;
    const endMs = performance.now() + HELD_SECONDS * 1000;
    let rounds = 0;
    while (performance.now() < endMs) { await churn(); rounds++; }
    const after = statSync(path).size;
    t.diagnostic(`${rounds * 100} writes while they were held: ${(before / 2 ** 20).toFixed(1)} MiB before, ${(after / 2 ** 20).toFixed(1)} MiB after`);
    assert.ok(after <= 2 * before, `the file grew from ${before} to ${after} bytes`);
    assert.equal(page.items.length, 10);
    await assert.rejects(watch.next(), /compacted/, 'who is behind is told');
    stop.abort();
  });
});
