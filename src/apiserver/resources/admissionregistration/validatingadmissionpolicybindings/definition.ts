/** Bindings of validating admission policies as a resource. */
import { validatingadmissionpolicybindings, type ValidatingAdmissionPolicyBinding, type ValidatingAdmissionPolicyBindingSpec } from '#api/generated/admissionregistration/v1';
import type { ResourceDefinition } from '../../definition.ts';
import { checkBindingHead } from '../../rules/admission-policies.ts';
import { defaultMatchResources, reservedNameWarnings } from '../../rules/admission-rules.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { checkMetaWithName } from '../../rules/metadata.ts';
import { countChange } from '../../rules/status-reset.ts';

function checkBinding(binding: ValidatingAdmissionPolicyBinding, faults: Faults): void {
  const spec: Partial<ValidatingAdmissionPolicyBindingSpec> = binding.spec ?? {};
  checkBindingHead(spec, faults);
  checkActions(spec.validationActions ?? [], faults);
}

function checkActions(actions: readonly string[], faults: Faults): void {
  const place = 'spec.validationActions';
  for (const [index, action] of actions.entries()) {
    faults.strictlyOneOf(`${place}[${index}]`, action, ['Audit', 'Deny', 'Warn']);
    if (actions.indexOf(action) < index) faults.duplicate(`${place}[${index}]`, action);
  }
  if (actions.includes('Deny') && actions.includes('Warn')) {
    faults.invalid(place, actions,
      'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)');
  }
  if (actions.length === 0) faults.required(place, 'at least one validation action is required');
}

export const validatingAdmissionPolicyBindingDefinition: ResourceDefinition<ValidatingAdmissionPolicyBinding> = {
  resource: validatingadmissionpolicybindings,
  schema: 'admissionregistration/v1.ValidatingAdmissionPolicyBinding',
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
