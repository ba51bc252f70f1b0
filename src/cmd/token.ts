/** `kubernode token create|list|delete`: bootstrap tokens, with which nodes join. Each is a Secret in kube-system. */
import { existsSync } from 'node:fs';
import { secrets, type Secret } from '#api/generated/core/v1';
import { systemClock } from '#base/clock';
import { systemRandom } from '#base/random';
import type { Client } from '#client/client';
import { readKubeconfig, transportFromKubeconfig } from '#client/kubeconfig';
import { createClient } from '#client/rest-client';
import { isAlreadyExists, isNotFound } from '#machinery/status-error';
import { joinToken, newToken, NODE_TOKEN_GROUP, parseToken, secretField, SERVER_TOKEN_GROUP, TOKEN_NAMESPACE, TOKEN_SECRET_TYPE, tokenSecret } from './bootstrap-token.ts';
import { adminClient } from './cluster-client.ts';
import { durationMs } from './flag-values.ts';
import { clusterPaths } from './layout.ts';
import { storeFlags } from './server-join.ts';
import { table } from './table.ts';
import { UserError } from './terminal.ts';

interface Access { dataDir: string; kubeconfig?: string }
interface CreateOptions extends Access { ttl?: string; forServer?: boolean; description?: string; groups?: string[]; printJoin?: boolean }

const NODE_TTL = '24h';
/** Long enough to walk over; whoever finds it later finds nothing. */
const SERVER_TTL = '1h';
const GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

export async function createToken(text: string | undefined, options: CreateOptions): Promise<void> {
  const token = text === undefined ? newToken(systemRandom) : parseToken(text);
  const ttlMs = durationMs(options.ttl ?? (options.forServer === true ? SERVER_TTL : NODE_TTL), '--ttl');
  const groups = options.groups ?? [options.forServer === true ? SERVER_TOKEN_GROUP : NODE_TOKEN_GROUP];
  for (const group of groups) if (!GROUP.test(group)) throw new UserError(`--groups ${group}: it must begin with system:bootstrappers: and end with a lower-case letter or digit`);
  const expires = ttlMs === 0 ? {} : { expiresMs: systemClock.now() + ttlMs };
  const described = options.description === undefined ? {} : { description: options.description };
  await withClient(options, async (client) => {
    try {
      await client.for(secrets, TOKEN_NAMESPACE).create(tokenSecret(token, { groups, ...expires, ...described }));
    } catch (error) {
      if (isAlreadyExists(error)) throw new UserError(`there is a token ${token.id} already: kubernode token delete ${token.id} removes it`);
      throw error;
    }
  });
  const answer = options.printJoin === true ? await joinCommand(options, token) : `${token.id}.${token.secret}`;
  process.stdout.write(`${answer}\n`);
}

async function joinCommand(options: CreateOptions, token: ReturnType<typeof parseToken>): Promise<string> {
  const path = kubeconfigOf(options);
  const config = await readKubeconfig(path);
  const data = config.clusters[0]?.cluster['certificate-authority-data'];
  const server = await publicServer(options) ?? config.clusters[0]?.cluster.server;
  if (data === undefined || server === undefined) throw new UserError(`${path} does not hold the cluster's authority: use the administrator's kubeconfig`);
  const pinned = joinToken(token, Buffer.from(data, 'base64').toString('utf8'));
  return options.forServer === true ? `kubernode server --server ${server} --token ${pinned} ${storeFlags(options.dataDir)}` : `kubernode agent --server ${server} --token ${pinned}`;
}

/** The address that `cluster-info` tells joining nodes. */
async function publicServer(options: Access): Promise<string | undefined> {
  const { clusterInfo } = await import('./join-objects.ts');
  return withClient(options, async (client) => (await clusterInfo(client))?.clusters[0]?.cluster.server);
}

export async function listTokens(options: Access & { output?: string }): Promise<void> {
  const { items } = await withClient(options, (client) => client.for(secrets, TOKEN_NAMESPACE).list({ fieldSelector: `type=${TOKEN_SECRET_TYPE}` }));
  const rows = items.map((secret) => ({
    id: secretField(secret, 'token-id'), expires: secretField(secret, 'expiration'), usages: usagesOf(secret),
    groups: secretField(secret, 'auth-extra-groups'), description: secretField(secret, 'description'),
  }));
  if (options.output === 'json') process.stdout.write(`${JSON.stringify(rows, undefined, 2)}\n`);
  else process.stdout.write(table(['TOKEN', 'EXPIRES', 'USAGES', 'GROUPS', 'DESCRIPTION'], rows.map((row) => [row.id, row.expires || 'never', row.usages.join(','), row.groups, row.description])));
}

function usagesOf(secret: Secret): string[] {
  return ['authentication', 'signing'].filter((usage) => secretField(secret, `usage-bootstrap-${usage}`) === 'true');
}

/** @param token its id, or the whole token. */
export async function deleteToken(token: string, options: Access): Promise<void> {
  const id = /^[a-z0-9]{6}$/.test(token) ? token : parseToken(token).id;
  await withClient(options, async (client) => {
    try {
      await client.for(secrets, TOKEN_NAMESPACE).delete(`bootstrap-token-${id}`);
    } catch (error) {
      if (isNotFound(error)) throw new UserError(`there is no token ${id}: kubernode token list shows which there are`);
      throw error;
    }
  });
}

function kubeconfigOf({ kubeconfig, dataDir }: Access): string {
  if (kubeconfig !== undefined && !existsSync(kubeconfig)) throw new UserError(`--kubeconfig ${kubeconfig}: no such file`);
  return kubeconfig ?? clusterPaths(dataDir).adminKubeconfig;
}

async function withClient<T>(options: Access, work: (client: Client) => Promise<T>): Promise<T> {
  const client = options.kubeconfig === undefined ? await adminClient(options.dataDir)
    : createClient({ transport: await transportFromKubeconfig(kubeconfigOf(options), systemClock), clock: systemClock, userAgent: 'kubernode' });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}
