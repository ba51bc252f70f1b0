/**
 * Kubeconfig files: reading, merging, writing, and what a context says about how to connect.
 *
 * Merging follows kubectl: entries of the first file win, by name. Writing replaces the file as a whole, readable by its
 * owner only. Not done: credential plugins (`exec`) and `auth-provider`; they are kept when a file is rewritten.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { dump, load } from 'js-yaml';
import type { Clock } from '#base/clock';
import { httpsTransport, type HttpsTransportOptions, type Source } from './https-transport.ts';
import type { Transport } from './transport.ts';

export interface NamedCluster { name: string; cluster: { server: string; 'certificate-authority'?: string; 'certificate-authority-data'?: string; 'tls-server-name'?: string; 'insecure-skip-tls-verify'?: boolean } }
export interface NamedUser { name: string; user: { 'client-certificate'?: string; 'client-certificate-data'?: string; 'client-key'?: string; 'client-key-data'?: string; token?: string; tokenFile?: string } }
export interface NamedContext { name: string; context: { cluster: string; user: string; namespace?: string } }

export interface Kubeconfig {
  apiVersion: 'v1';
  kind: 'Config';
  clusters: NamedCluster[];
  users: NamedUser[];
  contexts: NamedContext[];
  'current-context'?: string;
  preferences?: Record<string, unknown>;
}

export class KubeconfigError extends Error {}

/** @throws KubeconfigError when it is not a kubeconfig. */
export function parseKubeconfig(text: string, source = 'kubeconfig'): Kubeconfig {
  let value: unknown;
  try {
    value = load(text);
  } catch (cause) {
    throw new KubeconfigError(`${source} is not YAML: ${(cause as Error).message}`, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new KubeconfigError(`${source} is not a kubeconfig`);
  const config = value as Partial<Kubeconfig>;
  return { ...config, apiVersion: 'v1', kind: 'Config', clusters: config.clusters ?? [], users: config.users ?? [], contexts: config.contexts ?? [] };
}

/** Reads a file; its relative paths are made absolute. */
export async function readKubeconfig(path: string): Promise<Kubeconfig> {
  const config = parseKubeconfig(await readFile(path, 'utf8'), path);
  const absolute = <T extends object>(entry: T, key: keyof T): void => {
    const value = entry[key];
    if (typeof value === 'string' && value !== '') entry[key] = resolve(dirname(path), value) as T[keyof T];
  };
  for (const { cluster } of config.clusters) absolute(cluster, 'certificate-authority');
  for (const { user } of config.users) {
    absolute(user, 'client-certificate');
    absolute(user, 'client-key');
    absolute(user, 'tokenFile');
  }
  return config;
}

/** `first` wins where both have an entry of the same name. */
export function mergeKubeconfigs(first: Kubeconfig, second: Kubeconfig): Kubeconfig {
  const byName = <T extends { name: string }>(a: T[], b: T[]): T[] => [...a, ...b.filter((item) => !a.some((known) => known.name === item.name))];
  const current = first['current-context'] ?? second['current-context'];
  return {
    ...second, ...first,
    clusters: byName(first.clusters, second.clusters), users: byName(first.users, second.users), contexts: byName(first.contexts, second.contexts),
    ...(current !== undefined && { 'current-context': current }),
  };
}

/** Without the named context and what only it used. */
export function withoutContext(config: Kubeconfig, name: string): Kubeconfig {
  const contexts = config.contexts.filter((entry) => entry.name !== name);
  const gone = config.contexts.find((entry) => entry.name === name)?.context;
  const unused = (kind: 'cluster' | 'user', entry: string): boolean => gone?.[kind] === entry && !contexts.some(({ context }) => context[kind] === entry);
  const { 'current-context': current, ...rest } = config;
  return {
    ...rest, contexts,
    clusters: config.clusters.filter((entry) => !unused('cluster', entry.name)),
    users: config.users.filter((entry) => !unused('user', entry.name)),
    ...(current !== undefined && current !== name && { 'current-context': current }),
  };
}

export function kubeconfigText(config: Kubeconfig): string {
  return dump(config, { lineWidth: -1 });
}

/** Replaces the file in one step, mode 0600. */
export async function writeKubeconfig(path: string, config: Kubeconfig): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}.tmp`;
  await writeFile(draft, kubeconfigText(config), { mode: 0o600 });
  await rename(draft, path);
}

export interface Connection { readonly options: Omit<HttpsTransportOptions, 'clock'>; readonly namespace: string }

/** @throws KubeconfigError when the context, its cluster or its user is missing. */
export function connectionOf(config: Kubeconfig, contextName = config['current-context']): Connection {
  if (contextName === undefined || contextName === '') throw new KubeconfigError('the kubeconfig has no current-context; name a context');
  const context = config.contexts.find((entry) => entry.name === contextName)?.context;
  if (context === undefined) throw new KubeconfigError(`the kubeconfig has no context "${contextName}"`);
  const cluster = config.clusters.find((entry) => entry.name === context.cluster)?.cluster;
  if (cluster === undefined) throw new KubeconfigError(`context "${contextName}": no cluster "${context.cluster}"`);
  const user = config.users.find((entry) => entry.name === context.user)?.user ?? {};
  const ca = source(cluster['certificate-authority-data'], cluster['certificate-authority']);
  const certificate = source(user['client-certificate-data'], user['client-certificate']);
  const key = source(user['client-key-data'], user['client-key']);
  const token: Source | undefined = user.tokenFile !== undefined ? { file: user.tokenFile } : user.token !== undefined ? { data: user.token } : undefined;
  return {
    namespace: context.namespace ?? 'default',
    options: {
      server: cluster.server, ...(ca && { ca }), ...(certificate && { certificate }), ...(key && { key }), ...(token && { token }),
      ...(cluster['tls-server-name'] !== undefined && { serverName: cluster['tls-server-name'] }),
      ...(cluster['insecure-skip-tls-verify'] === true && { insecureSkipVerify: true }),
    },
  };
}

function source(data: string | undefined, file: string | undefined): Source | undefined {
  if (data !== undefined && data !== '') return { data: Buffer.from(data, 'base64').toString('utf8') };
  return file === undefined || file === '' ? undefined : { file };
}

export async function transportFromKubeconfig(path: string, clock: Clock, context?: string): Promise<Transport> {
  return httpsTransport({ ...connectionOf(await readKubeconfig(path), context).options, clock });
}

/** Where a pod finds its service account and the API server. */
const ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Inside a pod: the mounted token and CA. @throws KubeconfigError outside a pod. */
export function inClusterConnection(environment: NodeJS.ProcessEnv): Connection {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
  if (!host || !port) throw new KubeconfigError('not in a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set');
  return {
    namespace: 'default',
    options: { server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`, ca: { file: `${ACCOUNT_DIR}/ca.crt` }, token: { file: `${ACCOUNT_DIR}/token` } },
  };
}
