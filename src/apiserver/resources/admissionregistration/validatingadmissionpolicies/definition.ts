/** Validating admission policies as a resource. */
import { validatingadmissionpolicies, type ValidatingAdmissionPolicy } from '#api/generated/admissionregistration/v1';
import type { ResourceDefinition } from '../../definition.ts';
import { defaultMatchResources, reservedNameWarnings } from '../../rules/admission-rules.ts';
import { faultsOf } from '../../rules/faults.ts';
import { checkMetaWithName } from '../../rules/metadata.ts';
import { countChange, keepFields, keepMetadata } from '../../rules/status-reset.ts';
import { checkPolicy, checkStatus } from './validation.ts';

export const validatingAdmissionPolicyDefinition: ResourceDefinition<ValidatingAdmissionPolicy> = {
  resource: validatingadmissionpolicies,
  schema: 'admissionregistration/v1.ValidatingAdmissionPolicy',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: ({ spec }) => {
      if (!spec) return;
      spec.failurePolicy ??= 'Fail';
      defaultMatchResources(spec.matchConstraints);
    },
    prepareForCreate: (policy) => {
      policy.status = {};
      policy.metadata.generation = 1;
    },
    prepareForUpdate: (policy, old) => {
      keepFields(policy, old, 'status');
      countChange(policy, old, 'spec');
    },
    validateCreate: (policy) => faultsOf((faults) => checkPolicy(policy, undefined, faults)),
    validateUpdate: (policy, old) => faultsOf((faults) => {
      checkMetaWithName(policy, faults);
      checkPolicy(policy, old, faults);
    }),
    warningsOnCreate: (policy) => reservedNameWarnings(policy.metadata.name),
    warningsOnUpdate: (policy) => reservedNameWarnings(policy.metadata.name),
  },
  statusStrategy: {
    prepareForUpdate: (policy, old) => {
      keepFields(policy, old, 'spec');
      keepMetadata(policy, old);
    },
    validateUpdate: (policy) => faultsOf((faults) => checkStatus(policy.status ?? {}, faults)),
  },
};
