import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { withSharedCompaction } from '../shared-compaction.ts';
import { storageContract } from '../testing/contract.ts';
import { startEtcd, whyNoEtcd, type EtcdCluster } from '../testing/etcd-server.ts';
import { openEtcdStorage, progressIsOrdered } from './etcd-storage.ts';

const missing = whyNoEtcd();
let cluster: EtcdCluster;
before(async () => { if (missing === undefined) cluster = await startEtcd(1); });
after(async () => { await cluster?.stop(); });

storageContract('etcd', async () => {
  const engine = openEtcdStorage({ endpoints: cluster.endpoints, clock: systemClock, log: silentLogger });
  for (;;) {
    const { items } = await engine.range({ start: '\0', end: '\u{10ffff}', keysOnly: true, limit: 1_000 });
    if (items.length === 0) break;
    await Promise.all(items.map(({ key }) => engine.write({ key, value: undefined })));
  }
  return {
    engine,
    passSeconds: (seconds) => new Promise((resolve) => { setTimeout(resolve, seconds * 1_000); }),
    dispose: async () => undefined,
  };
}, { ...(missing === undefined ? {} : { skip: missing }), progress: false });

test('etcd: of servers that share it one compacts in each interval, and what it keeps is the same for all', { skip: missing ?? false }, async () => {
  const engines = ['a', 'b', 'c'].map(() => openEtcdStorage({ endpoints: cluster.endpoints, clock: systemClock, log: silentLogger }));
  const compacted: number[] = [];
  const servers = engines.map((engine) => withSharedCompaction({ ...engine, async compact(revision) { compacted.push(revision); await engine.compact(revision); } }));
  const revisions: number[] = [];
  for (let i = 0; i < 4; i++) revisions.push((await engines[0]!.write({ key: '/compaction/x', value: Buffer.from(String(i)) })).revision);
  for (const server of servers) await server.compact(revisions[0]!); // each learns who is there
  for (const revision of revisions.slice(1)) for (const server of servers) await server.compact(revision);
  assert.deepEqual(compacted.slice(-3), revisions.slice(1));
  await servers[1]!.compact(revisions[3]! + 1); // the one that did it is gone
  assert.deepEqual(compacted.slice(-1), [revisions[3]! + 1]);
  for (const engine of engines) {
    assert.equal((await engine.status()).compactedRevision, revisions[3]! + 1);
    await engine.close();
  }
});

test('etcd: any number of watches on one engine is no leak', { skip: missing ?? false }, async () => {
  const engine = openEtcdStorage({ endpoints: cluster.endpoints, clock: systemClock, log: silentLogger });
  const warnings: string[] = [];
  const warn = (warning: Error): void => { warnings.push(warning.name); };
  process.on('warning', warn);
  try {
    const written = await engine.write({ key: '/watches/x', value: Buffer.from('1') });
    await Promise.all(Array.from({ length: 60 }, async () => {
      const stop = new AbortController();
      const first = await engine.watch({ start: '/watches/', end: '/watches0', afterRevision: written.revision - 1, signal: stop.signal })[Symbol.asyncIterator]().next();
      assert.equal(first.done === true ? undefined : first.value.revision, written.revision);
      stop.abort();
    }));
    await new Promise((resolve) => { setImmediate(resolve); });
    assert.deepEqual(warnings.filter((name) => name === 'MaxListenersExceededWarning'), []);
  } finally {
    process.off('warning', warn);
    await engine.close();
  }
});

test('etcd: versions whose progress answers can be trusted', () => {
  const table: [string, boolean][] = [['3.4.23', false], ['3.4.25', true], ['3.5.7', false], ['3.5.8', true], ['3.6.0', true], ['3.5.16-rc.1', true], ['4.0.0', true], ['', false]];
  for (const [version, ordered] of table) assert.equal(progressIsOrdered(version), ordered, version);
});
