/** `system:masters` may do everything, whatever the policy: the way back in, and the API server's own calls. */
import { MASTERS } from '../authn/groups.ts';
import { NO_OPINION, type Authorizer, type Decision } from './authorizer.ts';

const ALLOWED: Decision = { decision: 'allow', reason: '' };

export const superuserAuthorizer: Authorizer = {
  name: 'superuser',
  authorize: ({ user }) => (user.groups.includes(MASTERS) ? ALLOWED : NO_OPINION),
};
