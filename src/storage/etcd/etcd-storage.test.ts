import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
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

test('etcd: versions whose progress answers can be trusted', () => {
  const table: [string, boolean][] = [['3.4.23', false], ['3.4.25', true], ['3.5.7', false], ['3.5.8', true], ['3.6.0', true], ['3.5.16-rc.1', true], ['4.0.0', true], ['', false]];
  for (const [version, ordered] of table) assert.equal(progressIsOrdered(version), ordered, version);
});
