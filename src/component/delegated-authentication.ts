/**
 * Who calls a component's own endpoint: a verified client certificate, or a bearer token that the API server reviews.
 *
 * Answers about tokens are kept for a short time (accepted ones longer than refused ones), by the token's hash.
 */
import { createHash } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { LRUCache } from 'lru-cache';
import type { Clock } from '#base/clock';
import { tokenreviews, type TokenReview } from '#api/generated/authentication/v1';
import type { Client } from '#client/client';

export interface Caller {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export interface Credentials {
  /** The `authorization` header. */
  readonly authorization?: string;
  /** The connection, when it is TLS and asked for a client certificate. */
  readonly socket?: TLSSocket;
}

export interface DelegatedAuthentication {
  /** Undefined: the credentials are wrong (401). No credentials: anonymous. */
  authenticate(credentials: Credentials, signal?: AbortSignal): Promise<Caller | undefined>;
}

export interface DelegatedAuthenticationOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly audiences?: readonly string[];
  /** Let callers without credentials pass as `system:anonymous`. Default true; authorization still decides. */
  readonly anonymous?: boolean;
  readonly acceptedTtlMs?: number;
  readonly refusedTtlMs?: number;
}

const ACCEPTED_TTL_MS = 120_000;
const REFUSED_TTL_MS = 10_000;
const CACHE_ENTRIES_MAX = 4096;
const TOKEN_LENGTH_MAX = 32 * 1024;

export const ANONYMOUS: Caller = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

export function delegatedAuthentication(options: DelegatedAuthenticationOptions): DelegatedAuthentication {
  const known = new LRUCache<string, { readonly caller: Caller | undefined; readonly untilMs: number }>({ max: CACHE_ENTRIES_MAX });

  async function review(token: string, signal?: AbortSignal): Promise<Caller | undefined> {
    const key = createHash('sha256').update(token).digest('hex');
    const cached = known.get(key);
    if (cached !== undefined && cached.untilMs > options.clock.monotonicNow()) return cached.caller;
    const body: TokenReview = { metadata: {}, spec: { token, ...(options.audiences && { audiences: [...options.audiences] }) } };
    const answer = await options.client.for(tokenreviews).create(body, signal === undefined ? {} : { signal });
    const user = answer.status?.authenticated === true ? answer.status.user : undefined;
    const caller: Caller | undefined = user && {
      name: user.username ?? '', groups: user.groups ?? [], ...(user.uid && { uid: user.uid }), ...(user.extra && { extra: user.extra }),
    };
    const ttlMs = caller === undefined ? options.refusedTtlMs ?? REFUSED_TTL_MS : options.acceptedTtlMs ?? ACCEPTED_TTL_MS;
    known.set(key, { caller, untilMs: options.clock.monotonicNow() + ttlMs });
    return caller;
  }

  return {
    async authenticate(credentials, signal) {
      const byCertificate = certificateCaller(credentials.socket);
      if (byCertificate !== undefined) return byCertificate;
      const token = /^bearer (\S+)$/i.exec(credentials.authorization ?? '')?.[1];
      if (token !== undefined) return token.length > TOKEN_LENGTH_MAX ? undefined : review(token, signal);
      return options.anonymous === false ? undefined : ANONYMOUS;
    },
  };
}

/** Common name and organisations of a client certificate that the TLS layer has verified. */
export function certificateCaller(socket: TLSSocket | undefined): Caller | undefined {
  if (socket?.authorized !== true) return undefined;
  const subject = socket.getPeerCertificate().subject as unknown as Record<string, string | string[] | undefined> | undefined;
  const name = subject?.['CN'];
  if (typeof name !== 'string' || name === '') return undefined;
  const organisations = subject?.['O'] ?? [];
  return { name, groups: [...(Array.isArray(organisations) ? organisations : [organisations]), 'system:authenticated'] };
}
