/**
 * Acting as another user (`Impersonate-*` headers), constrained (KEP-5284) and legacy.
 *
 * Constrained modes ask two questions: may the caller do this verb while acting so (`impersonate-on:MODE:VERB`), and may he
 * act as that user (`impersonate:MODE`). They are tried first, legacy `impersonate` last; the mode that last worked
 * for a caller is tried before all, which also decides whose refusal he is shown.
 */
import { LRUCache } from 'lru-cache';
import { newBadRequest, StatusError } from '#machinery/status-error';
import { quote } from '#machinery/go-print';
import type { AuthorizationAttributes, Authorizer } from '../authz/authorizer.ts';
import { forbidden } from '../authz/forbidden.ts';
import { resourceAttributes } from '../authz/attributes.ts';
import type { UserInfo } from '../request.ts';
import { ALL_AUTHENTICATED, ALL_UNAUTHENTICATED, ANONYMOUS, MASTERS, nodeUserName, NODES, serviceAccountGroups, splitServiceAccount } from './groups.ts';
import { firstHeader, headerValues, unescapeExtraKey, type Headers } from './identity-headers.ts';
import { EXTRA } from './service-account-token.ts';

const EXTRA_PREFIX = 'impersonate-extra-';
const GROUP = 'authentication.k8s.io';
const REMEMBERED_CALLERS_MAX = 10_000;
/** From so many values on, a wildcard is asked for first. */
const MANY_CHECKS = 4;

interface Wanted { readonly name: string; readonly uid: string; readonly groups: readonly string[]; readonly extra: ReadonlyMap<string, readonly string[]> }

export interface Impersonated {
  readonly user: UserInfo;
  /** `impersonate:user-info` and the like; '' for legacy. For audit. */
  readonly constraint: string;
}

export interface Impersonation {
  /** Undefined when the request asks for none. @throws StatusError 400, 403 */
  impersonate(headers: Headers, attributes: AuthorizationAttributes): Promise<Impersonated | undefined>;
}

type Mode = (wanted: Wanted, attributes: AuthorizationAttributes) => Promise<Impersonated | undefined>;

export function impersonation(authorizer: Authorizer): Impersonation {
  const modes: Mode[] = [
    associatedNode(authorizer),
    constrained(authorizer, 'arbitrary-node', (wanted) => onlyName(wanted) && nodeUserName(wanted.name) !== undefined),
    constrained(authorizer, 'serviceaccount', (wanted) => onlyName(wanted) && splitServiceAccount(wanted.name) !== undefined),
    constrained(authorizer, 'user-info', (wanted) => nodeUserName(wanted.name) === undefined && splitServiceAccount(wanted.name) === undefined),
    async (wanted, { user }) => ({ user: await permittedUser(authorizer, 'impersonate', false, wanted, user), constraint: '' }),
  ];
  const lastMode = new LRUCache<string, number>({ max: REMEMBERED_CALLERS_MAX });
  return {
    async impersonate(headers, attributes) {
      const wanted = wantedUser(headers);
      if (wanted === undefined) return undefined;
      const remembered = lastMode.get(attributes.user.name);
      const order = modes.map((_mode, i) => i);
      if (remembered !== undefined) order.unshift(...order.splice(remembered, 1));
      let first: unknown;
      for (const i of order) {
        try {
          const found = await modes[i]!(wanted, attributes);
          if (found === undefined) continue;
          lastMode.set(attributes.user.name, i);
          return found;
        } catch (error) {
          if (!(error instanceof StatusError)) throw error;
          first ??= error;
        }
      }
      throw first;
    },
  };
}

function wantedUser(headers: Headers): Wanted | undefined {
  const name = firstHeader(headers, 'impersonate-user');
  const uid = firstHeader(headers, 'impersonate-uid');
  const groups = headerValues(headers, 'impersonate-group');
  const extra = new Map<string, string[]>();
  for (const header of Object.keys(headers)) {
    if (!header.startsWith(EXTRA_PREFIX)) continue;
    const key = unescapeExtraKey(header.slice(EXTRA_PREFIX.length));
    extra.set(key, [...(extra.get(key) ?? []), ...headerValues(headers, header)]);
  }
  if (name !== '') return { name, uid, groups, extra };
  if (uid === '' && groups.length === 0 && extra.size === 0) return undefined;
  const list = (values: readonly string[]): string => `[]string{${values.map(quote).join(', ')}}`;
  const printedExtra = extra.size === 0
    ? 'map[string][]string(nil)'
    : `map[string][]string{${[...extra].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, values]) => `${quote(key)}:${list(values)}`).join(', ')}}`;
  const printedGroups = groups.length === 0 ? '[]string(nil)' : list(groups);
  throw newBadRequest(`requested &user.DefaultInfo{Name:"", UID:${quote(uid)}, Groups:${printedGroups}, Extra:${printedExtra}} without impersonating a user name`);
}

function onlyName(wanted: Wanted): boolean {
  return wanted.uid === '' && wanted.groups.length === 0 && wanted.extra.size === 0;
}

function constrained(authorizer: Authorizer, mode: string, applies: (wanted: Wanted, caller: UserInfo) => boolean): Mode {
  return async (wanted, attributes) => {
    if (!applies(wanted, attributes.user)) return undefined;
    await check(authorizer, { ...attributes, verb: `impersonate-on:${mode}:${attributes.verb}` });
    const verb = `impersonate:${mode}`;
    return { user: await permittedUser(authorizer, verb, true, wanted, attributes.user), constraint: verb };
  };
}

