/** Workloads as a resource: the pod groups that a controller is going to make. */
import { workloads, type TypedLocalObjectReference, type Workload } from '#api/generated/scheduling/v1alpha2';
import { semanticEqual } from '#machinery/deep-equal';
import { dns1123LabelFaults, dns1123SubdomainFaults, pathSegmentNameFaults } from '#machinery/names';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { checkGroup, checkUnique, dropDisabledGroupFields } from '../../rules/pod-groups.ts';

const TEMPLATES_MAX = 8;

function checkController({ apiGroup, kind, name }: TypedLocalObjectReference, faults: Faults): void {
  const place = 'spec.controllerRef';
  if (apiGroup) faults.invalidAll(`${place}.apiGroup`, apiGroup, dns1123SubdomainFaults(apiGroup));
  for (const [field, value] of [['kind', kind], ['name', name]] as const) {
    if (!value) faults.required(`${place}.${field}`);
    else faults.invalidAll(`${place}.${field}`, value, pathSegmentNameFaults(value));
  }
}

function checkSpec({ spec }: Workload, faults: Faults): void {
  if (spec?.controllerRef) checkController(spec.controllerRef, faults);
  const templates = spec?.podGroupTemplates ?? [];
  const place = 'spec.podGroupTemplates';
  if (templates.length > TEMPLATES_MAX) return faults.tooMany(place, templates.length, TEMPLATES_MAX);
  if (templates.length === 0) return faults.required(place);
  checkUnique(templates, place, faults);
  for (const [index, template] of templates.entries()) {
    const at = `${place}[${index}]`;
    if (!template.name) faults.required(`${at}.name`);
    else faults.invalidAll(`${at}.name`, template.name, dns1123LabelFaults(template.name));
    checkGroup(template, at, faults);
  }
}

function dropDisabled(workload: Workload, old: Workload | undefined, isOn: (gate: string) => boolean): void {
  for (const [index, template] of (workload.spec?.podGroupTemplates ?? []).entries()) {
    dropDisabledGroupFields(template, old?.spec?.podGroupTemplates?.[index], isOn);
  }
}

export const workloadDefinition: ResourceDefinition<Workload> = {
  resource: workloads,
  schema: 'scheduling/v1alpha2.Workload',
  nameRule: 'dns1123-subdomain',
  strategy: {
    prepareForCreate: (workload, context) => dropDisabled(workload, undefined, context.featureEnabled),
    prepareForUpdate: (workload, old, context) => dropDisabled(workload, old, context.featureEnabled),
    validateCreate: (workload) => faultsOf((faults) => {
      checkFinalizers(workload, faults);
      checkSpec(workload, faults);
    }),
    validateUpdate: (workload, old) => faultsOf((faults) => {
      checkMetaOnUpdate(workload, old, faults);
      for (const field of ['controllerRef', 'podGroupTemplates'] as const) {
        if (!semanticEqual(workload.spec?.[field], old.spec?.[field])) faults.invalid(`spec.${field}`, null, 'field is immutable');
      }
    }),
  },
  allowUnconditionalUpdate: true,
};
