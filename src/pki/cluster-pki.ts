/**
 * All keys and certificates of one cluster: made on the first start, loaded on the next, renewed when their end is near.
 *
 *     ca ──┬── apiserver                  serving, for every name the API server is reached by
 *          ├── apiserver-kubelet-client   the API server, towards kubelets
 *          ├── clients/<identity>         one per component, node and administrator
 *          └── serving/<name>             kubelets and other servers
 *     front-proxy-ca ── front-proxy-client   the API server, towards aggregated API servers
 *     etcd/ca ── etcd/server, etcd/client    etcd's API on the store, when it is served
 *     sa.key / sa.pub                     service-account tokens
 *
 * Every identity has its own key; only the administrator is in `system:masters`. A file that is there but cannot be read
 * is an error, never replaced: a new authority would lock every node out.
 */
import { createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';
import type { Clock } from '#base/clock';
import type { Random } from '#base/random';
import {
  createAuthority, generateKey, issueCertificate, parseCertificate, privateKeyPem, readAuthority, readPrivateKey, type Authority, type Certified,
} from './certificate.ts';
import type { SubjectName } from './distinguished-name.ts';
import { keyFiles, type KeyFiles } from './key-files.ts';
import { loadServiceAccountKeys, type ServiceAccountKeys } from './service-account-key.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const AUTHORITY_LIFETIME_MS = 3650 * DAY_MS;
const LEAF_LIFETIME_MS = 365 * DAY_MS;
/** Clocks of other machines may be behind ours by this much. */
const CLOCK_SKEW_MS = 5 * 60 * 1000;
/** A leaf with less than this share of its life left is made anew at the next load. */
const RENEWAL_SHARE = 1 / 3;

export interface ClusterPkiOptions {
  /** Absent: everything stays in memory. */
  readonly directory?: string;
  readonly clock: Clock;
  readonly random: Random;
  /** First address of the service network. */
  readonly serviceAddress?: string;
  readonly clusterDomain?: string;
  /** Further IP addresses and DNS names of the API server. */
  readonly addresses?: readonly string[];
  readonly dnsNames?: readonly string[];
}

/** A certificate and its key, and where they lie (undefined in memory). */
export interface Identity extends Certified {
  readonly certificatePath: string | undefined;
  readonly keyPath: string | undefined;
  readonly notAfterMs: number;
}

export interface EtcdIdentities { readonly authority: Authority; readonly authorityPath: string | undefined; readonly serving: Identity; readonly client: Identity }

export interface ClusterPki {
  readonly authority: Authority;
  readonly authorityPath: string | undefined;
  readonly frontProxyAuthority: Authority;
  readonly frontProxyAuthorityPath: string | undefined;
  /** The API server's serving certificate. */
  readonly serving: Identity;
  readonly kubeletClient: Identity;
  readonly frontProxyClient: Identity;
  /** `system:masters`: for the administrator's kubeconfig only. */
  readonly admin: Identity;
  /** Client certificate of a component: `system:kube-scheduler` and so on. Made when first asked for. */
  component(userName: string, groups?: readonly string[]): Identity;
  /** `system:node:NAME` in `system:nodes`. */
  node(nodeName: string): Identity;
  /** Serving certificate signed by the cluster authority, such as a kubelet's (`system:node:NAME` in `system:nodes`). */
  servingFor(name: string, options: { subject: SubjectName; addresses: readonly string[]; dnsNames: readonly string[] }): Identity;
  /** Made when first asked for. `client` may do everything with the store. */
  etcd(names: { readonly addresses: readonly string[]; readonly dnsNames: readonly string[] }): EtcdIdentities;
  /** Resolves when the key is on disk; a fresh one takes some 100 ms on the thread pool. */
  serviceAccountKeys(): Promise<ServiceAccountKeys>;
}

/** The API server, as kubelets see it. */
export const KUBELET_CLIENT_USER = 'kube-apiserver-kubelet-client';

export const COMPONENT_USERS = {
  controllerManager: 'system:kube-controller-manager',
  scheduler: 'system:kube-scheduler',
  proxy: 'system:kube-proxy',
} as const;

export function clusterPki(options: ClusterPkiOptions): ClusterPki {
  const files = keyFiles(options.directory);
  const context: Context = { files, clock: options.clock, random: options.random };
  const authority = loadAuthority(context, 'ca', 'kubernetes');
  const frontProxyAuthority = loadAuthority(context, 'front-proxy-ca', 'front-proxy-ca');
  const saKeys = loadServiceAccountKeys(files);
  saKeys.catch(() => { /* whoever asks for the keys gets the failure */ });
  const client = (name: string, subject: SubjectName, signer = authority): Identity =>
    loadLeaf(context, signer, name, { subject, usages: ['digital signature', 'key encipherment', 'client auth'], addresses: [], dnsNames: [] });
  return {
    authority, authorityPath: files.path('ca.crt'),
    frontProxyAuthority, frontProxyAuthorityPath: files.path('front-proxy-ca.crt'),
    serving: loadLeaf(context, authority, 'apiserver', {
      subject: { commonName: 'kube-apiserver' }, usages: ['digital signature', 'key encipherment', 'server auth'], ...servingNames(options),
    }),
    kubeletClient: client('apiserver-kubelet-client', { commonName: KUBELET_CLIENT_USER }),
    frontProxyClient: client('front-proxy-client', { commonName: 'front-proxy-client' }, frontProxyAuthority),
    admin: client('clients/admin', { commonName: 'admin', organizations: ['system:masters'] }),
    component: (userName, groups = []) => client(`clients/${fileName(userName)}`, { commonName: userName, organizations: groups }),
    node: (nodeName) => client(`clients/${fileName(`system:node:${nodeName}`)}`, { commonName: `system:node:${nodeName}`, organizations: ['system:nodes'] }),
    servingFor: (name, serving) => loadLeaf(context, authority, `serving/${fileName(name)}`, { ...serving, usages: ['digital signature', 'server auth'] }),
    etcd: (names) => loadEtcd(context, names),
    serviceAccountKeys: () => saKeys,
  };
}

/** An authority of its own: no other certificate of the cluster opens the store. */
function loadEtcd(context: Context, { addresses, dnsNames }: { readonly addresses: readonly string[]; readonly dnsNames: readonly string[] }): EtcdIdentities {
  const authority = loadAuthority(context, 'etcd/ca', 'etcd-ca');
  const usages = ['digital signature', 'key encipherment'];
  return {
    authority, authorityPath: context.files.path('etcd/ca.crt'),
    serving: loadLeaf(context, authority, 'etcd/server', {
      subject: { commonName: 'kubernode-etcd' }, usages: [...usages, 'server auth'], addresses: [...new Set(['127.0.0.1', '::1', ...addresses])], dnsNames: [...new Set(['localhost', ...dnsNames])],
    }),
    client: loadLeaf(context, authority, 'etcd/client', { subject: { commonName: 'kubernode-etcd-client' }, usages: [...usages, 'client auth'], addresses: [], dnsNames: [] }),
  };
}

interface Context { readonly files: KeyFiles; readonly clock: Clock; readonly random: Random }

function servingNames(options: ClusterPkiOptions): { addresses: string[]; dnsNames: string[] } {
  const domain = options.clusterDomain ?? 'cluster.local';
  return {
    addresses: [...new Set(['127.0.0.1', '::1', options.serviceAddress ?? '10.96.0.1', ...(options.addresses ?? [])])],
    dnsNames: [...new Set(['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', `kubernetes.default.svc.${domain}`, 'localhost', ...(options.dnsNames ?? [])])],
  };
}

function loadAuthority(context: Context, name: string, commonName: string): Authority {
  const certificate = context.files.read(`${name}.crt`);
  const key = context.files.read(`${name}.key`);
  if (certificate !== undefined && key !== undefined) {
    try {
      return readAuthority(certificate, key);
    } catch (error) {
      throw new Error(`the certificate authority ${context.files.path(`${name}.crt`) ?? name} cannot be used`, { cause: error });
    }
  }
  if (certificate !== undefined) throw new Error(`${context.files.path(`${name}.key`) ?? name} is missing; without it no certificate can be issued`);
  const now = context.clock.now();
  const made = createAuthority({ commonName, notBeforeMs: now - CLOCK_SKEW_MS, notAfterMs: now + AUTHORITY_LIFETIME_MS, random: context.random });
  context.files.write(`${name}.key`, privateKeyPem(made.privateKey), true);
  context.files.write(`${name}.crt`, made.certificatePem, false);
  return made;
}

interface Leaf { subject: SubjectName; usages: readonly string[]; addresses: readonly string[]; dnsNames: readonly string[] }

function loadLeaf(context: Context, authority: Authority, name: string, leaf: Leaf): Identity {
  const { files, clock, random } = context;
  const paths = { certificatePath: files.path(`${name}.crt`), keyPath: files.path(`${name}.key`) };
  const storedCertificate = files.read(`${name}.crt`);
  const storedKey = files.read(`${name}.key`);
  const now = clock.now();
  if (storedCertificate !== undefined && storedKey !== undefined) {
    const notAfterMs = usableUntil(storedCertificate, storedKey, authority, leaf, now);
    if (notAfterMs !== undefined) return { certificatePem: storedCertificate, privateKeyPem: storedKey, notAfterMs, ...paths };
  }
  const privateKey: KeyObject = generateKey();
  const notAfterMs = Math.min(now + LEAF_LIFETIME_MS, authority.notAfterMs);
  const certificatePem = issueCertificate(authority, {
    subject: leaf.subject, publicKey: createPublicKey(privateKey), usages: leaf.usages,
    names: { dnsNames: leaf.dnsNames, ipAddresses: leaf.addresses }, notBeforeMs: now - CLOCK_SKEW_MS, notAfterMs,
  }, random);
  const keyPem = privateKeyPem(privateKey);
  files.write(`${name}.key`, keyPem, true);
  files.write(`${name}.crt`, certificatePem, false);
  return { certificatePem, privateKeyPem: keyPem, notAfterMs, ...paths };
}

/** When the stored pair ends; undefined when it has to be made anew (near its end, other authority, names missing). */
function usableUntil(certificatePem: string, keyPem: string, authority: Authority, leaf: Leaf, nowMs: number): number | undefined {
  try {
    const certificate = new X509Certificate(certificatePem);
    const parsed = parseCertificate(certificate.raw);
    const from = Date.parse(certificate.validFrom);
    const until = Date.parse(certificate.validTo);
    const fresh = until - nowMs > (until - from) * RENEWAL_SHARE;
    const ours = certificate.checkPrivateKey(readPrivateKey(keyPem)) && certificate.verify(createPublicKey(authority.privateKey));
    const subject = parsed.subject.commonName === leaf.subject.commonName
      && parsed.subject.organizations.join('\n') === (leaf.subject.organizations ?? []).join('\n');
    const named = leaf.dnsNames.every((name) => parsed.names?.dnsNames.includes(name) === true)
      && leaf.addresses.every((address) => certificate.checkIP(address) !== undefined);
    return fresh && ours && subject && named ? until : undefined;
  } catch {
    return undefined;
  }
}

/** `system:node:a` → `system-node-a`; nothing that could leave the directory. */
function fileName(name: string): string {
  return name.replace(/[^A-Za-z0-9.-]/g, '-').replace(/^\.+/, '');
}
