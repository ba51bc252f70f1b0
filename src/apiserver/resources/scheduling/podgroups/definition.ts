/** Pod groups as a resource: pods that are scheduled together. */
import { podgroups, type PodGroup, type PodGroupSpec, type PodGroupStatus } from '#api/generated/scheduling/v1alpha2';
import { semanticEqual } from '#machinery/deep-equal';
import { path } from '#machinery/field-error';
import { dns1123LabelFaults, dns1123SubdomainFaults } from '#machinery/names';
import { validateConditions } from '#machinery/validation/conditions';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { checkGroup, checkOneOf, checkUnique, dropDisabledGroupFields } from '../../rules/pod-groups.ts';
import { keepFields, keepMetadata } from '../../rules/status-reset.ts';

const CLAIMS_MAX = 4;
const FIXED = ['podGroupTemplateRef', 'schedulingPolicy', 'schedulingConstraints', 'resourceClaims', 'disruptionMode', 'priorityClassName', 'priority'] as const;

function checkSpec(spec: Partial<PodGroupSpec>, faults: Faults): void {
  const reference = spec.podGroupTemplateRef;
  if (reference) {
    const at = 'spec.podGroupTemplateRef';
    checkOneOf({ workload: reference.workload }, at, faults);
    const { workloadName, podGroupTemplateName } = reference.workload ?? {};
    if (reference.workload && !workloadName) faults.required(`${at}.workload.workloadName`);
    else if (workloadName) faults.invalidAll(`${at}.workload.workloadName`, workloadName, dns1123SubdomainFaults(workloadName));
    if (reference.workload && !podGroupTemplateName) faults.required(`${at}.workload.podGroupTemplateName`);
    else if (podGroupTemplateName) faults.invalidAll(`${at}.workload.podGroupTemplateName`, podGroupTemplateName, dns1123LabelFaults(podGroupTemplateName));
  }
  checkGroup(spec, 'spec', faults);
}

function checkStatus(status: PodGroupStatus, spec: PodGroupSpec | undefined, faults: Faults): void {
  faults.add(validateConditions(status.conditions ?? [], path('status', 'conditions')));
  const place = 'status.resourceClaimStatuses';
  const claims = status.resourceClaimStatuses ?? [];
  for (const [index, { name }] of claims.entries()) {
    if (!spec?.resourceClaims?.some((claim) => claim.name === name)) {
      faults.invalid(`${place}[${index}].name`, name, 'must match the name of an entry in `spec.resourceClaims`');
    }
  }
  if (claims.length > CLAIMS_MAX) return faults.tooMany(place, claims.length, CLAIMS_MAX);
  checkUnique(claims, place, faults);
  for (const [index, { resourceClaimName: name }] of claims.entries()) {
    if (name !== undefined) faults.invalidAll(`${place}[${index}].resourceClaimName`, name, dns1123SubdomainFaults(name));
  }
}

export const podGroupDefinition: ResourceDefinition<PodGroup> = {
  resource: podgroups,
  schema: 'scheduling/v1alpha2.PodGroup',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: ({ spec }) => { if (spec) spec.disruptionMode ??= 'Pod'; },
    prepareForCreate: (group, context) => {
      group.status = {};
      dropDisabledGroupFields(group.spec, undefined, context.featureEnabled);
    },
    prepareForUpdate: (group, old, context) => {
      keepFields(group, old, 'status');
      dropDisabledGroupFields(group.spec, old.spec, context.featureEnabled);
    },
    validateCreate: (group) => faultsOf((faults) => {
      checkFinalizers(group, faults);
      checkSpec(group.spec ?? {}, faults);
    }),
    validateUpdate: (group, old) => faultsOf((faults) => {
      checkMetaOnUpdate(group, old, faults);
      for (const field of FIXED) if (!semanticEqual(group.spec?.[field], old.spec?.[field])) faults.invalid(`spec.${field}`, null, 'field is immutable');
    }),
  },
  statusStrategy: {
    prepareForUpdate: (group, old, context) => {
      keepFields(group, old, 'spec');
      keepMetadata(group, old);
      if (!context.featureEnabled('DRAWorkloadResourceClaims') && !old.spec?.resourceClaims?.length) delete group.status?.resourceClaimStatuses;
    },
    validateUpdate: (group, old) => faultsOf((faults) => {
      checkMetaOnUpdate(group, old, faults);
      checkStatus(group.status ?? {}, group.spec, faults);
    }),
  },
  allowUnconditionalUpdate: true,
};
