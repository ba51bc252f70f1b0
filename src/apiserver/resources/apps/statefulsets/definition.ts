/** Stateful sets as a resource. */
import { statefulsets, type StatefulSet } from '#api/generated/apps/v1';
import type { ResourceDefinition } from '../../definition.ts';
import { defaultClaimSpec, defaultPodSpec } from '../../rules/pod-defaults.ts';
import { faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { dropDisabledTemplateFields } from '../../rules/pod-fields.ts';
import { templateRules } from '../../rules/tolerated-faults.ts';
import { templateWarnings, warnIfFractional } from '../../rules/pod-warnings.ts';
import { countChange, keepFields } from '../../rules/status-reset.ts';
import { checkCollisionCount, checkNonNegativeFields, checkReplicaCounts, WORKLOAD_SCALE } from '../../rules/workloads.ts';
import { checkStatefulSetChange, checkStatefulSetSpec } from './validation.ts';

function defaultStatefulSet({ spec }: StatefulSet): void {
  if (!spec) return;
  // Stored ones have these in any case.
  spec.serviceName ??= '';
  if (spec.ordinals) spec.ordinals.start ??= 0;
  spec.podManagementPolicy ||= 'OrderedReady';
  spec.updateStrategy ??= {};
  if (!spec.updateStrategy.type) {
    spec.updateStrategy.type = 'RollingUpdate';
    spec.updateStrategy.rollingUpdate ??= {};
  }
  if (spec.updateStrategy.type === 'RollingUpdate' && spec.updateStrategy.rollingUpdate) spec.updateStrategy.rollingUpdate.partition ??= 0;
  spec.persistentVolumeClaimRetentionPolicy ??= {};
  spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= 'Retain';
  spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= 'Retain';
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  if (spec.template?.spec) defaultPodSpec(spec.template.spec);
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.apiVersion ||= 'v1';
    claim.kind ||= 'PersistentVolumeClaim';
    claim.status ??= {};
    claim.status.phase ||= 'Pending';
    defaultClaimSpec(claim.spec);
  }
}

function dropDisabledFields(set: StatefulSet, old: StatefulSet | undefined, context: { featureEnabled(gate: string): boolean }): void {
  const rolling = set.spec?.updateStrategy?.rollingUpdate;
  if (!context.featureEnabled('MaxUnavailableStatefulSet') && old?.spec?.updateStrategy?.rollingUpdate?.maxUnavailable === undefined) {
    delete rolling?.maxUnavailable;
  }
  dropDisabledTemplateFields(set.spec?.template, old?.spec?.template, context);
}

function claimWarnings(set: StatefulSet, suffix: string): string[] {
  const warnings: string[] = [];
  for (const [index, claim] of (set.spec?.volumeClaimTemplates ?? []).entries()) {
    const at = `spec.volumeClaimTemplates[${index}]${suffix}.resources`;
    const warn = (place: string, text: string): void => { warnings.push(`${place}: ${text}`); };
    warnIfFractional(claim.spec?.resources?.requests, 'storage', `${at}.requests`, warn);
    warnIfFractional(claim.spec?.resources?.limits, 'storage', `${at}.limits`, warn);
  }
  if ((set.spec?.revisionHistoryLimit ?? 0) < 0) {
    warnings.push('spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended');
  }
  return warnings;
}

export const statefulSetDefinition: ResourceDefinition<StatefulSet> = {
  resource: statefulsets,
  schema: 'apps/v1.StatefulSet',
  nameRule: 'dns1123-label',
  strategy: {
    defaults: defaultStatefulSet,
    prepareForCreate: (set, context) => {
      set.status = { replicas: 0, availableReplicas: 0 };
      set.metadata.generation = 1;
      dropDisabledFields(set, undefined, context);
    },
    prepareForUpdate: (set, old, context) => {
      keepFields(set, old, 'status');
      dropDisabledFields(set, old, context);
      countChange(set, old, 'spec');
    },
    validateCreate: (set, context) => faultsOf((faults) => {
      checkFinalizers(set, faults);
      checkStatefulSetSpec(set.spec!, faults, templateRules(context), {});
    }),
    validateUpdate: (set, old, context) => faultsOf((faults) => {
      checkMetaOnUpdate(set, old, faults);
      checkStatefulSetChange(set, old, faults, templateRules(context, old.spec?.template));
    }),
    warningsOnCreate: (set) => [...templateWarnings(set.spec?.template, 'spec.template'), ...claimWarnings(set, '')],
    warningsOnUpdate: (set, old) => [
      ...(set.metadata.generation === old.metadata.generation ? [] : templateWarnings(set.spec?.template, 'spec.template')),
      ...claimWarnings(set, '.Spec'),
    ],
  },
  statusStrategy: {
    prepareForUpdate: (set, old) => keepFields(set, old, 'spec'),
    validateUpdate: (set, old) => faultsOf((faults) => {
      checkNonNegativeFields(set.status, ['replicas', 'readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas',
        'observedGeneration', 'collisionCount'], 'status', faults);
      checkReplicaCounts(set.status, ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'], faults, 'status.readyReplicas');
      checkMetaOnUpdate(set, old, faults);
      checkCollisionCount(set.status, old.status, faults);
    }),
  },
  allowUnconditionalUpdate: true,
  scale: WORKLOAD_SCALE,
};
