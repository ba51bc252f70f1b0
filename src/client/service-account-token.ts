/**
 * Tokens of service accounts, for components that act under several identities over HTTPS.
 *
 * A token is asked for when it is needed and again when a fifth of its life is left; the account is made when it is missing.
 */
import type { Clock } from '#base/clock';
import type { TokenRequest } from '#api/generated/authentication/v1';
import { serviceaccounts } from '#api/generated/core/v1';
import { isAlreadyExists, isNotFound } from '#machinery/status-error';
import type { Client } from './client.ts';

const LIFETIME_SECONDS = 3600;
const RENEW_SHARE = 0.8;

export function serviceAccountToken(client: Client, clock: Clock, namespace: string, name: string): () => Promise<string> {
  let token = '';
  let renewAtMs = -Infinity;

  async function request(): Promise<TokenRequest> {
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: {}, spec: { audiences: [], expirationSeconds: LIFETIME_SECONDS } };
    return client.for(serviceaccounts, namespace).createSubresource<unknown, TokenRequest>(name, 'token', body);
  }

  return async () => {
    if (clock.monotonicNow() < renewAtMs) return token;
    let answer: TokenRequest;
    try {
      answer = await request();
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await client.for(serviceaccounts, namespace).create({ metadata: { name, namespace } }).catch((failure: unknown) => { if (!isAlreadyExists(failure)) throw failure; });
      answer = await request();
    }
    token = answer.status?.token ?? '';
    renewAtMs = clock.monotonicNow() + LIFETIME_SECONDS * RENEW_SHARE * 1000;
    return token;
  };
}
