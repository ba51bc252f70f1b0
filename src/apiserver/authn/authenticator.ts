/** What an authenticator is. They are asked in order; the first answer counts. */
import type { ApiRequest, UserInfo } from '../request.ts';

export type AuthenticationResult =
  | { readonly kind: 'user'; readonly user: UserInfo; readonly audiences?: readonly string[] }
  /** These credentials are not of my sort. */
  | { readonly kind: 'none' }
  /** These credentials are of my sort and wrong: 401 unless another authenticator takes them. */
  | { readonly kind: 'invalid'; readonly reason: string };

export interface Authenticator {
  readonly name: string;
  authenticate(request: ApiRequest): Promise<AuthenticationResult>;
}
