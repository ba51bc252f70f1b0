/**
 * Reads the default policy from its compact text:
 *
 *     NAME [LABEL=true …] [from=LABEL]        a role; `from` makes it aggregate the roles with that label
 *       VERBS GROUPS RESOURCES [names=NAMES]  a rule; the core group is written `core`
 *       VERBS url PATHS                       a rule about paths
 *     NAME = KIND ROLE SUBJECT …              a binding; subjects are user:NAME, group:NAME, account:NAMESPACE/NAME
 *
 * Inside namespaces, NAME is NAMESPACE/NAME.
 */
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject } from '#api/generated/rbac/v1';
import type { ObjectMeta } from '#machinery/meta';

const GROUP = 'rbac.authorization.k8s.io';
const API_VERSION = `${GROUP}/v1`;

export function parseClusterRoles(text: string): ClusterRole[] {
  return blocks(text).map(({ head, rules }) => {
    const [name = '', ...words] = head.split(' ');
    const labels: Record<string, string> = {};
    const selectors: { matchLabels: Record<string, string> }[] = [];
    for (const word of words) {
      const [key = '', value = ''] = word.split('=');
      if (key === 'from') selectors.push({ matchLabels: { [`${GROUP}/${value}`]: 'true' } });
      else labels[`${GROUP}/${key}`] = value;
    }
    const role: ClusterRole = { apiVersion: API_VERSION, kind: 'ClusterRole', metadata: metadata(name, labels) };
    if (selectors.length > 0) role.aggregationRule = { clusterRoleSelectors: selectors };
    if (rules.length > 0) role.rules = rules;
    return role;
  });
}

export function parseRoles(text: string): Role[] {
  return blocks(text).map(({ head, rules }) => ({ apiVersion: API_VERSION, kind: 'Role', metadata: metadata(head), rules }));
}

export function parseClusterRoleBindings(text: string): ClusterRoleBinding[] {
  return lines(text).map((line) => ({ apiVersion: API_VERSION, kind: 'ClusterRoleBinding', ...parseBinding(line) }));
}

export function parseRoleBindings(text: string): RoleBinding[] {
  return lines(text).map((line) => ({ apiVersion: API_VERSION, kind: 'RoleBinding', ...parseBinding(line) }));
}

/** Each controller's role belongs to the account of its own name in kube-system. */
export function controllerBindings(roles: readonly ClusterRole[]): ClusterRoleBinding[] {
  return roles.map(({ metadata: { name = '' } }) => ({
    apiVersion: API_VERSION, kind: 'ClusterRoleBinding',
    ...parseBinding(`${name} = ClusterRole ${name} account:kube-system/${name.slice('system:controller:'.length)}`),
  }));
}

function parseBinding(line: string): Pick<RoleBinding, 'metadata' | 'subjects' | 'roleRef'> {
  const [name = '', rest = ''] = line.split(' = ');
  const [kind = '', role = '', ...subjects] = rest.split(' ');
  const binding: Pick<RoleBinding, 'metadata' | 'subjects' | 'roleRef'> = { metadata: metadata(name), roleRef: { apiGroup: GROUP, kind, name: role } };
  if (subjects.length > 0) binding.subjects = subjects.map(parseSubject);
  return binding;
}

function parseSubject(word: string): Subject {
  const colon = word.indexOf(':');
  const name = word.slice(colon + 1);
  switch (word.slice(0, colon)) {
    case 'user': return { kind: 'User', apiGroup: GROUP, name };
    case 'group': return { kind: 'Group', apiGroup: GROUP, name };
    default: {
      const [namespace = '', account = ''] = name.split('/');
      return { kind: 'ServiceAccount', name: account, namespace };
    }
  }
}

function metadata(name: string, labels: Record<string, string> = {}): ObjectMeta {
  const [namespace, inner] = name.includes('/') ? name.split('/') : [undefined, name];
  return {
    name: inner!, ...(namespace === undefined ? {} : { namespace }),
    labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...labels },
    annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' },
  };
}

function blocks(text: string): { head: string; rules: PolicyRule[] }[] {
  const found: { head: string; rules: PolicyRule[] }[] = [];
  for (const line of lines(text)) {
    if (line.startsWith('  ')) found.at(-1)!.rules.push(parseRule(line.trim()));
    else found.push({ head: line, rules: [] });
  }
  return found;
}

function parseRule(line: string): PolicyRule {
  const [verbs = '', groups = '', targets = '', names] = line.split(' ');
  if (groups === 'url') return { verbs: verbs.split(','), nonResourceURLs: targets.split(',') };
  return {
    verbs: verbs.split(','), apiGroups: groups.split(',').map((group) => (group === 'core' ? '' : group)), resources: targets.split(','),
    ...(names === undefined ? {} : { resourceNames: names.slice('names='.length).split(',') }),
  };
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
