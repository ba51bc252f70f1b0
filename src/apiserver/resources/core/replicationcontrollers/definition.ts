/** Replication controllers as a resource. */
import { replicationcontrollers, type ReplicationController, type ReplicationControllerSpec } from '#api/generated/core/v1';
import { nameIsDnsSubdomain } from '#machinery/names';
import { labelSelectorFromMap, formatLabelSelector } from '#machinery/selector/label-selector';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { defaultPodSpec } from '../../rules/pod-defaults.ts';
import { dropDisabledTemplateFields } from '../../rules/pod-fields.ts';
import type { PodRules } from '../../rules/pod-rules.ts';
import { templateRules } from '../../rules/tolerated-faults.ts';
import { templateWarnings } from '../../rules/pod-warnings.ts';
import { countChange, keepFields } from '../../rules/status-reset.ts';
import { checkNonNegativeFields, checkReplicaCounts, checkWorkloadTemplate, podNameWarnings } from '../../rules/workloads.ts';

function defaultController(controller: ReplicationController): void {
  const { spec, metadata } = controller;
  if (!spec) return;
  const labels = spec.template?.metadata?.labels;
  if (labels) {
    if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
    if (Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
  }
  spec.replicas ??= 1;
  if (spec.template?.spec) defaultPodSpec(spec.template.spec);
}

function checkSpec(spec: ReplicationControllerSpec, faults: Faults, rules: PodRules): void {
  faults.nonNegative('spec.minReadySeconds', spec.minReadySeconds);
  const selector = labelSelectorFromMap(spec.selector);
  if (selector.length === 0) faults.required('spec.selector');
  if (spec.replicas === undefined) faults.required('spec.replicas');
  else faults.nonNegative('spec.replicas', spec.replicas);
  if (!spec.template) faults.required('spec.template');
  else checkWorkloadTemplate(spec.template, selector, 'ReplicationController', 'spec.template', faults, rules);
}

export const replicationControllerDefinition: ResourceDefinition<ReplicationController> = {
  resource: replicationcontrollers,
  schema: 'core/v1.ReplicationController',
  // This kind's names are counted in bytes, and the message says so.
  // The prefix of a generated name is not looked at.
  nameRule: (name, prefix) => (prefix ? [] : nameIsDnsSubdomain(name, prefix)).map((text) => text.replace('253 characters', '253 bytes')),
  strategy: {
    defaults: defaultController,
    prepareForCreate: (controller, context) => {
      controller.status = { replicas: 0 };
      controller.metadata.generation = 1;
      dropDisabledTemplateFields(controller.spec?.template, undefined, context);
    },
    prepareForUpdate: (controller, old, context) => {
      keepFields(controller, old, 'status');
      dropDisabledTemplateFields(controller.spec?.template, old.spec?.template, context);
      countChange(controller, old, 'spec');
    },
    validateCreate: (controller, context) => faultsOf((faults) => {
      checkFinalizers(controller, faults);
      checkSpec(controller.spec ?? {}, faults, templateRules(context));
    }),
    validateUpdate: (controller, old, context) => faultsOf((faults) => {
      checkMetaOnUpdate(controller, old, faults);
      checkSpec(controller.spec ?? {}, faults, templateRules(context, old.spec?.template));
    }),
    warningsOnCreate: (controller) => [...podNameWarnings(controller), ...templateWarnings(controller.spec?.template, 'spec.template')],
    warningsOnUpdate: (controller, old) => (controller.metadata.generation === old.metadata.generation ? []
      : templateWarnings(controller.spec?.template, 'spec.template')),
  },
  statusStrategy: {
    prepareForUpdate: (controller, old) => keepFields(controller, old, 'spec'),
    validateUpdate: (controller, old) => faultsOf((faults) => {
      checkMetaOnUpdate(controller, old, faults);
      checkNonNegativeFields(controller.status, ['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas', 'observedGeneration'], 'status', faults);
      checkReplicaCounts(controller.status, ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'], faults);
    }),
  },
  allowUnconditionalUpdate: true,
  defaultPropagation: 'Orphan',
  selectableFieldNames: ['status.replicas'],
  selectableFields: (controller) => ({ 'status.replicas': String(controller.status?.replicas ?? 0) }),
  scale: {
    replicas: (controller) => controller.spec?.replicas ?? 0,
    setReplicas: (controller, replicas) => { controller.spec!.replicas = replicas; },
    statusReplicas: (controller) => controller.status?.replicas ?? 0,
    selector: (controller) => formatLabelSelector(labelSelectorFromMap(controller.spec?.selector)),
  },
};
