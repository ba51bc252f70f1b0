/** `kubernode control-plane`: API server, storage, controllers and scheduler of a local cluster, as `cluster.json` says. */
import { systemClock } from '#base/clock';
import { jsonLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { systemRandom } from '#base/random';
import { apiServerSettings } from './api-server-flags.ts';
import { CLUSTER_DOMAIN, hostAddress, type ClusterConfig } from './cluster-config.ts';
import { createControlPlane } from './control-plane-group.ts';
import { openEtcdFace, type RunningFace } from './etcd-face.ts';
import { createHostRoutes } from './host-routes.ts';
import { clusterPaths } from './layout.ts';
import { runUntilSignal } from './process-life.ts';
import { openStorage } from './storage-engine.ts';
import { clusterPkiOf, requireCluster } from './up.ts';

export async function runControlPlane(options: { dataDir: string }): Promise<void> {
  const config = requireCluster(options.dataDir);
  const context = { clock: systemClock, random: systemRandom, metrics: new MetricsRegistry(), log: jsonLogger((line) => process.stdout.write(line), () => systemClock.now()) };
  const behaviour = apiServerSettings(config.apiServer ?? {}, context.log);
  const storage = await openStorage(config.storage, clusterPaths(config.dataDir).storage, context.log);
  const pki = clusterPkiOf(config);
  const plane = createControlPlane({
    ...context, storage, pki, behaviour: behaviour.options,
    listen: [{ host: '127.0.0.1', port: config.apiPort }, { host: hostAddress(config), port: config.apiPort }],
    advertise: `${hostAddress(config)}:${config.apiPort}`,
    controllers: { clusterCidrs: [config.podCidr], serviceCidrs: [config.serviceCidr] }, serviceCidrs: [config.serviceCidr],
    addons: { dnsAddress: config.dnsAddress },
    join: {
      server: `https://${hostAddress(config)}:${config.apiPort}`, caPem: pki.authority.certificatePem,
      network: { podCidr: config.podCidr, clusterDns: config.dnsAddress, clusterDomain: CLUSTER_DOMAIN },
    },
  });
  const routes = createHostRoutes({ client: plane.admin, config }, context);
  let face: RunningFace | undefined;
  await runUntilSignal(context.log, {
    async start(signal) {
      face = await openEtcdFace(storage, config.storage.etcdListen, { pki, log: context.log, name: 'kubernode' });
      await plane.start(signal);
      context.log.info('API server serves', { sinceProcessStartMs: Math.round(process.uptime() * 1000) });
      await plane.ready(signal);
      await routes.start(signal);
    },
    async stop() {
      await routes.stop();
      await plane.stop();
      await face?.close();
      await storage.close();
      await behaviour.close();
    },
  });
}

export function serviceAddressOf(config: ClusterConfig): string {
  return config.dnsAddress.replace(/\.10$/, '.1');
}
