/** The groups and users that Kubernetes itself gives names to. */

export const ALL_AUTHENTICATED = 'system:authenticated';
export const ALL_UNAUTHENTICATED = 'system:unauthenticated';
export const ANONYMOUS = 'system:anonymous';
export const MASTERS = 'system:masters';
export const NODES = 'system:nodes';
export const NODE_USER_PREFIX = 'system:node:';
export const SERVICE_ACCOUNTS = 'system:serviceaccounts';
export const BOOTSTRAPPERS = 'system:bootstrappers';

const SERVICE_ACCOUNT_PREFIX = 'system:serviceaccount:';
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

export function serviceAccountUser(namespace: string, name: string): string {
  return `${SERVICE_ACCOUNT_PREFIX}${namespace}:${name}`;
}

export function serviceAccountGroups(namespace: string): string[] {
  return [SERVICE_ACCOUNTS, `${SERVICE_ACCOUNTS}:${namespace}`];
}

/** Undefined when the user is no service account, or not well formed. */
export function splitServiceAccount(user: string): { namespace: string; name: string } | undefined {
  if (!user.startsWith(SERVICE_ACCOUNT_PREFIX)) return undefined;
  const parts = user.slice(SERVICE_ACCOUNT_PREFIX.length).split(':');
  const [namespace = '', name = ''] = parts;
  if (parts.length !== 2 || namespace.length > 63 || name.length > 253 || !LABEL.test(namespace) || !SUBDOMAIN.test(name)) return undefined;
  return { namespace, name };
}

/** The node's name in `system:node:NAME`; undefined for other users. */
export function nodeUserName(user: string): string | undefined {
  if (!user.startsWith(NODE_USER_PREFIX)) return undefined;
  const name = user.slice(NODE_USER_PREFIX.length);
  return name.length <= 253 && SUBDOMAIN.test(name) ? name : undefined;
}

/** The node that a user acts as: named right and in `system:nodes`. */
export function nodeIdentity(user: { name: string; groups: readonly string[] }): { isNode: boolean; nodeName: string } {
  if (!user.name.startsWith(NODE_USER_PREFIX) || !user.groups.includes(NODES)) return { isNode: false, nodeName: '' };
  return { isNode: true, nodeName: user.name.slice(NODE_USER_PREFIX.length) };
}
