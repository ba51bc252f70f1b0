/** Role bindings (cluster-wide) as a resource. */
import { clusterrolebindings, type ClusterRoleBinding } from '#api/generated/rbac/v1';
import type { ResourceDefinition } from '../../definition.ts';
import { faultsOf } from '../../rules/faults.ts';
import { checkBinding, checkRbacMetaOnUpdate, checkRoleRefChange, defaultBinding } from '../../rules/rbac.ts';

export const clusterRoleBindingDefinition: ResourceDefinition<ClusterRoleBinding> = {
  resource: clusterrolebindings,
  schema: 'rbac/v1.ClusterRoleBinding',
  nameRule: 'path-segment',
  strategy: {
    defaults: defaultBinding,
    validateCreate: (binding) => faultsOf((faults) => checkBinding(binding, false, faults)),
    validateUpdate: (binding, old) => faultsOf((faults) => {
      checkRbacMetaOnUpdate(binding, old, false, faults);
      checkBinding(binding, false, faults);
      checkRoleRefChange(binding, old, faults);
    }),
  },
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: true,
};
