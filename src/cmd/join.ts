/**
 * Joins a cluster with a bootstrap token.
 *
 *     cluster-info (nothing is trusted yet) → is its authority the one the token vouches for? → from here on only that authority
 *     → the kubelet's certificate, as the token's holder → serving, kube-proxy's and DNS certificates, as the node
 *
 * A token vouches by the hash it carries, or else by the signature over cluster-info that only who knows it can make. Nothing
 * secret is sent before the authority is known.
 */
import { createHmac, timingSafeEqual, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConfigMap } from '#api/generated/core/v1';
import type { Clock } from '#base/clock';
import type { Client } from '#client/client';
import { readBody } from '#client/exchange';
import { httpsTransport, type HttpsTransportOptions } from '#client/https-transport';
import { kubeconfigText, parseKubeconfig, transportFromKubeconfig } from '#client/kubeconfig';
import { createClient } from '#client/rest-client';
import { TransportError } from '#client/transport';
import { isForbidden, isUnauthorized } from '#machinery/status-error';
import { COMPONENT_USERS } from '#pki/cluster-pki';
import { caHash, parseJoinToken } from './bootstrap-token.ts';
import { requestCertificate, type WantedCertificate } from './certificate-request.ts';
import { DNS_USER } from './dns-user.ts';
import { CLUSTER_INFO } from './join-objects.ts';
import { UserError } from './terminal.ts';
import { writeSecretFile } from './user-kubeconfig.ts';

export interface JoinTarget {
  /** At least one; the first that can be reached is joined. */
  readonly servers: readonly string[];
  /** Where the node finds an API server from then on. */
  readonly localServer: string;
  /** Not needed once the machine has joined. */
  readonly token?: string;
  readonly nodeName: string;
  readonly address: string;
  readonly credentials: string;
}

/** A certificate with less than this share of its life left is asked for anew. */
const RENEWAL_SHARE = 1 / 3;
/** A fresh token is signed for within moments. */
const SIGNED_MS_MAX = 20_000;
const POLL_MS = 500;

/** Leaves all credentials of the node in place; asks only for what is missing or near its end. @throws UserError */
export async function joinCluster(target: JoinTarget, clock: Clock, signal?: AbortSignal): Promise<void> {
  const { credentials } = target;
  for (const server of target.servers) checkServer(server);
  const caPath = join(credentials, 'ca.crt');
  const known = existsSync(caPath) && isNode(join(credentials, 'kubelet.crt'), target.nodeName, clock);
  if (!known) {
    if (target.token === undefined) throw new UserError('this machine has not joined yet: give --token (kubernode token create --print-join on the server makes one)');
    const token = parseJoinToken(target.token);
    const { server, caPem } = await firstAuthority(target.servers, token, clock, signal);
    writeSecretFile(caPath, caPem);
    const client = clientOf(server, clock, { ca: { data: caPem }, token: { data: `${token.id}.${token.secret}` } });
    try {
      await obtain(client, clock, target, 'kubelet', signal);
    } catch (error) {
      if (isUnauthorized(error)) throw new UserError('the server does not take this token: it may have expired or been deleted; kubernode token create makes a new one');
      if (isForbidden(error)) throw new UserError(`the token may not join nodes: ${(error as Error).message}`);
      throw error;
    } finally {
      await client.close();
    }
  }
  for (const name of ['kubelet', 'proxy', 'dns'] as const) writeKubeconfigOf(target, name);
  await renewCertificates(target, clock, signal);
}

/** Asks, as the node, for every certificate that is missing or near its end. @returns their names. */
export async function renewCertificates(target: JoinTarget, clock: Clock, signal?: AbortSignal): Promise<string[]> {
  const names = (Object.keys(wantedCertificates(target)) as CertificateName[]).filter((name) => !fresh(join(target.credentials, `${name}.crt`), clock));
  if (names.length === 0) return [];
  const transport = await transportFromKubeconfig(join(target.credentials, 'kubelet.kubeconfig'), clock);
  const client = createClient({ transport, clock, userAgent: 'kubernode agent' });
  try {
    for (const name of names) await obtain(client, clock, target, name, signal);
  } finally {
    await client.close();
  }
  return names;
}

type CertificateName = 'kubelet' | 'proxy' | 'dns' | 'kubelet-serving';

function wantedCertificates({ nodeName, address }: JoinTarget): Record<CertificateName, WantedCertificate> {
  const user = `system:node:${nodeName}`;
  const component = (commonName: string): WantedCertificate => ({ commonName, signerName: 'kubernetes.io/kube-apiserver-client', usage: 'client auth' });
  return {
    kubelet: { commonName: user, organizations: ['system:nodes'], signerName: 'kubernetes.io/kube-apiserver-client-kubelet', usage: 'client auth' },
    'kubelet-serving': { commonName: user, organizations: ['system:nodes'], dnsNames: [nodeName], ipAddresses: [address], signerName: 'kubernetes.io/kubelet-serving', usage: 'server auth' },
    proxy: component(COMPONENT_USERS.proxy),
    dns: component(DNS_USER),
  };
}

/** Key first, certificate last: whoever finds a certificate finds its key. */
async function obtain(client: Client, clock: Clock, target: JoinTarget, name: CertificateName, signal: AbortSignal | undefined): Promise<void> {
  const { certificatePem, keyPem } = await requestCertificate(client, clock, wantedCertificates(target)[name], signal);
  writeSecretFile(join(target.credentials, `${name}.key`), keyPem);
  writeSecretFile(join(target.credentials, `${name}.crt`), certificatePem);
}

