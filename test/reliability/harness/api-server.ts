/** An API server in this process on an engine, without controllers, and connections to it as its administrator. */
import { createApiServer, type ApiServer, type ApiServerOptions } from '#apiserver/server';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { systemRandom } from '#base/random';
import type { Transport } from '#client/transport';
import { clusterPki } from '#pki/cluster-pki';
import type { StorageEngine } from '#storage/contract';

export const ADMIN = { name: 'admin', groups: ['system:masters', 'system:authenticated'] } as const;

export interface LocalApiServer { readonly server: ApiServer; readonly transport: Transport; stop(): Promise<void> }

/** `kubernode` servers that share a store share their keys. */
export const pki = clusterPki({ clock: systemClock, random: systemRandom });

export async function localApiServer(storage: StorageEngine, options: Pick<ApiServerOptions, 'featureEnabled'> = {}): Promise<LocalApiServer> {
  const server = createApiServer({ ...options, storage, clock: systemClock, random: systemRandom, log: silentLogger, metrics: new MetricsRegistry(), pki });
  await server.start(new AbortController().signal);
  const transport = server.transport(ADMIN);
  return { server, transport, async stop() { await transport.close(); await server.stop(); } };
}
