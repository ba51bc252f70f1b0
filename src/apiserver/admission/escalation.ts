/**
 * No one grants what he does not hold: roles need the rights in them (or the verb `escalate`), bindings the rights of their role
 * (or the verb `bind`).
 *
 * Not among upstream's plugins: there it sits between admission and storage. It runs as the last that may change the
 * object, so it sees what all others made of it, and before validation, as upstream's does.
 */
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding } from '#api/generated/rbac/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { quote } from '#machinery/go-print';
import type { KubeObject } from '#machinery/meta';
import { newForbidden, newNotFound } from '#machinery/status-error';
import { MASTERS } from '../authn/groups.ts';
import { resourceAttributes } from '../authz/attributes.ts';
import { describeRules, uncoveredRules } from '../authz/rule-cover.ts';
import type { AdmissionDependencies } from './dependencies.ts';
import type { AdmissionAttributes, AdmissionPlugin } from './plugin.ts';

const GROUP = 'rbac.authorization.k8s.io';
const EVERYTHING: readonly PolicyRule[] = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, { verbs: ['*'], nonResourceURLs: ['*'] }];

export function escalation({ authorizer, rbac }: AdmissionDependencies): AdmissionPlugin {
  const missing = ({ user, namespace }: AdmissionAttributes, rules: readonly PolicyRule[]): string | undefined => {
    const held = rbac.rulesFor(user, namespace);
    const uncovered = uncoveredRules(held.rules, rules);
    if (uncovered.length === 0) return undefined;
    const groups = `[${user.groups.map(quote).join(' ')}]`;
    const text = `user ${quote(user.name)} (groups=${groups}) is attempting to grant RBAC permissions not currently held:\n${describeRules(uncovered)}`;
    return held.errors.length === 0 ? text : `${text}; resolution errors: [${held.errors.length === 1 ? held.errors[0]! : `[${held.errors.join(', ')}]`}]`;
  };
  const isAllowed = async (attributes: AdmissionAttributes, verb: string, resource: string, name: string): Promise<boolean> => {
    const { user, namespace } = attributes;
    return (await authorizer.authorize(resourceAttributes({ user, verb, group: GROUP, resource, name, namespace }))).decision === 'allow';
  };
  const forbid = (attributes: AdmissionAttributes, text: string): Error => newForbidden(GROUP, attributes.info.resource, attributes.object!.metadata.name ?? '', text);

  async function checkRole(attributes: AdmissionAttributes): Promise<void> {
    if (await isAllowed(attributes, 'escalate', attributes.info.resource, attributes.info.name)) return;
    const role = attributes.object as ClusterRole | Role;
    const text = missing(attributes, role.rules ?? []);
    if (text !== undefined) throw forbid(attributes, text);
    const aggregates = (object: KubeObject | undefined): boolean => ((object as ClusterRole | undefined)?.aggregationRule?.clusterRoleSelectors ?? []).length > 0;
    if (!aggregates(role) && !aggregates(attributes.oldObject)) return;
    if (missing(attributes, EVERYTHING) !== undefined) throw forbid(attributes, 'must have cluster-admin privileges to use the aggregationRule');
  }

  async function checkBinding(attributes: AdmissionAttributes): Promise<void> {
    const { roleRef, metadata } = attributes.object as ClusterRoleBinding | RoleBinding;
    if (roleRef?.kind !== 'ClusterRole' && roleRef?.kind !== 'Role') return;
    if (await isAllowed(attributes, 'bind', roleRef.kind === 'Role' ? 'roles' : 'clusterroles', roleRef.name)) return;
    const rules = rbac.roleRules(roleRef, attributes.namespace);
    if (typeof rules === 'string') throw newNotFound(GROUP, attributes.info.resource, metadata.name ?? '');
    const text = missing(attributes, rules);
    if (text !== undefined) throw forbid(attributes, text);
  }

  return {
    name: 'RoleEscalationCheck',
    async admit(attributes) {
      const { info, user, operation, subresource } = attributes;
      if (info.group !== GROUP || subresource !== '' || (operation !== 'CREATE' && operation !== 'UPDATE')) return;
      if (user.groups.includes(MASTERS) || onlyForGarbageCollection(attributes)) return;
      if (info.resource === 'roles' || info.resource === 'clusterroles') await checkRole(attributes);
      else if (info.resource === 'rolebindings' || info.resource === 'clusterrolebindings') await checkBinding(attributes);
    },
  };
}

/** The garbage collector may change owners and finalizers of what it could not have made. */
function onlyForGarbageCollection({ object, oldObject }: AdmissionAttributes): boolean {
  if (object === undefined || oldObject === undefined) return false;
  const { ownerReferences: _owners, finalizers: _finalizers, managedFields: _managed, ...rest } = oldObject.metadata;
  const { ownerReferences: _newOwners, finalizers: _newFinalizers, managedFields: _newManaged, ...newRest } = object.metadata;
  return semanticEqual({ ...object, metadata: newRest }, { ...oldObject, metadata: rest });
}
