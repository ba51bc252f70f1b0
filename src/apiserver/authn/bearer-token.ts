/** Bearer tokens as requests bring them: the Authorization header, or a WebSocket subprotocol (browsers). */
import type { ApiRequest } from '../request.ts';
import { NONE, type AuthenticationResult, type Authenticator, type TokenAuthenticator } from './authenticator.ts';
import { headerValues } from './identity-headers.ts';

const SPACE_WARNING = 'the provided Authorization header contains extra space before the bearer token, and is ignored';
const WEBSOCKET_PREFIX = 'base64url.bearer.authorization.k8s.io.';
const BASE64URL = /^[A-Za-z0-9_-]+$/;

export const INVALID_TOKEN = 'invalid bearer token';

/** The token authenticators one after the other. A token that none of them knows is `invalid bearer token`. */
export async function authenticateToken(
  token: string, audiences: readonly string[], authenticators: readonly TokenAuthenticator[], signal: AbortSignal,
): Promise<Exclude<AuthenticationResult, { kind: 'none' }>> {
  const reasons: string[] = [];
  for (const authenticator of authenticators) {
    const result = await authenticator.authenticateToken(token, audiences, signal);
    if (result.kind === 'user') return result;
    if (result.kind === 'invalid') reasons.push(result.reason);
  }
  return { kind: 'invalid', reason: reasons.length === 0 ? INVALID_TOKEN : reasons.join(', ') };
}

export function bearerTokenAuthenticator(authenticators: readonly TokenAuthenticator[], audiences: readonly string[]): Authenticator {
  return {
    name: 'bearer-token',
    async authenticate(request) {
      const header = (headerValues(request.headers, 'authorization')[0] ?? '').trim();
      const [scheme = '', token, ...rest] = header.split(' ');
      if (token === undefined || scheme.toLowerCase() !== 'bearer') return NONE;
      if (token === '') return rest.length > 0 ? { kind: 'none', warning: SPACE_WARNING } : NONE;
      return authenticateToken(token, audiences, authenticators, request.signal);
    },
  };
}

export function webSocketTokenAuthenticator(authenticators: readonly TokenAuthenticator[], audiences: readonly string[]): Authenticator {
  return {
    name: 'websocket-token',
    async authenticate(request) {
      const encoded = webSocketToken(request);
      if (encoded === undefined) return NONE;
      if (!BASE64URL.test(encoded)) return { kind: 'invalid', reason: 'illegal base64 data in the WebSocket bearer protocol' };
      return authenticateToken(Buffer.from(encoded, 'base64url').toString('utf8'), audiences, authenticators, request.signal);
    },
  };
}

function webSocketToken(request: ApiRequest): string | undefined {
  if (request.upgrade === undefined) return undefined;
  const protocols = headerValues(request.headers, 'sec-websocket-protocol').join(',').split(',').map((protocol) => protocol.trim());
  return protocols.find((protocol) => protocol.startsWith(WEBSOCKET_PREFIX))?.slice(WEBSOCKET_PREFIX.length);
}
