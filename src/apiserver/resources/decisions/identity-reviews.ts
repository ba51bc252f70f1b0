/** TokenReview (whose token is this?) and SelfSubjectReview (who am I?). */
import type { SelfSubjectReview, TokenReview, UserInfo as ReviewUser } from '#api/generated/authentication/v1';
import { newBadRequest } from '#machinery/status-error';
import type { TokenAuthenticator } from '../../authn/authenticator.ts';
import { authenticateToken, INVALID_TOKEN } from '../../authn/bearer-token.ts';
import { withAuthenticatedGroup } from '../../authn/request-authentication.ts';
import type { UserInfo } from '../../request.ts';
import type { DecisionResource } from '../decision.ts';

const GROUP = 'authentication.k8s.io';
const API_VERSION = `${GROUP}/v1`;

export function tokenReview(authenticators: readonly TokenAuthenticator[], audiences: readonly string[]): DecisionResource<TokenReview> {
  return {
    group: GROUP, version: 'v1', resource: 'tokenreviews', subresource: '', namespaced: false,
    kind: 'TokenReview', schema: 'authentication/v1.TokenReview',
    async create(review, context) {
      if ((review.spec?.token ?? '') === '') throw newBadRequest('token is required for TokenReview in authentication');
      if ((review.metadata.namespace ?? '') !== '') throw newBadRequest('namespace is not allowed on this type');
      await context.validate(review);
      const wanted = (review.spec.audiences ?? []).length === 0 ? audiences : review.spec.audiences!;
      const result = await authenticateToken(review.spec.token, wanted, authenticators, context.signal);
      const status = result.kind === 'user'
        ? { authenticated: true, user: reviewUser(withAuthenticatedGroup(result.user)), audiences: [...(result.audiences ?? [])] }
        : { user: {}, error: result.reason === INVALID_TOKEN ? INVALID_TOKEN : `[${INVALID_TOKEN}, ${result.reason}]` };
      return { ...review, kind: 'TokenReview', apiVersion: API_VERSION, status };
    },
  };
}

export function selfSubjectReview(): DecisionResource<SelfSubjectReview> {
  return {
    group: GROUP, version: 'v1', resource: 'selfsubjectreviews', subresource: '', namespaced: false,
    kind: 'SelfSubjectReview', schema: 'authentication/v1.SelfSubjectReview',
    async create(review, context) {
      await context.validate(review);
      return { kind: 'SelfSubjectReview', apiVersion: API_VERSION, metadata: {}, status: { userInfo: reviewUser(context.user) } } as SelfSubjectReview;
    },
  };
}

function reviewUser(user: UserInfo): ReviewUser {
  const extra = Object.entries(user.extra ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    username: user.name, ...(user.uid === undefined || user.uid === '' ? {} : { uid: user.uid }), groups: [...user.groups],
    ...(extra.length === 0 ? {} : { extra: Object.fromEntries(extra.map(([key, values]) => [key, [...values]])) }),
  };
}
