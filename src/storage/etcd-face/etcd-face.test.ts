/** The storage contract, kept by the etcd engine on the face: what API servers that share a store rest on. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { VirtualClock } from '#base/virtual-clock';
import { openEtcdStorage } from '../etcd/etcd-storage.ts';
import { createMemoryStorage } from '../memory/memory-storage.ts';
import { storageContract } from '../testing/contract.ts';
import { createEtcdFace } from './etcd-face.ts';

storageContract('etcd face', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-face-'));
  const clock = new VirtualClock();
  const store = createMemoryStorage({ clock });
  const face = createEtcdFace({ store: store.mvcc, name: 'test' });
  const url = await face.listen({ path: join(directory, 'etcd.sock') });
  const engine = openEtcdStorage({ endpoints: [url], clock: systemClock, log: silentLogger });
  return {
    engine,
    passSeconds: async (seconds) => { await clock.advance(seconds * 1_000); },
    dispose: async () => {
      await engine.close();
      await face.close();
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
});
