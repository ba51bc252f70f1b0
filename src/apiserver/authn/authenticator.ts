/** What an authenticator is. They are asked in order; the first answer counts. */
import type { ApiRequest, UserInfo } from '../request.ts';

export type AuthenticationResult =
  | { readonly kind: 'user'; readonly user: UserInfo; readonly audiences?: readonly string[] }
  /** These credentials are not of my sort. `warning`: what the caller should be told about what he sent. */
  | { readonly kind: 'none'; readonly warning?: string }
  /** These credentials are of my sort and wrong: 401 unless another authenticator takes them. */
  | { readonly kind: 'invalid'; readonly reason: string };

export const NONE: AuthenticationResult = { kind: 'none' };

export interface Authenticator {
  readonly name: string;
  /** Answers at once where it can: this runs for every request. */
  authenticate(request: ApiRequest): Promise<AuthenticationResult> | AuthenticationResult;
}

/** Judges a bearer token alone, for the request's header and for TokenReview. */
export interface TokenAuthenticator {
  readonly name: string;
  /** @param audiences the server's own, or those a TokenReview names; the token must be meant for one of them. */
  authenticateToken(token: string, audiences: readonly string[], signal: AbortSignal): Promise<AuthenticationResult>;
}
