/** `kubernode apiserver`: the API server by itself, with its own certificate authority and an administrator's kubeconfig. */
import { connectHandlers } from '#apiserver/proxy/connect-handlers';
import { createApiServer, type ApiServer } from '#apiserver/server';
import { snapshotRoute } from '#apiserver/snapshot-route';
import { systemClock } from '#base/clock';
import { jsonLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { systemRandom } from '#base/random';
import type { Client } from '#client/client';
import { writeKubeconfig } from '#client/kubeconfig';
import { createClient } from '#client/rest-client';
import { clusterPki, type ClusterPki } from '#pki/cluster-pki';
import { apiServerSettings, type ApiServerFlags } from './api-server-flags.ts';
import { openEtcdFace, type RunningFace } from './etcd-face.ts';
import { portOf, usableDataDir } from './flag-values.ts';
import { clusterPaths } from './layout.ts';
import { runUntilSignal } from './process-life.ts';
import { openStorage, storageSettings, type StorageFlags } from './storage-engine.ts';
import { listenFailure } from './terminal.ts';

export interface ApiServerCommand extends StorageFlags, ApiServerFlags {
  readonly dataDir: string;
  readonly securePort: string;
  readonly bindAddress: string;
}

const SERVICE_ADDRESS = '10.96.0.1';

export async function runApiServer(command: ApiServerCommand): Promise<void> {
  const paths = clusterPaths(command.dataDir);
  const port = portOf(command.securePort, '--secure-port');
  const settings = storageSettings(command);
  usableDataDir(command.dataDir);
  const log = jsonLogger((line) => process.stderr.write(line), () => systemClock.now());
  const behaviour = apiServerSettings(command, log);
  const pki = clusterPki({ directory: paths.pki, clock: systemClock, random: systemRandom, serviceAddress: SERVICE_ADDRESS, addresses: [command.bindAddress] });
  const storage = await openStorage(settings, paths.storage, log);
  const advertise = `${command.bindAddress}:${port}`;
  let own: Client | undefined;
  const proxy = {
    get client() { return own ??= createClient({ transport: server.transport({ name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] }), clock: systemClock, userAgent: 'kubernode/v1.36 system:apiserver' }); },
    tls: { key: pki.kubeletClient.privateKeyPem, cert: pki.kubeletClient.certificatePem, ca: pki.authority.certificatePem },
  };
  const server: ApiServer = createApiServer({
    storage, clock: systemClock, random: systemRandom, log, metrics: new MetricsRegistry(), pki, advertise,
    settings: settingsOf(command), ...behaviour.options, connectHandlers: connectHandlers(proxy, systemRandom), mounted: [snapshotRoute(storage, systemClock)],
  });
  let face: RunningFace | undefined;
  await runUntilSignal(log, {
    async start(signal) {
      const startedMs = performance.now();
      face = await openEtcdFace(storage, settings.etcdListen, { pki, log, name: 'kubernode' });
      await server.start(signal);
      const bound = await server.listen({ host: command.bindAddress, port }).catch((error: unknown) => { throw listenFailure(error, `${command.bindAddress}:${port}`, '--secure-port'); });
      const address = `${bound.host.includes(':') ? `[${bound.host}]` : bound.host}:${bound.port}`;
      await writeKubeconfig(paths.adminKubeconfig, adminKubeconfig(pki, `https://${address}`));
      log.info('API server is ready', { address, kubeconfig: paths.adminKubeconfig, milliseconds: Math.round(performance.now() - startedMs) });
    },
    async stop() {
      await server.stop();
      await own?.close();
      await face?.close();
      await storage.close();
      await behaviour.close();
    },
  });
}

/** The flags as `/flagz` shows them. */
function settingsOf(command: ApiServerCommand): Record<string, string> {
  const dashed = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(command).flatMap(([name, value]) => (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number' ? [[dashed(name), String(value)]] : [])));
}

function adminKubeconfig(pki: ClusterPki, server: string): Parameters<typeof writeKubeconfig>[1] {
  const base64 = (pem: string): string => Buffer.from(pem).toString('base64');
  return {
    apiVersion: 'v1', kind: 'Config', 'current-context': 'kubernode',
    clusters: [{ name: 'kubernode', cluster: { server, 'certificate-authority-data': base64(pki.authority.certificatePem) } }],
    users: [{ name: 'kubernode-admin', user: { 'client-certificate-data': base64(pki.admin.certificatePem), 'client-key-data': base64(pki.admin.privateKeyPem) } }],
    contexts: [{ name: 'kubernode', context: { cluster: 'kubernode', user: 'kubernode-admin' } }],
  };
}
