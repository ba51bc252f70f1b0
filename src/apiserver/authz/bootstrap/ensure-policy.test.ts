import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterRole, ClusterRoleBinding } from '#api/generated/rbac/v1';
import { CLUSTER_ROLE_BINDINGS, NAMESPACE_ROLE_BINDINGS, NAMESPACE_ROLES } from './bindings.ts';
import { defaultClusterRoles, reconciledBinding, reconciledRole } from './ensure-policy.ts';
import { parseClusterRoleBindings, parseRoleBindings, parseRoles } from './policy-text.ts';

test('the default policy names only roles that it has', () => {
  const clusterRoles = new Set(defaultClusterRoles().map((role) => role.metadata.name));
  const roles = new Set(parseRoles(NAMESPACE_ROLES).map((role) => `${role.metadata.namespace}/${role.metadata.name}`));
  for (const { roleRef } of parseClusterRoleBindings(CLUSTER_ROLE_BINDINGS)) assert.ok(clusterRoles.has(roleRef.name), roleRef.name);
  for (const { roleRef, metadata } of parseRoleBindings(NAMESPACE_ROLE_BINDINGS)) assert.ok(roles.has(`${metadata.namespace}/${roleRef.name}`), roleRef.name);
  assert.equal(clusterRoles.size, defaultClusterRoles().length, 'each once');
});

test('only cluster-admin may do everything', () => {
  const mighty = defaultClusterRoles().filter((role) => role.rules?.some((rule) => rule.verbs.includes('*') && rule.resources?.includes('*') && rule.apiGroups?.includes('*')));
  assert.deepEqual(mighty.map((role) => role.metadata.name), ['cluster-admin']);
});

test('reconciling adds what is missing and takes nothing away', () => {
  const wanted = defaultClusterRoles().find((role) => role.metadata.name === 'system:basic-user')!;
  assert.equal(reconciledRole(structuredClone(wanted), wanted), undefined);
  const own = { verbs: ['get'], apiGroups: ['x'], resources: ['y'] };
  const changed = reconciledRole({ ...structuredClone(wanted), rules: [own, wanted.rules![0]!] } as ClusterRole, wanted)!;
  assert.deepEqual(changed.rules!.slice(0, 2), [own, wanted.rules![0]]);
  assert.deepEqual(changed.rules!.slice(2), [{ verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'] }]);
  const binding = parseClusterRoleBindings(CLUSTER_ROLE_BINDINGS)[0]!;
  const other: ClusterRoleBinding = { ...binding, subjects: [{ kind: 'User', name: 'x', apiGroup: 'rbac.authorization.k8s.io' }] };
  assert.deepEqual(reconciledBinding(other, binding)!.subjects, [...other.subjects!, ...binding.subjects!]);
});
