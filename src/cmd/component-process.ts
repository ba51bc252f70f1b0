/**
 * What the components that run alone have in common: a client from `--kubeconfig`, health and metrics on a port of this machine (callers
 * are asked of the API server), leader election flags, and the life of the process.
 */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { systemClock } from '#base/clock';
import { jsonLogger, type Logger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { systemRandom } from '#base/random';
import type { Client } from '#client/client';
import { httpsTransport } from '#client/https-transport';
import { connectionOf, inClusterConnection, KubeconfigError, readKubeconfig, type Connection } from '#client/kubeconfig';
import { createClient } from '#client/rest-client';
import type { Component, ComponentContext } from '#component/component';
import { componentGroup } from '#component/component-group';
import { delegatedAuthentication } from '#component/delegated-authentication';
import { delegatedAuthorization } from '#component/delegated-authorization';
import { healthServer } from '#component/health-server';
import { addressOf, portOf } from './flag-values.ts';
import { runUntilSignal } from './process-life.ts';
import { listenFailure, UserError } from './terminal.ts';

export interface ComponentFlags {
  /** Absent: the service account of the pod that we run in. */
  readonly kubeconfig?: string;
  /** Health and metrics. 0: none. */
  readonly healthPort: string;
  readonly healthAddress: string;
}

export interface LeaderElectionFlags {
  /** False: this is the only one. */
  readonly leaderElect?: boolean;
}

export interface ComponentProcess {
  readonly context: ComponentContext;
  readonly client: Client;
}

/**
 * @param make the component; it is given a client that the process closes.
 * @param options.openOnLoopback metrics are for everybody on this machine as long as they are served on loopback only: for components
 *   whose own user may not ask who a caller is.
 */
export async function runComponent(name: string, flags: ComponentFlags, make: (given: ComponentProcess) => readonly Component[], options: { openOnLoopback?: boolean } = {}): Promise<void> {
  const log = componentLog(name);
  const context: ComponentContext = { clock: systemClock, random: systemRandom, metrics: new MetricsRegistry(), log };
  const health = { port: portOf(flags.healthPort, '--health-port'), host: addressOf(flags.healthAddress, '--health-address') };
  const transport = httpsTransport({ ...await connectionFor(flags.kubeconfig), clock: systemClock });
  const client = createClient({ transport, clock: systemClock, userAgent: `kubernode/v1.36 ${name}` });
  const group = componentGroup([healthPart(name, health, context, options.openOnLoopback === true && isLoopback(health.host) ? undefined : client), ...make({ context, client })], { name, clock: systemClock, log });
  await runUntilSignal(log, {
    start: (signal) => group.start(signal),
    async stop() {
      await group.stop();
      await client.close();
    },
  });
}

export function componentLog(name: string): Logger {
  return jsonLogger((line) => process.stderr.write(line), () => systemClock.now()).child({ component: name });
}

/** @throws UserError when there is no such file, or it names no server. */
export async function connectionFor(kubeconfig: string | undefined): Promise<Connection['options']> {
  if (kubeconfig !== undefined && !existsSync(kubeconfig)) throw new UserError(`--kubeconfig ${kubeconfig}: no such file`);
  try {
    return (kubeconfig === undefined ? inClusterConnection(process.env) : connectionOf(await readKubeconfig(kubeconfig))).options;
  } catch (error) {
    throw error instanceof KubeconfigError ? new UserError(`--kubeconfig${kubeconfig === undefined ? ' is not given' : ` ${kubeconfig}`}: ${error.message}`) : error;
  }
}

function isLoopback(address: string): boolean { return address === '::1' || address.startsWith('127.'); }

/** @param client asks who a caller is and what they may; absent: everybody may read metrics. Health is open to all. */
export function healthPart(name: string, { host, port }: { host: string; port: number }, context: ComponentContext, client: Client | undefined): Component {
  if (port === 0) return { name: 'health', async start() {}, async stop() {} };
  const server = healthServer({
    name: `${name} health`, host, port, metrics: context.metrics, log: context.log, livez: [{ name: 'ping', check() {} }],
    ...(client === undefined ? {} : { authentication: delegatedAuthentication({ client, clock: context.clock }), authorization: delegatedAuthorization({ client, clock: context.clock }) }),
  });
  return {
    ...server,
    start: (signal) => server.start(signal).catch((error: unknown) => { throw listenFailure(error, `${host}:${port}`, '--health-port'); }),
  };
}

/** Nothing when this is the only one. */
export function leaderElectionOf(flags: LeaderElectionFlags): { leaderElection?: { identity: string } } {
  return flags.leaderElect === false ? {} : { leaderElection: { identity: `${hostname()}_${systemRandom.uuid()}` } };
}
