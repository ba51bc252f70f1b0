/** Mutating admission policies as a resource. */
import { mutatingadmissionpolicies, type MutatingAdmissionPolicy } from '#api/generated/admissionregistration/v1';
import type { ResourceDefinition } from '../../definition.ts';
import { defaultMatchResources, reservedNameWarnings } from '../../rules/admission-rules.ts';
import { faultsOf } from '../../rules/faults.ts';
import { checkMetaWithName } from '../../rules/metadata.ts';
import { countChange } from '../../rules/status-reset.ts';
import { checkPolicy } from './validation.ts';

export const mutatingAdmissionPolicyDefinition: ResourceDefinition<MutatingAdmissionPolicy> = {
  resource: mutatingadmissionpolicies,
  schema: 'admissionregistration/v1.MutatingAdmissionPolicy',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: ({ spec }) => {
      if (!spec) return;
      spec.failurePolicy ??= 'Fail';
      defaultMatchResources(spec.matchConstraints);
    },
    prepareForCreate: (policy) => { policy.metadata.generation = 1; },
    prepareForUpdate: (policy, old) => countChange(policy, old, 'spec'),
    validateCreate: (policy) => faultsOf((faults) => checkPolicy(policy, undefined, faults)),
    validateUpdate: (policy, old) => faultsOf((faults) => {
      checkMetaWithName(policy, faults);
      checkPolicy(policy, old, faults);
    }),
    warningsOnCreate: (policy) => reservedNameWarnings(policy.metadata.name),
    warningsOnUpdate: (policy) => reservedNameWarnings(policy.metadata.name),
  },
};
