/** Every engine, fresh and empty, for tests that hold for all of them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import type { StorageEngine } from '#storage/contract';
import { openEmbeddedStorage } from '#storage/embedded/embedded-storage';
import { openEtcdStorage } from '#storage/etcd/etcd-storage';
import { createMemoryStorage } from '#storage/memory/memory-storage';
import { startEtcd, whyNoEtcd } from '#storage/testing/etcd-server';

export interface OpenedEngine {
  readonly engine: StorageEngine;
  /** Another connection to the same store, where there can be one. */
  again?(): StorageEngine;
  close(): Promise<void>;
}

export interface EngineKind {
  readonly name: string;
  readonly skip: string | false;
  /** How much of a run it gets, by its speed here. */
  readonly share: number;
  open(): Promise<OpenedEngine>;
}

const common = { clock: systemClock, log: silentLogger };

export const ENGINES: readonly EngineKind[] = [
  {
    name: 'memory', skip: false, share: 1,
    async open() {
      const engine = createMemoryStorage({ clock: systemClock });
      return { engine, close: () => engine.close() };
    },
  },
  {
    name: 'embedded', skip: false, share: 1,
    async open() {
      const directory = mkdtempSync(join(tmpdir(), 'kubernode-reliability-'));
      const engine = await openEmbeddedStorage({ directory, ...common });
      return { engine, async close() { await engine.close(); rmSync(directory, { recursive: true, force: true }); } };
    },
  },
  {
    name: 'etcd', skip: whyNoEtcd() ?? false, share: 0.1,
    async open() {
      const cluster = await startEtcd(1);
      const connect = (): StorageEngine => openEtcdStorage({ endpoints: cluster.endpoints, ...common });
      const engine = connect();
      const others: StorageEngine[] = [];
      return {
        engine,
        again() { const other = connect(); others.push(other); return other; },
        async close() { await Promise.all([engine, ...others].map((one) => one.close())); await cluster.stop(); },
      };
    },
  },
];
