import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '#base/log';
import { VirtualClock } from '#base/virtual-clock';
import { storageContract } from '../testing/contract.ts';
import { openEmbeddedStorage } from './embedded-storage.ts';

storageContract('embedded', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'kubernode-store-'));
  const clock = new VirtualClock();
  return {
    engine: await openEmbeddedStorage({ directory, clock, log: silentLogger }),
    async passSeconds(seconds) {
      await clock.advance(seconds * 1000);
      // Group commits run on the disk's time, not the clock's.
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    },
    dispose: () => rm(directory, { recursive: true, force: true }),
  };
});
