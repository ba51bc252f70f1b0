/**
 * Service-account tokens: signed by the cluster, bound to an account and perhaps to a pod, secret or node.
 *
 * A token counts while its account exists with the same UID, and so for each object it is bound to. Signatures are
 * checked once and remembered by the token's hash; the objects are looked at every time, so that a deletion revokes at
 * once. The key of a pod-bound token's node is information only: the pod decides.
 */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '#base/clock';
import type { MetricsRegistry } from '#base/metrics';
import type { ObjectMeta } from '#machinery/meta';
import { decodeJwt, verifyJwt, type JwtClaims, type VerificationKey } from '#pki/jwt';
import { NONE, type AuthenticationResult, type TokenAuthenticator } from './authenticator.ts';
import type { BoundObjects } from './bound-objects.ts';
import { CREDENTIAL_ID } from './client-certificate.ts';
import { serviceAccountGroups, serviceAccountUser } from './groups.ts';

export interface ServiceAccountTokenOptions {
  readonly issuers: readonly string[];
  /** The API server's own audiences. */
  readonly audiences: readonly string[];
  keys(): Promise<readonly VerificationKey[]>;
  readonly objects: BoundObjects;
  readonly clock: Clock;
  readonly metrics: MetricsRegistry;
}

/** Clocks may differ by this much. */
const LEEWAY_MS = 60_000;
const VERIFIED_TOKENS_MAX = 10_000;

export const EXTRA = {
  podName: 'authentication.kubernetes.io/pod-name', podUid: 'authentication.kubernetes.io/pod-uid',
  nodeName: 'authentication.kubernetes.io/node-name', nodeUid: 'authentication.kubernetes.io/node-uid',
} as const;

interface Reference { readonly name: string; readonly uid: string }

interface PrivateClaims {
  readonly namespace: string;
  readonly serviceaccount: Reference;
  readonly pod?: Reference;
  readonly secret?: Reference;
  readonly node?: Reference;
  /** When it should have been renewed, in seconds. */
  readonly warnafter?: number;
}

export function serviceAccountTokenAuthenticator(options: ServiceAccountTokenOptions): TokenAuthenticator {
  const stale = options.metrics.counter({ name: 'serviceaccount_stale_tokens_total', help: 'Cumulative stale projected service account tokens used' });
  const verified = new LRUCache<string, JwtClaims>({ max: VERIFIED_TOKENS_MAX });
  const claimsOf = async (token: string): Promise<JwtClaims | string> => {
    const hash = createHash('sha256').update(token).digest('base64');
    const known = verified.get(hash);
    if (known !== undefined) return known;
    const keys = await options.keys();
    const keyId = decodeJwt(token)?.keyId;
    if (keyId !== undefined && !keys.some((key) => key.keyId === keyId)) return 'invalid signature, no keys found';
    const claims = verifyJwt(token, keys);
    if (claims === undefined) return 'go-jose/go-jose: error in cryptographic primitive';
    verified.set(hash, claims);
    return claims;
  };
  return {
    name: 'service-account-token',
    async authenticateToken(token, audiences, signal) {
      const issuer = decodeJwt(token)?.claims['iss'];
      if (typeof issuer !== 'string' || !options.issuers.includes(issuer)) return NONE;
      const claims = await claimsOf(token);
      if (typeof claims === 'string') return invalid(claims);
      const meant = audiencesOf(claims['aud'], options.audiences);
      const common = meant.filter((audience) => audiences.includes(audience));
      if (common.length === 0) return invalid(`token audiences ${quoteList(meant)} is invalid for the target audiences ${quoteList(audiences)}`);
      const fault = timeFault(claims, options.clock.now());
      if (fault !== undefined) return invalid(fault);
      const bound = privateClaims(claims['kubernetes.io']);
      if (bound === undefined) return invalid('service account token claims could not be validated due to unexpected validation error');
      const gone = await boundFault(bound, options.objects, options.clock.now(), signal);
      if (gone !== undefined) return invalid(gone);
      // It lives longer than it was asked for, for programs that never read it again.
      if (bound.warnafter !== undefined && options.clock.now() > bound.warnafter * 1000) stale.inc();
      return accepted(bound, claims['jti'], common);
    },
  };
}

