/** The rules of roles and role bindings, namespaced or not. */
import type { PolicyRule, RoleRef, Subject } from '#api/generated/rbac/v1';
import { path } from '#machinery/field-error';
import type { KubeObject } from '#machinery/meta';
import { nameIsDnsSubdomain, nameIsPathSegment, pathSegmentNameFaults } from '#machinery/names';
import { validateObjectMeta, validateObjectMetaUpdate } from '#machinery/validation/object-meta';
import type { Faults } from './faults.ts';
import { goJsonOf } from './internal-print.ts';

const GROUP = 'rbac.authorization.k8s.io';

/** Metadata is checked again on update, without the rule of Kubernetes' own finalizers. */
export function checkRbacMetaOnUpdate(object: KubeObject, old: KubeObject, namespaced: boolean, faults: Faults): void {
  faults.add(validateObjectMeta(object.metadata, namespaced, nameIsPathSegment, path('metadata')));
  faults.add(validateObjectMetaUpdate(object.metadata, old.metadata, path('metadata')));
}

export function checkPolicyRules(rules: readonly PolicyRule[] | undefined | null, namespaced: boolean, faults: Faults): void {
  for (const [index, rule] of (rules ?? []).entries()) {
    const at = `rules[${index}]`;
    if (!rule.verbs?.length) faults.required(`${at}.verbs`, 'verbs must contain at least one value');
    if (rule.nonResourceURLs?.length) {
      const urls = rule.nonResourceURLs;
      if (namespaced) faults.invalid(`${at}.nonResourceURLs`, urls, 'namespaced rules cannot apply to non-resource URLs');
      if (rule.apiGroups?.length || rule.resources?.length || rule.resourceNames?.length) {
        faults.invalid(`${at}.nonResourceURLs`, urls, 'rules cannot apply to both regular resources and non-resource URLs');
      }
      continue;
    }
    if (!rule.apiGroups?.length) faults.required(`${at}.apiGroups`, 'resource rules must supply at least one api group');
    if (!rule.resources?.length) faults.required(`${at}.resources`, 'resource rules must supply at least one resource');
  }
}

interface Binding extends KubeObject {
  roleRef: RoleRef;
  subjects?: Subject[];
}

export function defaultBinding(binding: Binding): void {
  if (binding.roleRef) binding.roleRef.apiGroup ||= GROUP;
  for (const subject of binding.subjects ?? []) {
    if (!subject.apiGroup && (subject.kind === 'User' || subject.kind === 'Group')) subject.apiGroup = GROUP;
  }
}

export function checkBinding(binding: Binding, namespaced: boolean, faults: Faults): void {
  const { apiGroup = '', kind = '', name = '' } = binding.roleRef ?? {};
  faults.strictlyOneOf('roleRef.apiGroup', apiGroup, [GROUP]);
  faults.strictlyOneOf('roleRef.kind', kind, namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole']);
  if (name === '') faults.required('roleRef.name');
  else faults.invalidAll('roleRef.name', name, pathSegmentNameFaults(name));
  for (const [index, subject] of (binding.subjects ?? []).entries()) checkSubject(subject, namespaced, `subjects[${index}]`, faults);
}

function checkSubject(subject: Subject, namespaced: boolean, at: string, faults: Faults): void {
  if (!subject.name) faults.required(`${at}.name`);
  if (subject.kind === 'ServiceAccount') {
    if (subject.name) faults.invalidAll(`${at}.name`, subject.name, nameIsDnsSubdomain(subject.name, false));
    if (subject.apiGroup) faults.notSupported(`${at}.apiGroup`, subject.apiGroup, ['']);
    if (!namespaced && !subject.namespace) faults.required(`${at}.namespace`);
  } else if (subject.kind === 'User' || subject.kind === 'Group') {
    faults.strictlyOneOf(`${at}.apiGroup`, subject.apiGroup, [GROUP]);
  } else {
    faults.notSupported(`${at}.kind`, subject.kind, ['ServiceAccount', 'User', 'Group']);
  }
}

export function checkRoleRefChange(binding: Binding, old: Binding, faults: Faults): void {
  const { apiGroup, kind, name } = binding.roleRef;
  if (apiGroup !== old.roleRef.apiGroup || kind !== old.roleRef.kind || name !== old.roleRef.name) {
    faults.invalid('roleRef', goJsonOf('rbac/v1.RoleRef', binding.roleRef), 'cannot change roleRef');
  }
}
