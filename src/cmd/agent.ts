/**
 * `kubernode agent --server URL --token TOKEN`: makes this machine a node of a cluster elsewhere, and is its node process.
 *
 * The token is needed once; afterwards the machine has certificates of its own and renews them. It learns of all servers of the cluster and
 * goes on with another when one dies. Containers go on running while the agent is down.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { endpointslices } from '#api/generated/discovery/v1';
import { systemClock } from '#base/clock';
import { jsonLogger } from '#base/log';
import type { Component, ComponentContext } from '#component/component';
import { transportFromKubeconfig } from '#client/kubeconfig';
import { createClient } from '#client/rest-client';
import { usableDataDir } from './flag-values.ts';
import { claimForeground } from './foreground.ts';
import { checkServer, joinCluster, renewCertificates, type JoinTarget } from './join.ts';
import { nodeNetwork, type NodeNetwork } from './join-objects.ts';
import { machineNode, type MachineNodeFlags } from './machine-node.ts';
import { hostPart } from './network-range.ts';
import { serveMachineNode } from './node.ts';
import { requireNodePrograms } from './preflight.ts';
import { startServerBalancer, type ServerBalancer } from './server-balancer.ts';
import { terminalProgress, UserError } from './terminal.ts';

interface AgentCommand extends MachineNodeFlags {
  readonly server: string;
  readonly token?: string;
  readonly tokenFile?: string;
}

const RENEWAL_INTERVAL_MS = 3600_000;
const DISCOVERY_INTERVAL_MS = 30_000;

export async function runAgent(command: AgentCommand): Promise<void> {
  const token = tokenOf(command);
  requireNodePrograms();
  usableDataDir(command.dataDir);
  claimForeground(command.dataDir);
  const node = await machineNode(command);
  const servers = command.server.split(',').map((one) => one.trim()).filter((one) => one !== '');
  for (const server of servers) checkServer(server);
  mkdirSync(node.credentials, { recursive: true, mode: 0o700 });
  const log = jsonLogger((line) => process.stdout.write(line), () => systemClock.now()).child({ component: 'server-balancer' });
  const balancer = await startServerBalancer({ servers, path: join(node.credentials, 'servers.json'), clock: systemClock, log });
  const target: JoinTarget = { servers, localServer: balancer.url, nodeName: node.name, address: node.address, credentials: node.credentials, ...(token === undefined ? {} : { token }) };
  const progress = terminalProgress();
  await progress.stage(`join ${command.server} as ${node.name}`, () => joinCluster(target, systemClock));
  const settings = node.configure(await networkOf(node.credentials));
  await serveMachineNode(settings, (context) => [serverDiscovery(balancer, node.credentials, context), renewal(target, context)]);
}

/** A file or the environment keeps the token out of the list of processes. */
function tokenOf({ token, tokenFile }: AgentCommand): string | undefined {
  if (tokenFile === undefined) return token;
  if (token !== undefined) throw new UserError('give --token or --token-file, not both');
  if (!existsSync(tokenFile)) throw new UserError(`--token-file ${tokenFile}: no such file`);
  return readFileSync(tokenFile, 'utf8').trim();
}

async function networkOf(credentials: string): Promise<NodeNetwork> {
  const client = createClient({ transport: await transportFromKubeconfig(join(credentials, 'kubelet.kubeconfig'), systemClock), clock: systemClock, userAgent: 'kubernode agent' });
  try {
    return await nodeNetwork(client);
  } finally {
    await client.close();
  }
}

/** Tells the balancer which API servers run, now and then. */
function serverDiscovery(balancer: ServerBalancer, credentials: string, { clock, log }: ComponentContext): Component {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  const watch = async (): Promise<void> => {
    const client = createClient({ transport: await transportFromKubeconfig(join(credentials, 'proxy.kubeconfig'), clock), clock, userAgent: 'kubernode agent' });
    while (!stopping.signal.aborted) {
      try {
        const { items } = await client.for(endpointslices, 'default').list({ labelSelector: 'kubernetes.io/service-name=kubernetes', signal: stopping.signal });
        const servers = items.flatMap((slice) => (slice.endpoints ?? []).flatMap((endpoint) => endpoint.addresses.map((address) => `${hostPart(address)}:${slice.ports?.[0]?.port}`)));
        if (servers.length > 0) balancer.learn(servers);
      } catch (error) {
        if (!stopping.signal.aborted) log.debug('the servers of the cluster could not be asked for', { error });
      }
      await clock.sleep(DISCOVERY_INTERVAL_MS, stopping.signal).catch(() => undefined);
    }
    await client.close();
  };
  return {
    name: 'server-discovery',
    async start() { running = watch(); },
    async stop() {
      stopping.abort(new Error('the agent stops'));
      await running;
    },
  };
}

/** Client certificates take effect within a minute; the serving one at the next start. */
function renewal(target: JoinTarget, { clock, log }: ComponentContext): Component {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  const watch = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await clock.sleep(RENEWAL_INTERVAL_MS, stopping.signal).catch(() => undefined);
      if (stopping.signal.aborted) return;
      try {
        const names = await renewCertificates(target, clock, stopping.signal);
        if (names.length > 0) log.info('certificates were renewed', { names });
      } catch (error) {
        if (!stopping.signal.aborted) log.warn('certificates could not be renewed; trying again', { error, retryMs: RENEWAL_INTERVAL_MS });
      }
    }
  };
  return {
    name: 'certificate-renewal',
    async start() { running = watch(); },
    async stop() {
      stopping.abort(new Error('the agent stops'));
      await running;
    },
  };
}