function invalid(reason: string): AuthenticationResult {
  return { kind: 'invalid', reason };
}

function accepted(bound: PrivateClaims, tokenId: unknown, audiences: readonly string[]): AuthenticationResult {
  const { namespace, serviceaccount, pod, node } = bound;
  const extra: Record<string, string[]> = {};
  if (typeof tokenId === 'string' && tokenId !== '') extra[CREDENTIAL_ID] = [`JTI=${tokenId}`];
  if (node !== undefined) { extra[EXTRA.nodeName] = [node.name]; extra[EXTRA.nodeUid] = [node.uid]; }
  if (pod !== undefined) { extra[EXTRA.podName] = [pod.name]; extra[EXTRA.podUid] = [pod.uid]; }
  const user = {
    name: serviceAccountUser(namespace, serviceaccount.name), uid: serviceaccount.uid, groups: serviceAccountGroups(namespace), extra,
  };
  return { kind: 'user', user, audiences };
}

function audiencesOf(value: unknown, implicit: readonly string[]): readonly string[] {
  if (typeof value === 'string') return [value];
  const list = Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === 'string') : [];
  return list.length === 0 ? implicit : list;
}

/** As Go prints a list of strings with %q. */
function quoteList(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(' ')}]`;
}

function timeFault(claims: JwtClaims, nowMs: number): string | undefined {
  const at = (name: string): number | undefined => (typeof claims[name] === 'number' ? claims[name] * 1000 : undefined);
  const expiry = at('exp');
  const notBefore = at('nbf');
  const issued = at('iat');
  if (notBefore !== undefined && nowMs + LEEWAY_MS < notBefore) return 'service account token is not valid yet';
  if (expiry !== undefined && nowMs - LEEWAY_MS > expiry) return 'service account token has expired';
  if (issued !== undefined && nowMs + LEEWAY_MS < issued) return 'service account token is issued in the future';
  return undefined;
}

function privateClaims(value: unknown): PrivateClaims | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const claims = value as Partial<PrivateClaims>;
  const named = (reference: unknown): boolean => typeof (reference as Reference | undefined)?.name === 'string';
  if (typeof claims.namespace !== 'string' || !named(claims.serviceaccount)) return undefined;
  for (const reference of [claims.pod, claims.secret, claims.node]) if (reference !== undefined && !named(reference)) return undefined;
  return claims as PrivateClaims;
}

type Found = { readonly metadata: ObjectMeta } | undefined;

function deletedBefore(object: Found, limitMs: number): boolean {
  const at = object?.metadata.deletionTimestamp;
  return at !== undefined && Date.parse(at) < limitMs;
}

const INVALIDATED = 'service account token has been invalidated';

async function boundFault(bound: PrivateClaims, objects: BoundObjects, nowMs: number, signal: AbortSignal): Promise<string | undefined> {
  const limitMs = nowMs - LEEWAY_MS;
  const { namespace, serviceaccount, pod, secret, node } = bound;
  const account = await objects.serviceAccount(namespace, serviceaccount.name, signal);
  if (account === undefined) return `serviceaccounts ${JSON.stringify(serviceaccount.name)} not found`;
  if (account.metadata.uid !== serviceaccount.uid) return `service account UID (${account.metadata.uid}) does not match claim (${serviceaccount.uid})`;
  if (deletedBefore(account, limitMs)) return `service account ${namespace}/${serviceaccount.name} has been deleted`;
  const check = (kind: string, lower: string, found: Found, reference: Reference): string | undefined => {
    if (found === undefined) return INVALIDATED;
    if (found.metadata.uid !== reference.uid) return `${kind} UID (${found.metadata.uid}) does not match service account ${lower} ref claim (${reference.uid})`;
    return deletedBefore(found, limitMs) ? INVALIDATED : undefined;
  };
  if (secret !== undefined) {
    const fault = check('secret', 'secret', await objects.secret(namespace, secret.name, signal), secret);
    if (fault !== undefined) return fault;
  }
  if (pod !== undefined) return check('pod', 'pod', await objects.pod(namespace, pod.name, signal), pod);
  if (node !== undefined) return check('node', 'node', await objects.node(node.name, signal), node);
  return undefined;
}
