/** `kubernode controller-manager`: all controllers by themselves, against an API server named by a kubeconfig. */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { systemClock } from '#base/clock';
import { jsonLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { systemRandom } from '#base/random';
import type { Client } from '#client/client';
import { httpsTransport } from '#client/https-transport';
import { connectionOf, readKubeconfig } from '#client/kubeconfig';
import { createClient } from '#client/rest-client';
import { serviceAccountToken } from '#client/service-account-token';
import { componentGroup } from '#component/component-group';
import { delegatedAuthentication } from '#component/delegated-authentication';
import { delegatedAuthorization } from '#component/delegated-authorization';
import { healthServer } from '#component/health-server';
import { createControllerManager } from '#controllers/manager';
import type { ControllerOptions } from '#controllers/options';
import { runUntilSignal } from './process-life.ts';
import { UserError } from './terminal.ts';

export interface ControllerManagerCommand {
  readonly kubeconfig: string;
  readonly controllers?: string;
  readonly clusterCidr?: string;
  readonly serviceClusterIpRange?: string;
  readonly allocateNodeCidrs?: boolean;
  readonly rootCaFile?: string;
  readonly clusterSigningCertFile?: string;
  readonly clusterSigningKeyFile?: string;
  readonly leaderElect?: boolean;
  readonly useServiceAccountCredentials?: boolean;
  /** Health and metrics, on 127.0.0.1. 0: none. */
  readonly healthPort?: string;
}

const NAMESPACE = 'kube-system';
const HEALTH_PORT = '10257';

export async function runControllerManager(command: ControllerManagerCommand): Promise<void> {
  const log = jsonLogger((line) => process.stderr.write(line), () => systemClock.now()).child({ component: 'controller-manager' });
  const metrics = new MetricsRegistry();
  const { options: connection } = connectionOf(await readKubeconfig(command.kubeconfig));
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
    clock: systemClock, random: systemRandom, log, metrics, client, options: await settingsOf(command),
    ...(command.useServiceAccountCredentials !== false && { clientFor }),
    ...(command.controllers !== undefined && { controllers: command.controllers.split(',') }),
    ...(command.leaderElect !== false && { leaderElection: { identity: `${hostname()}_${systemRandom.uuid()}` } }),
  });
  const port = Number(command.healthPort ?? HEALTH_PORT);
  const health = healthServer({
    name: 'health', host: '127.0.0.1', port, metrics, log, livez: [{ name: 'ping', check() {} }],
    authentication: delegatedAuthentication({ client, clock: systemClock }), authorization: delegatedAuthorization({ client, clock: systemClock }),
  });
  const group = componentGroup([...(port === 0 ? [] : [health]), manager], { name: 'controller-manager', clock: systemClock, log });
  await runUntilSignal(log, {
    start: (signal) => group.start(signal),
    async stop() {
      await group.stop();
      await Promise.all(clients.map((one) => one.close()));
    },
  });
}

async function settingsOf(command: ControllerManagerCommand): Promise<Partial<ControllerOptions>> {
  const { clusterSigningCertFile: certificate, clusterSigningKeyFile: key } = command;
  if ((certificate === undefined) !== (key === undefined)) throw new UserError('give --cluster-signing-cert-file and --cluster-signing-key-file together');
  return {
    ...(command.clusterCidr !== undefined && { clusterCidrs: command.clusterCidr.split(',') }),
    ...(command.serviceClusterIpRange !== undefined && { serviceCidrs: command.serviceClusterIpRange.split(',') }),
    ...(command.allocateNodeCidrs !== undefined && { allocateNodeCidrs: command.allocateNodeCidrs }),
    ...(command.rootCaFile !== undefined && { rootCa: await readFile(command.rootCaFile, 'utf8') }),
    ...(certificate !== undefined && key !== undefined && { signing: { caCertificate: await readFile(certificate, 'utf8'), caKey: await readFile(key, 'utf8') } }),
  };
}