function fresh(path: string, clock: Clock): boolean {
  if (!existsSync(path)) return false;
  const { validFrom, validTo } = new X509Certificate(readFileSync(path));
  const untilMs = Date.parse(validTo);
  return untilMs - clock.now() > (untilMs - Date.parse(validFrom)) * RENEWAL_SHARE;
}

/** The certificate is that node's and has not ended: no token is needed any more. */
function isNode(path: string, nodeName: string, clock: Clock): boolean {
  if (!existsSync(path)) return false;
  const { subject, validTo } = new X509Certificate(readFileSync(path));
  return Date.parse(validTo) > clock.now() && subject.split('\n').includes(`CN=system:node:${nodeName}`);
}

/** With paths instead of contents: what is renewed takes effect by itself. */
function writeKubeconfigOf({ localServer, credentials }: JoinTarget, name: string): void {
  writeSecretFile(join(credentials, `${name}.kubeconfig`), kubeconfigText({
    apiVersion: 'v1', kind: 'Config', 'current-context': 'kubernode',
    clusters: [{ name: 'kubernode', cluster: { server: localServer, 'certificate-authority': join(credentials, 'ca.crt') } }],
    users: [{ name, user: { 'client-certificate': join(credentials, `${name}.crt`), 'client-key': join(credentials, `${name}.key`) } }],
    contexts: [{ name: 'kubernode', context: { cluster: 'kubernode', user: name } }],
  }));
}

class UnreachableError extends UserError {
  readonly what: string;
  constructor(what: string) {
    super(`${what}: check --server, and that kubernode server runs there`);
    this.what = what;
  }
}

/** A server that answers decides: only those that cannot be reached are passed over. @throws UserError */
async function firstAuthority(servers: readonly string[], token: ReturnType<typeof parseJoinToken>, clock: Clock, signal: AbortSignal | undefined): Promise<{ server: string; caPem: string }> {
  const unreachable: string[] = [];
  for (const server of servers) {
    try {
      return { server, caPem: await discoverAuthority(server, token, clock, signal) };
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      unreachable.push(error.what);
    }
  }
  throw new UnreachableError(unreachable.join('; '));
}

/** PEM of the authority that the token vouches for. */
export async function discoverAuthority(server: string, token: ReturnType<typeof parseJoinToken>, clock: Clock, signal: AbortSignal | undefined): Promise<string> {
  const untilMs = clock.monotonicNow() + SIGNED_MS_MAX;
  for (;;) {
    const { data = {} } = await publicInfo(server, clock, signal);
    const text = data['kubeconfig'];
    if (text === undefined) throw new UserError(`${server} tells joining machines nothing: was it started by kubernode server?`);
    const encoded = parseKubeconfig(text, 'cluster-info').clusters[0]?.cluster['certificate-authority-data'] ?? '';
    const caPem = Buffer.from(encoded, 'base64').toString('utf8');
    if (token.caHash !== undefined) {
      if (caHash(caPem) === token.caHash) return caPem;
      throw new UserError(`the authority of ${server} is not the one the token was made for: check --server, or somebody stands between; a new token comes from kubernode token create --print-join`);
    }
    const signature = data[`jws-kubeconfig-${token.id}`];
    if (signature !== undefined) {
      if (isSignedBy(token.secret, signature, text)) return caPem;
      throw new UserError(`what ${server} says about the cluster is not signed with this token: check the token, or somebody stands between`);
    }
    if (clock.monotonicNow() > untilMs) throw new UserError('the server does not know this token: it may have expired or been deleted; kubernode token create makes a new one');
    await clock.sleep(POLL_MS, signal);
  }
}

/** A detached JWS, HS256: `header..signature`. */
export function isSignedBy(secret: string, jws: string, content: string): boolean {
  const [header = '', , signature = ''] = jws.split('.');
  let algorithm: unknown;
  try {
    algorithm = (JSON.parse(Buffer.from(header, 'base64url').toString('utf8')) as { alg?: unknown }).alg;
  } catch {
    return false;
  }
  const right = createHmac('sha256', secret).update(`${header}.${Buffer.from(content).toString('base64url')}`).digest();
  const given = Buffer.from(signature, 'base64url');
  return algorithm === 'HS256' && given.length === right.length && timingSafeEqual(given, right);
}

async function publicInfo(server: string, clock: Clock, signal: AbortSignal | undefined): Promise<ConfigMap> {
  const transport = httpsTransport({ server, clock, insecureSkipVerify: true });
  try {
    const path = `/api/v1/namespaces/${CLUSTER_INFO.namespace}/configmaps/${CLUSTER_INFO.name}`;
    const answer = await transport.request({ method: 'GET', path, headers: { accept: 'application/json' }, ...(signal === undefined ? {} : { signal }) });
    const body = await readBody(answer);
    if (answer.status === 404) return { metadata: {}, data: {} };
    if (answer.status !== 200) throw new UserError(`${server} answered ${answer.status} when asked about the cluster: is it the API server of a kubernode?`);
    return JSON.parse(body.toString('utf8')) as ConfigMap;
  } catch (error) {
    if (error instanceof TransportError) throw new UnreachableError(`${server} cannot be reached: ${error.message}`);
    if (error instanceof SyntaxError) throw new UserError(`${server} does not speak like an API server: check --server`);
    throw error;
  } finally {
    await transport.close();
  }
}

function clientOf(server: string, clock: Clock, credentials: Pick<HttpsTransportOptions, 'ca' | 'token'>): Client {
  return createClient({ transport: httpsTransport({ server, clock, ...credentials }), clock, userAgent: 'kubernode agent' });
}

export function checkServer(server: string): void {
  if (!/^https:\/\/[^/\s]+\/?$/.test(server)) throw new UserError(`--server ${server}: https://ADDRESS:6443 is expected`);
}
