/**
 * `kubernode agent --server URL --token TOKEN`: makes this machine a node of a cluster elsewhere, and is its node process.
 *
 * The token is needed once; afterwards the machine has certificates of its own and renews them. Containers go on running while
 * the agent is down.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '#base/clock';
import type { Component, ComponentContext } from '#component/component';
import { transportFromKubeconfig } from '#client/kubeconfig';
import { createClient } from '#client/rest-client';
import { usableDataDir } from './flag-values.ts';
import { claimForeground } from './foreground.ts';
import { joinCluster, renewCertificates, type JoinTarget } from './join.ts';
import { nodeNetwork, type NodeNetwork } from './join-objects.ts';
import { machineNode, type MachineNodeFlags } from './machine-node.ts';
import { serveMachineNode } from './node.ts';
import { requireNodePrograms } from './preflight.ts';
import { terminalProgress, UserError } from './terminal.ts';

interface AgentCommand extends MachineNodeFlags {
  readonly server: string;
  readonly token?: string;
  readonly tokenFile?: string;
}

const RENEWAL_INTERVAL_MS = 3600_000;

export async function runAgent(command: AgentCommand): Promise<void> {
  const token = tokenOf(command);
  requireNodePrograms();
  usableDataDir(command.dataDir);
  claimForeground(command.dataDir);
  const node = await machineNode(command);
  const target: JoinTarget = { server: command.server, nodeName: node.name, address: node.address, credentials: node.credentials, ...(token === undefined ? {} : { token }) };
  const progress = terminalProgress();
  await progress.stage(`join ${command.server} as ${node.name}`, () => joinCluster(target, systemClock));
  const settings = node.configure(await networkOf(node.credentials));
  await serveMachineNode(settings, (context) => [renewal(target, context)]);
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
