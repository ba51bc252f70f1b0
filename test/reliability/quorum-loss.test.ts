/**
 * R17: an API server on three etcd members loses the quorum: writes end in time with 503 or 504, reads that may be stale are
 * still answered, and all goes on without a restart when the members are back. `KUBERNODE_QUORUM_LOSS_SECONDS=60` makes it
 * the nightly size; members lost one at a time are `src/storage/etcd/fail-over.test.ts`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { readBody } from '#client/exchange';
import type { Transport } from '#client/transport';
import { openEtcdStorage } from '#storage/etcd/etcd-storage';
import { startEtcd, whyNoEtcd } from '#storage/testing/etcd-server';
import { localApiServer } from './harness/api-server.ts';
import { pause, sizeOf } from './harness/size.ts';

const LOSS_SECONDS = sizeOf('QUORUM_LOSS_SECONDS', 1);
/** The small run shares its cores with others. */
const PATIENCE = LOSS_SECONDS >= 30 ? 1 : 3;
const REFUSED_MS_MAX = 10_000 * PATIENCE;
const BACK_MS_MAX = 5_000 * PATIENCE;
const COLLECTION = '/api/v1/namespaces/default/configmaps';

interface Reply { readonly status: number; readonly ms: number; readonly body: { items?: { metadata: { name: string } }[]; message?: string } }

async function ask(transport: Transport, method: string, path: string, body?: unknown): Promise<Reply> {
  const startMs = performance.now();
  const response = await transport.request({ method, path, headers: { 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }) });
  const text = (await readBody(response)).toString();
  return { status: response.status, ms: performance.now() - startMs, body: JSON.parse(text) as Reply['body'] };
}

const create = (transport: Transport, name: string): Promise<Reply> => ask(transport, 'POST', COLLECTION, { metadata: { name }, data: { value: name } });

test(`R17: ${LOSS_SECONDS} s without a quorum under an API server`, { skip: whyNoEtcd() ?? false, timeout: 120_000 + LOSS_SECONDS * 3_000 }, async (t) => {
  const cluster = await startEtcd(3);
  const engine = openEtcdStorage({ endpoints: cluster.endpoints, clock: systemClock, log: silentLogger });
  const api = await localApiServer(engine);
  try {
    const acked = new Set<string>();
    for (let i = 0; i < 20; i++) { assert.equal((await create(api.transport, `before-${i}`)).status, 201); acked.add(`before-${i}`); }
    // Wherever the leader is, two of three are gone.
    await Promise.all([cluster.members[0]!.kill(), cluster.members[1]!.kill()]);
    const lostMs = performance.now();
    const slowest = { write: 0, stale: 0 };
    for (let i = 0; performance.now() - lostMs < LOSS_SECONDS * 1000; i++) {
      const refused = create(api.transport, `during-${i}`);
      const stale = await ask(api.transport, 'GET', `${COLLECTION}?resourceVersion=0`);
      assert.equal(stale.status, 200, stale.body.message);
      for (const name of acked) assert.ok(stale.body.items!.some((item) => item.metadata.name === name), `${name} is in the stale list`);
      slowest.stale = Math.max(slowest.stale, stale.ms);
      const { status, ms, body } = await refused;
      assert.ok(status === 503 || status === 504, `${status} ${body.message}`);
      assert.ok(ms < REFUSED_MS_MAX, `a write was refused after ${ms} ms`);
      slowest.write = Math.max(slowest.write, ms);
    }
    await Promise.all([cluster.members[0]!.start(), cluster.members[1]!.start()]);
    const backMs = performance.now();
    for (;;) {
      if ((await create(api.transport, 'after')).status === 201) break;
      await pause(50);
      assert.ok(performance.now() - backMs < BACK_MS_MAX, 'writes are not back');
    }
    const tookMs = performance.now() - backMs;
    const list = await ask(api.transport, 'GET', COLLECTION);
    assert.equal(list.status, 200);
    for (const name of [...acked, 'after']) assert.ok(list.body.items!.some((item) => item.metadata.name === name), `${name} is lost`);
    t.diagnostic(`writes refused within ${Math.round(slowest.write)} ms, stale lists within ${Math.round(slowest.stale)} ms, back after ${Math.round(tookMs)} ms`);
  } finally {
    await api.stop();
    await engine.close();
    await cluster.stop();
  }
});
