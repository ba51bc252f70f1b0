/** Replica sets as a resource. */
import { replicasets, type ReplicaSet, type ReplicaSetSpec } from '#api/generated/apps/v1';
import { semanticEqual } from '#machinery/deep-equal';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { goJsonOf } from '../../rules/internal-print.ts';
import { checkFinalizers, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { defaultPodSpec } from '../../rules/pod-defaults.ts';
import { dropDisabledTemplateFields } from '../../rules/pod-fields.ts';
import type { PodRules } from '../../rules/pod-rules.ts';
import { templateRules } from '../../rules/tolerated-faults.ts';
import { templateWarnings } from '../../rules/pod-warnings.ts';
import { countChange, keepFields } from '../../rules/status-reset.ts';
import {
  checkNonNegativeFields, checkReplicaCounts, checkWorkloadSelector, checkWorkloadTemplate, podNameWarnings, readSelector, WORKLOAD_SCALE,
} from '../../rules/workloads.ts';

function checkSpec(spec: ReplicaSetSpec, faults: Faults, rules: PodRules): void {
  checkNonNegativeFields(spec, ['replicas', 'minReadySeconds'], 'spec', faults);
  // The message has named deployments since the validators were one.
  checkWorkloadSelector(spec.selector, 'deployment', 'spec.selector', faults);
  const requirements = readSelector(spec.selector);
  if (requirements !== undefined) checkWorkloadTemplate(spec.template ?? {}, requirements, 'ReplicaSet', 'spec.template', faults, rules);
  else faults.invalid('spec.selector', goJsonOf('meta/v1.LabelSelector', spec.selector), 'invalid label selector');
}

export const replicaSetDefinition: ResourceDefinition<ReplicaSet> = {
  resource: replicasets,
  schema: 'apps/v1.ReplicaSet',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: ({ spec }) => {
      if (!spec) return;
      spec.replicas ??= 1;
      if (spec.template?.spec) defaultPodSpec(spec.template.spec);
    },
    prepareForCreate: (set, context) => {
      set.status = { replicas: 0 };
      set.metadata.generation = 1;
      dropDisabledTemplateFields(set.spec?.template, undefined, context);
    },
    prepareForUpdate: (set, old, context) => {
      keepFields(set, old, 'status');
      dropDisabledTemplateFields(set.spec?.template, old.spec?.template, context);
      countChange(set, old, 'spec');
    },
    validateCreate: (set, context) => faultsOf((faults) => {
      checkFinalizers(set, faults);
      checkSpec(set.spec!, faults, templateRules(context));
    }),
    validateUpdate: (set, old, context) => faultsOf((faults) => {
      checkMetaOnUpdate(set, old, faults);
      checkSpec(set.spec!, faults, templateRules(context, old.spec?.template));
      if (!semanticEqual(set.spec?.selector, old.spec?.selector)) {
        faults.invalid('spec.selector', set.spec?.selector ? goJsonOf('meta/v1.LabelSelector', set.spec.selector) : null, 'field is immutable');
      }
    }),
    warningsOnCreate: (set) => [...podNameWarnings(set), ...templateWarnings(set.spec?.template, 'spec.template')],
    warningsOnUpdate: (set, old) => (set.metadata.generation === old.metadata.generation ? [] : templateWarnings(set.spec?.template, 'spec.template')),
  },
  statusStrategy: {
    prepareForUpdate: (set, old, context) => {
      keepFields(set, old, 'spec');
      if (!context.featureEnabled('DeploymentReplicaSetTerminatingReplicas') && old.status?.terminatingReplicas === undefined) {
        delete set.status?.terminatingReplicas;
      }
    },
    validateUpdate: (set, old) => faultsOf((faults) => {
      checkMetaOnUpdate(set, old, faults);
      checkNonNegativeFields(set.status,
        ['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas', 'observedGeneration', 'terminatingReplicas'], 'status', faults);
      checkReplicaCounts(set.status, ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'], faults);
    }),
  },
  allowUnconditionalUpdate: true,
  selectableFieldNames: ['status.replicas'],
  selectableFields: (set) => ({ 'status.replicas': String(set.status?.replicas ?? 0) }),
  scale: WORKLOAD_SCALE,
};
