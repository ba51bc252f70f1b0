/** Persistent volumes as a resource. */
import { persistentvolumes, type PersistentVolume } from '#api/generated/core/v1';
import { formatTime } from '#machinery/time';
import type { ResourceDefinition } from '../../definition.ts';
import { faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaAgain, checkMetaOnUpdate } from '../../rules/metadata.ts';
import { nodeSelectorTermWarnings } from '../../rules/node-labels.ts';
import { defaultLegacyVolumeSource } from '../../rules/pod-defaults.ts';
import { roundUpResources } from '../../rules/resource-lists.ts';
import { keepFields } from '../../rules/status-reset.ts';
import { checkMountOptions, checkVolumeChange, checkVolumeSpec } from './validation.ts';

function defaultVolume(volume: PersistentVolume): void {
  volume.status ??= {};
  volume.status.phase ||= 'Pending';
  const { spec } = volume;
  if (!spec) return;
  spec.persistentVolumeReclaimPolicy ||= 'Retain';
  spec.volumeMode ??= 'Filesystem';
  if (spec.hostPath) spec.hostPath.type ??= '';
  defaultLegacyVolumeSource(spec);
  roundUpResources(spec.capacity);
}

const DEPRECATED_ANNOTATIONS = [
  ['volume.beta.kubernetes.io/storage-class', 'deprecated since v1.8; use "storageClassName" attribute instead'],
  ['volume.beta.kubernetes.io/mount-options', 'deprecated since v1.31; use "mountOptions" attribute instead'],
] as const;
const DEPRECATED_SOURCES = [
  ['cephfs', 'cephfs', 'v1.28', 'v1.31'], ['photonPersistentDisk', 'photonPersistentDisk', 'v1.11', 'v1.16'], ['scaleIO', 'scaleIO', 'v1.16', 'v1.22'],
  ['storageos', 'storageOS', 'v1.22', 'v1.25'], ['glusterfs', 'glusterfs', 'v1.25', 'v1.26'], ['rbd', 'rbd', 'v1.28', 'v1.31'],
] as const;

function warnings({ metadata, spec = {} }: PersistentVolume): string[] {
  return [
    ...DEPRECATED_ANNOTATIONS.filter(([key]) => metadata.annotations?.[key] !== undefined).map(([key, text]) => `metadata.annotations[${key}]: ${text}`),
    ...(spec.persistentVolumeReclaimPolicy === 'Recycle'
      ? ['spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.'] : []),
    ...(spec.nodeAffinity?.required?.nodeSelectorTerms ?? [])
      .flatMap((term, index) => nodeSelectorTermWarnings(term, false, `spec.nodeAffinity.required.nodeSelectorTerms[${index}]`)),
    ...DEPRECATED_SOURCES.filter(([field]) => spec[field]).map(([, name, from, gone]) => `spec.${name}: deprecated in ${from}, non-functional in ${gone}+`),
  ];
}

export const persistentVolumeDefinition: ResourceDefinition<PersistentVolume> = {
  resource: persistentvolumes,
  schema: 'core/v1.PersistentVolume',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: defaultVolume,
    prepareForCreate: (volume, context) => { volume.status = { phase: 'Pending', lastPhaseTransitionTime: formatTime(context.nowMs) }; },
    prepareForUpdate: (volume, old) => keepFields(volume, old, 'status'),
    validateCreate: (volume) => faultsOf((faults) => {
      checkFinalizers(volume, faults);
      checkVolumeSpec(volume, undefined, faults);
      checkMountOptions(volume, faults);
    }),
    validateUpdate: (volume, old, context) => faultsOf((faults) => {
      // Upstream checks the volume as a whole twice.
      for (let round = 0; round < 2; round += 1) {
        checkMetaAgain(volume, faults, false);
        checkVolumeSpec(volume, old, faults);
      }
      checkMountOptions(volume, faults);
      checkVolumeChange(volume, old, faults, context.featureEnabled('MutablePVNodeAffinity'));
    }),
    warningsOnCreate: warnings,
    warningsOnUpdate: warnings,
  },
  statusStrategy: {
    prepareForUpdate: (volume, old, context) => {
      keepFields(volume, old, 'spec');
      volume.status ??= {};
      const { status } = volume;
      const samePhase = status.phase === old.status?.phase;
      const since = old.status?.lastPhaseTransitionTime;
      if (samePhase && !status.lastPhaseTransitionTime && since) status.lastPhaseTransitionTime = since;
      if (!samePhase && (!status.lastPhaseTransitionTime || status.lastPhaseTransitionTime === since)) {
        status.lastPhaseTransitionTime = formatTime(context.nowMs);
      }
    },
    validateUpdate: (volume, old) => faultsOf((faults) => {
      checkMetaOnUpdate(volume, old, faults);
      if (!volume.metadata.resourceVersion) faults.required('resourceVersion');
    }),
  },
  allowUnconditionalUpdate: true,
  returnDeletedObject: true,
  selectableFieldNames: ['name'],
  selectableFields: (volume) => ({ name: volume.metadata.name ?? '' }),
};
