/** Bindings of mutating admission policies as a resource. */
import { mutatingadmissionpolicybindings, type MutatingAdmissionPolicyBinding } from '#api/generated/admissionregistration/v1';
import type { ResourceDefinition } from '../../definition.ts';
import { checkBindingHead } from '../../rules/admission-policies.ts';
import { checkMutatingOperations, defaultMatchResources, reservedNameWarnings } from '../../rules/admission-rules.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { checkMetaWithName } from '../../rules/metadata.ts';
import { countChange } from '../../rules/status-reset.ts';

function checkBinding({ spec = {} }: MutatingAdmissionPolicyBinding, faults: Faults): void {
  checkBindingHead(spec, faults);
  if (spec.matchResources) checkMutatingOperations(spec.matchResources, 'spec.matchResources', faults);
}

export const mutatingAdmissionPolicyBindingDefinition: ResourceDefinition<MutatingAdmissionPolicyBinding> = {
  resource: mutatingadmissionpolicybindings,
  schema: 'admissionregistration/v1.MutatingAdmissionPolicyBinding',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: ({ spec }) => defaultMatchResources(spec?.matchResources),
    prepareForCreate: (binding) => { binding.metadata.generation = 1; },
    prepareForUpdate: (binding, old) => countChange(binding, old, 'spec'),
    validateCreate: (binding) => faultsOf((faults) => checkBinding(binding, faults)),
    validateUpdate: (binding) => faultsOf((faults) => {
      checkMetaWithName(binding, faults);
      checkBinding(binding, faults);
    }),
    warningsOnCreate: (binding) => reservedNameWarnings(binding.metadata.name),
    warningsOnUpdate: (binding) => reservedNameWarnings(binding.metadata.name),
  },
};