/** A service account acting as the node its own pod runs on; the authorizers are not told which node. */
function associatedNode(authorizer: Authorizer): Mode {
  const nodeBlind: Authorizer = {
    name: authorizer.name,
    authorize: (attributes) => authorizer.authorize({
      ...attributes,
      user: { ...attributes.user, extra: { 'authentication.kubernetes.io/associated-node-keys': Object.keys(attributes.user.extra ?? {}).sort() } },
      name: attributes.verb === 'impersonate:associated-node' ? '*' : attributes.name,
    }),
  };
  return constrained(nodeBlind, 'associated-node', (wanted, caller) => {
    const node = nodeUserName(wanted.name);
    const own = caller.extra?.[EXTRA.nodeName];
    return onlyName(wanted) && node !== undefined && splitServiceAccount(caller.name) !== undefined && own?.length === 1 && own[0] === node;
  });
}

/** Asks for each part of the wanted user. @throws StatusError 403 for the first that is refused. */
async function permittedUser(authorizer: Authorizer, verb: string, isConstrained: boolean, wanted: Wanted, caller: UserInfo): Promise<UserInfo> {
  const group = isConstrained ? GROUP : '';
  const question = (resource: string, name: string, more: Partial<AuthorizationAttributes> = {}): AuthorizationAttributes =>
    ({ ...resourceAttributes({ user: caller, verb, group, version: 'v1', resource, name }), ...more });
  let groups = wanted.groups;
  const account = splitServiceAccount(wanted.name);
  const node = isConstrained ? nodeUserName(wanted.name) : undefined;
  if (node !== undefined) {
    groups = [NODES];
    await check(authorizer, question('nodes', node));
  } else if (account !== undefined) {
    if (groups.length === 0) groups = serviceAccountGroups(account.namespace);
    await check(authorizer, question('serviceaccounts', account.name, { namespace: account.namespace }));
  } else {
    await check(authorizer, question('users', wanted.name));
  }
  if (wanted.uid !== '') await check(authorizer, question('uids', wanted.uid, { group: GROUP }));
  await checkGroups(authorizer, wanted.groups, isConstrained, (name) => question('groups', name));
  await checkExtra(authorizer, wanted.extra, isConstrained, (key, value) => question('userextras', value, { group: GROUP, subresource: key }));
  return {
    name: wanted.name, groups: withBaseGroup(wanted.name, groups), ...(wanted.uid === '' ? {} : { uid: wanted.uid }),
    ...(wanted.extra.size === 0 ? {} : { extra: Object.fromEntries([...wanted.extra].sort(([a], [b]) => (a < b ? -1 : 1))) }),
  };
}

async function checkGroups(authorizer: Authorizer, groups: readonly string[], isConstrained: boolean, question: (name: string) => AuthorizationAttributes): Promise<void> {
  if (isConstrained) {
    if (groups.includes('')) throw forbidden(question(''), 'impersonating the empty string group is not allowed');
    if (groups.includes(MASTERS)) throw forbidden(question(MASTERS), 'impersonating the system:masters group is not allowed');
    if (groups.length >= MANY_CHECKS && await isAllowed(authorizer, question('*'))) return;
  }
  for (const name of groups) await check(authorizer, question(name));
}

const EXTRA_KEY = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/[^\s?#]+$/;

async function checkExtra(
  authorizer: Authorizer, extra: ReadonlyMap<string, readonly string[]>, isConstrained: boolean, question: (key: string, value: string) => AuthorizationAttributes,
): Promise<void> {
  if (extra.size === 0) return;
  if (isConstrained) {
    for (const [key, values] of extra) {
      const fault = extraFault(key, values);
      if (fault !== undefined) throw forbidden(question('', ''), fault);
    }
    const count = [...extra.values()].reduce((sum, values) => sum + values.length, 0);
    if (count >= MANY_CHECKS && await isAllowed(authorizer, question('*', '*'))) return;
  }
  for (const [key, values] of extra) for (const value of values) await check(authorizer, question(key, value));
}

function extraFault(key: string, values: readonly string[]): string | undefined {
  if (key === '') return 'impersonating the empty string key in extra is not allowed';
  if (!EXTRA_KEY.test(key)) {
    return `impersonating an invalid key in extra is not allowed: extra.key: Invalid value: ${quote(key)}: must be a domain-prefixed path (such as "acme.io/foo")`;
  }
  if (values.length === 0) return 'impersonating empty values in extra is not allowed';
  return values.includes('') ? 'impersonating the empty string value in extra is not allowed' : undefined;
}

function withBaseGroup(name: string, groups: readonly string[]): readonly string[] {
  const base = name === ANONYMOUS ? ALL_UNAUTHENTICATED : ALL_AUTHENTICATED;
  return groups.includes(base) || groups.includes(ALL_UNAUTHENTICATED) ? groups : [...groups, base];
}

async function isAllowed(authorizer: Authorizer, attributes: AuthorizationAttributes): Promise<boolean> {
  return (await authorizer.authorize(attributes)).decision === 'allow';
}

async function check(authorizer: Authorizer, attributes: AuthorizationAttributes): Promise<void> {
  const { decision, reason, error } = await authorizer.authorize(attributes);
  if (decision === 'allow') return;
  const text = error === undefined ? reason : reason === '' ? error : `${error}: ${reason}`;
  throw forbidden(attributes, text);
}
