/**
 * Who asks: the authenticators in their order, then anonymous.
 *
 *     front proxy → client certificate → bearer token (header) → bearer token (WebSocket protocol) → anonymous
 *
 * The first that knows the caller decides. Wrong credentials are 401 even on open paths, unless another authenticator
 * takes the request; no credentials at all make `system:anonymous`. Every known caller is in `system:authenticated`.
 */
import { newUnauthorized } from '#machinery/status-error';
import type { ApiRequest, UserInfo } from '../request.ts';
import type { Authenticator } from './authenticator.ts';
import { ALL_AUTHENTICATED, ALL_UNAUTHENTICATED, ANONYMOUS } from './groups.ts';

export interface Authenticated {
  readonly user: UserInfo;
  /** Name of the authenticator, `in-process` or `anonymous`: for audit. */
  readonly by: string;
  readonly warnings: readonly string[];
}

export interface RequestAuthenticationOptions {
  readonly authenticators: readonly Authenticator[];
  readonly anonymous: boolean;
}

const NO_WARNINGS: readonly string[] = [];
const ANONYMOUS_USER: UserInfo = { name: ANONYMOUS, groups: [ALL_UNAUTHENTICATED] };

/** @throws StatusError 401; its reasons are for the log only, never for the caller. */
export async function authenticateRequest(request: ApiRequest, options: RequestAuthenticationOptions): Promise<Authenticated> {
  const given = request.connection.user;
  if (given !== undefined) return { user: withAuthenticatedGroup(given), by: 'in-process', warnings: NO_WARNINGS };
  const reasons: string[] = [];
  const warnings: string[] = [];
  for (const authenticator of options.authenticators) {
    const asked = authenticator.authenticate(request);
    const result = asked instanceof Promise ? await asked : asked;
    if (result.kind === 'user') return { user: withAuthenticatedGroup(result.user), by: authenticator.name, warnings };
    if (result.kind === 'invalid') reasons.push(`${authenticator.name}: ${result.reason}`);
    else if (result.warning !== undefined && !warnings.includes(result.warning)) warnings.push(result.warning);
  }
  if (reasons.length > 0 || !options.anonymous) throw new AuthenticationFailure(reasons);
  return { user: ANONYMOUS_USER, by: 'anonymous', warnings };
}

/** Carries why, for the log; `toResponse` is all the caller sees. */
export class AuthenticationFailure extends Error {
  readonly reasons: readonly string[];
  constructor(reasons: readonly string[]) {
    super('Unauthorized');
    this.reasons = reasons;
  }
  readonly status = newUnauthorized('Unauthorized');
}

/** Who asks again and again is made once: authenticators keep what they know. */
const authenticated = new WeakMap<UserInfo, UserInfo>();

export function withAuthenticatedGroup(user: UserInfo): UserInfo {
  if (user.name === ANONYMOUS || user.groups.includes(ALL_AUTHENTICATED) || user.groups.includes(ALL_UNAUTHENTICATED)) return user;
  let known = authenticated.get(user);
  if (known === undefined) {
    known = { ...user, groups: [...user.groups, ALL_AUTHENTICATED] };
    authenticated.set(user, known);
  }
  return known;
}
