/**
 * Whether a caller may do something on a component's own endpoint: the API server decides by SubjectAccessReview.
 *
 * Answers are kept for a short time; `system:masters` always passes, as in the API server.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '#base/clock';
import { subjectaccessreviews, type NonResourceAttributes, type ResourceAttributes, type SubjectAccessReview } from '#api/generated/authorization/v1';
import type { Client } from '#client/client';
import type { Caller } from './delegated-authentication.ts';

export type Attributes = { readonly resource: ResourceAttributes } | { readonly path: NonResourceAttributes };
export interface Decision { readonly allowed: boolean; readonly reason: string }

export interface DelegatedAuthorization {
  authorize(caller: Caller, attributes: Attributes, signal?: AbortSignal): Promise<Decision>;
}

export interface DelegatedAuthorizationOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly allowedTtlMs?: number;
  readonly deniedTtlMs?: number;
  /** Paths that anyone may read, such as `/healthz`. */
  readonly openPaths?: readonly string[];
}

const ALLOWED_TTL_MS = 300_000;
const DENIED_TTL_MS = 30_000;
const CACHE_ENTRIES_MAX = 4096;

export function delegatedAuthorization(options: DelegatedAuthorizationOptions): DelegatedAuthorization {
  const known = new LRUCache<string, { readonly decision: Decision; readonly untilMs: number }>({ max: CACHE_ENTRIES_MAX });
  return {
    async authorize(caller, attributes, signal) {
      if (caller.groups.includes('system:masters')) return { allowed: true, reason: '' };
      if ('path' in attributes && options.openPaths?.includes(attributes.path.path ?? '') === true) return { allowed: true, reason: '' };
      const key = JSON.stringify([caller, attributes]);
      const cached = known.get(key);
      if (cached !== undefined && cached.untilMs > options.clock.monotonicNow()) return cached.decision;
      const review: SubjectAccessReview = {
        metadata: {},
        spec: {
          user: caller.name, groups: [...caller.groups], ...(caller.uid !== undefined && { uid: caller.uid }),
          ...(caller.extra && { extra: Object.fromEntries(Object.entries(caller.extra).map(([name, values]) => [name, [...values]])) }),
          ...('resource' in attributes ? { resourceAttributes: attributes.resource } : { nonResourceAttributes: attributes.path }),
        },
      };
      const { status } = await options.client.for(subjectaccessreviews).create(review, signal === undefined ? {} : { signal });
      const decision: Decision = { allowed: status?.allowed === true, reason: status?.reason ?? '' };
      const ttlMs = decision.allowed ? options.allowedTtlMs ?? ALLOWED_TTL_MS : options.deniedTtlMs ?? DENIED_TTL_MS;
      known.set(key, { decision, untilMs: options.clock.monotonicNow() + ttlMs });
      return decision;
    },
  };
}
