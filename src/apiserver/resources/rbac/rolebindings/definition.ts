/** Role bindings (namespaced) as a resource. */
import { rolebindings, type RoleBinding } from '#api/generated/rbac/v1';
import type { ResourceDefinition } from '../../definition.ts';
import { faultsOf } from '../../rules/faults.ts';
import { checkBinding, checkRbacMetaOnUpdate, checkRoleRefChange, defaultBinding } from '../../rules/rbac.ts';

export const roleBindingDefinition: ResourceDefinition<RoleBinding> = {
  resource: rolebindings,
  schema: 'rbac/v1.RoleBinding',
  nameRule: 'path-segment',
  strategy: {
    defaults: defaultBinding,
    validateCreate: (binding) => faultsOf((faults) => checkBinding(binding, true, faults)),
    validateUpdate: (binding, old) => faultsOf((faults) => {
      checkRbacMetaOnUpdate(binding, old, true, faults);
      checkBinding(binding, true, faults);
      checkRoleRefChange(binding, old, faults);
    }),
  },
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: true,
};
