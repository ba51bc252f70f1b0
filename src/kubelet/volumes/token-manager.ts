/**
 * Service account tokens for pods: asked for once, kept, renewed at 80 % of their life (or after a day).
 */
import type { Clock } from '#base/clock';
import type { TokenRequest } from '#api/generated/authentication/v1';
import { serviceaccounts, type Pod } from '#api/generated/core/v1';
import type { Client } from '#client/client';
import { newNotFound } from '#machinery/status-error';

export interface TokenManager {
  /** @throws StatusError from the API when there is no valid one left. */
  token(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<string>;
  forget(podUid: string): void;
}

interface Kept { token: string; issuedMs: number; expiresMs: number }

const RENEW_SHARE = 0.8;
const AGE_MS_MAX = 24 * 60 * 60 * 1000;

export function createTokenManager(client: Client | undefined, clock: Clock): TokenManager {
  const kept = new Map<string, Kept>();
  return {
    token: async (pod, audience, expirationSeconds) => {
      const account = pod.spec?.serviceAccountName ?? 'default';
      if (client === undefined) throw newNotFound('', 'serviceaccounts', account);
      const key = `${pod.metadata.uid}/${account}/${audience ?? ''}/${expirationSeconds}`;
      const current = kept.get(key);
      const nowMs = clock.now();
      if (current !== undefined && !isDue(current, nowMs)) return current.token;
      try {
        const answer = await client.for(serviceaccounts, pod.metadata.namespace).createSubresource<TokenRequest, TokenRequest>(account, 'token', {
          apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: {},
          spec: { audiences: audience === undefined || audience === '' ? [] : [audience], expirationSeconds, boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: pod.metadata.name!, uid: pod.metadata.uid! } },
        });
        const fresh = { token: answer.status?.token ?? '', issuedMs: nowMs, expiresMs: Date.parse(answer.status?.expirationTimestamp ?? '') };
        kept.set(key, fresh);
        return fresh.token;
      } catch (error) {
        // A token that still holds is better than none.
        if (current !== undefined && current.expiresMs > nowMs) return current.token;
        throw error;
      }
    },
    forget: (podUid) => { for (const key of kept.keys()) if (key.startsWith(`${podUid}/`)) kept.delete(key); },
  };
}

function isDue(kept: Kept, nowMs: number): boolean {
  const life = kept.expiresMs - kept.issuedMs;
  return nowMs - kept.issuedMs > Math.min(AGE_MS_MAX, life * RENEW_SHARE);
}
