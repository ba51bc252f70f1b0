/** Roles (cluster-wide) as a resource. */
import { clusterroles, type ClusterRole } from '#api/generated/rbac/v1';
import { hasInvalidLabelValue } from '#machinery/validation/label-selector';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { checkPolicyRules, checkRbacMetaOnUpdate } from '../../rules/rbac.ts';
import { checkLabelSelector } from '../../rules/selectors.ts';

function checkAggregation(role: ClusterRole, old: ClusterRole | undefined, faults: Faults): void {
  if (!role.aggregationRule) return;
  const selectors = role.aggregationRule.clusterRoleSelectors ?? [];
  const place = 'aggregationRule.clusterRoleSelectors';
  if (selectors.length === 0) faults.required(place, 'at least one clusterRoleSelector required if aggregationRule is non-nil');
  const anyValue = (old?.aggregationRule?.clusterRoleSelectors ?? []).some(hasInvalidLabelValue);
  for (const [index, selector] of selectors.entries()) {
    const before = faults.count;
    checkLabelSelector(selector, `${place}[${index}]`, faults, { anyValue });
    // A selector that cannot be read is reported a second time, as nothing.
    if (faults.count > before) faults.invalid(`${place}[${index}]`, null, 'invalid label selector.');
  }
}

export const clusterRoleDefinition: ResourceDefinition<ClusterRole> = {
  resource: clusterroles,
  schema: 'rbac/v1.ClusterRole',
  nameRule: 'path-segment',
  strategy: {
    validateCreate: (role) => faultsOf((faults) => {
      checkPolicyRules(role.rules, false, faults);
      checkAggregation(role, undefined, faults);
    }),
    validateUpdate: (role, old) => faultsOf((faults) => {
      checkRbacMetaOnUpdate(role, old, false, faults);
      checkPolicyRules(role.rules, false, faults);
      checkAggregation(role, old, faults);
    }),
  },
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: true,
};
