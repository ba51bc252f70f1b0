/**
 * `import { startCluster } from 'kubernode/testing'`: a whole control plane in the caller's process: API server on the memory
 * engine, controllers and scheduler, with or without a port, under the real or a virtual clock.
 *
 *     const cluster = await startCluster();
 *     await cluster.client.for(pods, 'default').create({ … });
 *     await cluster.stop();
 */
import { defaultMaxListeners, setMaxListeners } from 'node:events';
import { systemClock, type Clock } from '#base/clock';
import { silentLogger, type Logger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { seededRandom, systemRandom, type Random } from '#base/random';
import { VirtualClock } from '#base/virtual-clock';
import type { Client } from '#client/client';
import type { Transport } from '#client/transport';
import { kubeconfigText } from '#client/kubeconfig';
import type { ControllerOptions } from '#controllers/options';
import { clusterPki, type ClusterPki } from '#pki/cluster-pki';
import { createMemoryStorage } from '#storage/memory/memory-storage';
import type { StorageEngine } from '#storage/contract';
import { createControlPlane } from './control-plane-group.ts';
import { kubeconfigFor } from './user-kubeconfig.ts';

export { VirtualClock };
export type { Client } from '#client/client';

export interface ClusterOptions {
  /** Default: the real clock. With a `VirtualClock`, time moves only by `advance`. */
  clock?: Clock;
  /** Makes chance repeatable. */
  seed?: number;
  /** Serves HTTPS on 127.0.0.1: a port, 0 for any. Default: no port, in-process only. */
  port?: number;
  log?: Logger;
  controllers?: Partial<ControllerOptions>;
  storage?: StorageEngine;
}

export interface Cluster {
  /** As administrator (system:masters). */
  readonly client: Client;
  /** In-process, as another user. */
  transport(user: { name: string; groups?: string[] }): Transport;
  /** A kubeconfig for kubectl and other clients; undefined without a port. */
  readonly kubeconfig: string | undefined;
  /**
   * Under a `VirtualClock`: moves time forward. Timers fire in order, and after each all that it set off comes to rest (requests
   * answered, caches told) before time goes on.
   * @throws Error under another clock.
   */
  advance(durationMs: number): Promise<void>;
  /** Lets all that is due come to rest without moving time. */
  settle(): Promise<void>;
  stop(): Promise<void>;
}

/** Turns of the event loop without a request in flight after which the cluster counts as at rest. */
const QUIET_TURNS = 12;

/** Clusters of one process that begin within this time of each other share their keys: making new ones is a third of a start. */
const PKI_SHARED_MS = 12 * 3600_000;
let shared: { readonly pki: ClusterPki; readonly madeMs: number } | undefined;

function pkiAt(clock: Clock): ClusterPki {
  if (shared === undefined || clock.now() < shared.madeMs || clock.now() > shared.madeMs + PKI_SHARED_MS) {
    shared = { pki: clusterPki({ clock, random: systemRandom }), madeMs: clock.now() };
  }
  return shared.pki;
}

/** Many parts of one process wait for the same stop signal; Node's default would warn of a leak. */
const LISTENERS_MAX = 1_000;

export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  if (defaultMaxListeners < LISTENERS_MAX) setMaxListeners(LISTENERS_MAX);
  const clock = options.clock ?? systemClock;
  const random: Random = options.seed === undefined ? systemRandom : seededRandom(options.seed);
  const pki = pkiAt(clock);
  const stopping = new AbortController();
  const storage = options.storage ?? createMemoryStorage({ clock });
  const plane = createControlPlane({
    clock, random, metrics: new MetricsRegistry(), log: options.log ?? silentLogger, storage, pki, listen: [],
    ...(options.controllers === undefined ? {} : { controllers: options.controllers }),
  });
  await plane.start(stopping.signal);
  await plane.ready(stopping.signal);
  let kubeconfig: string | undefined;
  if (options.port !== undefined) {
    const { port } = await plane.apiServer.listen({ host: '127.0.0.1', port: options.port });
    kubeconfig = kubeconfigText(kubeconfigFor('kubernode', 'admin', `https://127.0.0.1:${port}`, pki, pki.admin));
  }
  const settle = async (): Promise<void> => {
    for (let quiet = 0; quiet < QUIET_TURNS; quiet = plane.requestsInFlight() === 0 ? quiet + 1 : 0) await new Promise<void>((resolve) => { setImmediate(resolve); });
  };
  return {
    client: plane.admin,
    settle,
    async advance(durationMs) {
      if (!(clock instanceof VirtualClock)) throw new Error('time moves by itself here: give startCluster a VirtualClock');
      const untilMs = clock.now() + durationMs;
      for (;;) {
        await settle();
        const nextMs = clock.nextTimerMs();
        if (nextMs === undefined || clock.now() + nextMs > untilMs) break;
        await clock.advance(nextMs);
      }
      await clock.advance(untilMs - clock.now());
      await settle();
    },
    transport: ({ name, groups = [] }) => plane.apiServer.transport({ name, groups: [...groups, 'system:authenticated'] }),
    kubeconfig,
    async stop() {
      stopping.abort(new Error('the cluster stops'));
      await plane.stop();
      await storage.close();
    },
  };
}
