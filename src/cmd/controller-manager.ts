/** `kubernode controller-manager`: all controllers by themselves, against an API server named by a kubeconfig, or the one whose pod it runs in. */
import { systemClock } from '#base/clock';
import { MetricsRegistry } from '#base/metrics';
import { systemRandom } from '#base/random';
import type { Client } from '#client/client';
import { httpsTransport } from '#client/https-transport';
import { createClient } from '#client/rest-client';
import { serviceAccountToken } from '#client/service-account-token';
import { componentGroup } from '#component/component-group';
import { createControllerManager } from '#controllers/manager';
import type { ControllerOptions } from '#controllers/options';
import { componentLog, connectionFor, healthPart, leaderElectionOf, type ComponentFlags, type LeaderElectionFlags } from './component-process.ts';
import { addressOf, portOf } from './flag-values.ts';
import { runUntilSignal } from './process-life.ts';
import { readFlagFile } from './storage-engine.ts';
import { UserError } from './terminal.ts';

export interface ControllerManagerCommand extends ComponentFlags, LeaderElectionFlags {
  readonly controllers?: string;
  readonly clusterCidr?: string;
  readonly serviceClusterIpRange?: string;
  readonly allocateNodeCidrs?: boolean;
  readonly rootCaFile?: string;
  readonly clusterSigningCertFile?: string;
  readonly clusterSigningKeyFile?: string;
  readonly useServiceAccountCredentials?: boolean;
}

const NAMESPACE = 'kube-system';

export async function runControllerManager(command: ControllerManagerCommand): Promise<void> {
  const log = componentLog('controller-manager');
  const metrics = new MetricsRegistry();
  const connection = await connectionFor(command.kubeconfig);
  const clientWith = (settings: typeof connection, name: string): Client =>
    createClient({ transport: httpsTransport({ ...settings, clock: systemClock }), clock: systemClock, userAgent: `kube-controller-manager/v1.36 kubernode/${name}` });
  const client = clientWith(connection, 'shared');
  const clients: Client[] = [client];
  const { certificate: _, key: __, token: ___, ...server } = connection;
  const clientFor = (account: string): Client => {
    const made = clientWith({ ...server, token: { read: serviceAccountToken(client, systemClock, NAMESPACE, account) } }, account);
    clients.push(made);
    return made;
  };
  const manager = createControllerManager({
    clock: systemClock, random: systemRandom, log, metrics, client, options: settingsOf(command),
    ...(command.useServiceAccountCredentials !== false && { clientFor }),
    ...(command.controllers !== undefined && { controllers: command.controllers.split(',') }),
    ...leaderElectionOf(command),
  });
  const health = healthPart('controller-manager', { host: addressOf(command.healthAddress, '--health-address'), port: portOf(command.healthPort, '--health-port') }, { clock: systemClock, random: systemRandom, metrics, log }, client);
  const group = componentGroup([health, manager], { name: 'controller-manager', clock: systemClock, log });
  await runUntilSignal(log, {
    start: (signal) => group.start(signal),
    async stop() {
      await group.stop();
      await Promise.all(clients.map((one) => one.close()));
    },
  });
}

function settingsOf(command: ControllerManagerCommand): Partial<ControllerOptions> {
  const { clusterSigningCertFile: certificate, clusterSigningKeyFile: key } = command;
  if ((certificate === undefined) !== (key === undefined)) throw new UserError('give --cluster-signing-cert-file and --cluster-signing-key-file together');
  return {
    ...(command.clusterCidr !== undefined && { clusterCidrs: command.clusterCidr.split(',') }),
    ...(command.serviceClusterIpRange !== undefined && { serviceCidrs: command.serviceClusterIpRange.split(',') }),
    ...(command.allocateNodeCidrs !== undefined && { allocateNodeCidrs: command.allocateNodeCidrs }),
    ...(command.rootCaFile !== undefined && { rootCa: readFlagFile('--root-ca-file', command.rootCaFile).toString('utf8') }),
    ...(certificate !== undefined && key !== undefined && { signing: { caCertificate: readFlagFile('--cluster-signing-cert-file', certificate).toString('utf8'), caKey: readFlagFile('--cluster-signing-key-file', key).toString('utf8') } }),
  };
}
