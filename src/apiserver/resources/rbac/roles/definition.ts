/** Roles (namespaced) as a resource. */
import { roles, type Role } from '#api/generated/rbac/v1';
import type { ResourceDefinition } from '../../definition.ts';
import { faultsOf } from '../../rules/faults.ts';
import { checkPolicyRules, checkRbacMetaOnUpdate } from '../../rules/rbac.ts';

export const roleDefinition: ResourceDefinition<Role> = {
  resource: roles,
  schema: 'rbac/v1.Role',
  nameRule: 'path-segment',
  strategy: {
    validateCreate: (role) => faultsOf((faults) => {
      checkPolicyRules(role.rules, true, faults);
    }),
    validateUpdate: (role, old) => faultsOf((faults) => {
      checkRbacMetaOnUpdate(role, old, true, faults);
      checkPolicyRules(role.rules, true, faults);
    }),
  },
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: true,
};
