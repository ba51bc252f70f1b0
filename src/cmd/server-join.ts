/**
 * A further API server for a cluster: how it comes to the keys that all of them share.
 *
 *     kubernode token create --for-server    on a server: a token that lives an hour, for nothing but this
 *     kubernode server --server URL --token  elsewhere: is the authority the one the token vouches for? → from here on only that authority,
 *                                            over TLS → the keys, as the token's holder → a server like the first, on the same etcd
 *
 * Who holds such a token can become the cluster. Keys are sent only to that group and to system:masters, whatever roles say; the store itself
 * never holds them.
 */
import type { MountedRoute } from '#apiserver/discovery/routes';
import { methodNotAllowed } from '#apiserver/handlers/dispatch';
import type { Clock } from '#base/clock';
import { readBody } from '#client/exchange';
import { httpsTransport } from '#client/https-transport';
import { TransportError } from '#client/transport';
import { newForbidden } from '#machinery/status-error';
import { hasSharedKeys, installSharedKeys, readSharedKeys, type SharedKeys } from '#pki/shared-keys';
import type { StorageEngine } from '#storage/contract';
import { caHash, parseJoinToken, SERVER_TOKEN_GROUP } from './bootstrap-token.ts';
import { checkServer, discoverAuthority } from './join.ts';
import { SERVER_KEYS_PATH } from './join-objects.ts';
import { serverStorage, type StorageSettings } from './storage-engine.ts';
import { UserError } from './terminal.ts';

const MASTERS = 'system:masters';
const ANSWER_MS_MAX = 20_000;

/** What all servers of a cluster must agree on. */
export interface SharedConfig { readonly clusterCidr: string; readonly serviceCidr: string; readonly clusterDns: string }

interface ServerKeys extends SharedConfig {
  readonly keys: SharedKeys;
  /** The uid of kube-system: two stores that have the same are one. */
  readonly clusterUid: string;
}

export function serverKeysRoute(pkiDirectory: string, config: SharedConfig, clusterUid: () => Promise<string>): MountedRoute {
  return {
    path: SERVER_KEYS_PATH,
    async handle({ request, user }) {
      if (request.method !== 'GET') throw methodNotAllowed();
      if (!user.groups.includes(SERVER_TOKEN_GROUP) && !user.groups.includes(MASTERS)) throw newForbidden('', '', '', `the keys of the cluster are for members of ${SERVER_TOKEN_GROUP} and ${MASTERS} only`);
      const answer: ServerKeys = { ...config, keys: readSharedKeys(pkiDirectory), clusterUid: await clusterUid() };
      return { status: 200, headers: { 'content-type': 'application/json', 'cache-control': 'no-store' }, body: Buffer.from(JSON.stringify(answer)) };
    },
  };
}

export interface JoinedCluster extends SharedConfig {
  readonly clusterUid: string;
  /** Puts the keys where they belong: from now on this machine is a server of the cluster. */
  install(): void;
}

/** Fetches the keys of the cluster. @returns undefined when this machine has keys already. @throws UserError */
export async function joinAsServer(options: { readonly server: string; readonly token: string | undefined; readonly pkiDirectory: string }, clock: Clock, signal?: AbortSignal): Promise<JoinedCluster | undefined> {
  const { server, pkiDirectory } = options;
  checkServer(server);
  if (hasSharedKeys(pkiDirectory)) return undefined;
  if (options.token === undefined) throw new UserError('this machine has not joined yet: give --token (kubernode token create --for-server --print-join on a server makes one)');
  const token = parseJoinToken(options.token);
  const caPem = await discoverAuthority(server, token, clock, signal);
  const { keys, clusterUid, clusterCidr, serviceCidr, clusterDns } = await fetchKeys(server, caPem, `${token.id}.${token.secret}`, clock);
  if (caHash(keys['ca.crt']) !== caHash(caPem)) throw new UserError(`${server} sends keys of another cluster than it says it belongs to`);
  return { clusterUid, clusterCidr, serviceCidr, clusterDns, install: () => installSharedKeys(pkiDirectory, keys) };
}

async function fetchKeys(server: string, caPem: string, bearer: string, clock: Clock): Promise<ServerKeys> {
  const transport = httpsTransport({ server, clock, ca: { data: caPem }, token: { data: bearer } });
  try {
    const answer = await transport.request({ method: 'GET', path: SERVER_KEYS_PATH, headers: { accept: 'application/json' }, signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    const body = await readBody(answer);
    if (answer.status === 401) throw new UserError('the server does not take this token: it may have expired or been deleted; kubernode token create --for-server makes a new one');
    if (answer.status === 403) throw new UserError('this token joins nodes, not servers: kubernode token create --for-server makes one that does');
    if (answer.status !== 200) throw new UserError(`${server} answered ${answer.status} when asked for the keys of the cluster: was it started by kubernode server?`);
    return JSON.parse(body.toString('utf8')) as ServerKeys;
  } catch (error) {
    if (error instanceof TransportError) throw new UserError(`${server} cannot be reached: ${error.message}`);
    throw error;
  } finally {
    await transport.close();
  }
}

/** Two servers on two stores would be two clusters with one name. @throws UserError */
export async function requireSameStore(storage: StorageEngine, { clusterUid }: JoinedCluster, settings: StorageSettings): Promise<void> {
  const found = await storage.get('/registry/namespaces/kube-system');
  const uid = found === undefined ? undefined : uidOf(found.value);
  if (uid === clusterUid) return;
  throw new UserError(`the etcd at ${settings.etcdServers?.join(', ')} holds ${uid === undefined ? 'no cluster' : 'another cluster'}: give the --etcd-servers that the other servers use`);
}

function uidOf(value: Buffer): string | undefined {
  try {
    return (JSON.parse(value.toString('utf8')) as { metadata?: { uid?: string } }).metadata?.uid;
  } catch {
    return undefined;
  }
}

/** Flags that name the store of the server in `dataDir`, for the command that starts another one. */
export function storeFlags(dataDir: string): string {
  const storage = serverStorage(dataDir);
  if (storage.engine !== 'etcd') return '--etcd-servers https://ETCD:2379';
  const files = [['--etcd-cafile', storage.etcdCafile], ['--etcd-certfile', storage.etcdCertfile], ['--etcd-keyfile', storage.etcdKeyfile], ['--etcd-user', storage.etcdUser], ['--etcd-password-file', storage.etcdPasswordFile]];
  return [`--etcd-servers ${storage.etcdServers?.join(',') ?? ''}`, ...files.filter(([, value]) => value !== undefined).map((pair) => pair.join(' '))].join(' ');
}
