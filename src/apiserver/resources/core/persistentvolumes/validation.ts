/** The rules of persistent volumes: mount options, and a source that never changes. */
import type { NodeSelectorRequirement, PersistentVolume, VolumeNodeAffinity } from '#api/generated/core/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { labelValueFaults } from '#machinery/names';
import { unifiedDiff } from '../../rules/diff.ts';
import type { Faults } from '../../rules/faults.ts';
import { goJsonOfPointer } from '../../rules/internal-print.ts';
import { checkPersistentVolumeSpec } from '../../rules/persistent-volume-spec.ts';
import type { Source } from '../../rules/volume-sources.ts';

const MOUNT_OPTIONS = 'volume.beta.kubernetes.io/mount-options';

export function checkVolumeSpec(volume: PersistentVolume, old: PersistentVolume | undefined, faults: Faults): void {
  checkPersistentVolumeSpec(volume.spec ?? {}, 'spec', faults, { volumeName: volume.metadata.name ?? '', anyAffinityValues: hasBadAffinityValues(old) });
}

function hasBadAffinityValues(old: PersistentVolume | undefined): boolean {
  return (old?.spec?.nodeAffinity?.required?.nodeSelectorTerms ?? [])
    .some((term) => (term.matchExpressions ?? []).some((match) => (match.values ?? []).some((value) => labelValueFaults(value).length > 0)));
}

const WITH_MOUNT_OPTIONS = ['gcePersistentDisk', 'awsElasticBlockStore', 'glusterfs', 'nfs', 'rbd', 'quobyte', 'iscsi', 'cinder', 'cephfs', 'azureFile',
  'vsphereVolume', 'azureDisk', 'photonPersistentDisk'];

/** The old annotation is for sources with a mount to give options to. */
export function checkMountOptions(volume: PersistentVolume, faults: Faults): void {
  if (volume.metadata.annotations?.[MOUNT_OPTIONS] === undefined) return;
  if (WITH_MOUNT_OPTIONS.some((field) => (volume.spec as Source | undefined)?.[field])) return;
  faults.forbidden(`metadata.annotations.${MOUNT_OPTIONS}`, 'may not specify mount options for this volume type');
}

const SPEC_FIELDS = new Set(['accessModes', 'capacity', 'claimRef', 'mountOptions', 'nodeAffinity', 'persistentVolumeReclaimPolicy', 'storageClassName',
  'volumeAttributesClassName', 'volumeMode']);

function sourceOf(volume: PersistentVolume): Record<string, unknown> {
  return Object.fromEntries(Object.entries(volume.spec ?? {}).filter(([field]) => !SPEC_FIELDS.has(field)));
}

export function checkVolumeChange(volume: PersistentVolume, old: PersistentVolume, faults: Faults, anyNodeAffinity: boolean): void {
  const source = sourceOf(volume);
  const before = sourceOf(old);
  // A secret for growing may be added later.
  const csi = volume.spec?.csi;
  if (old.spec?.csi && !old.spec.csi.controllerExpandSecretRef && csi?.controllerExpandSecretRef) {
    const { controllerExpandSecretRef: _added, ...rest } = csi;
    source['csi'] = rest;
  }
  if (!semanticEqual(source, before)) {
    faults.forbidden('spec.persistentvolumesource', `spec.persistentvolumesource is immutable after creation\n${unifiedDiff(before, source)}`);
  }
  if (volume.spec?.volumeMode !== old.spec?.volumeMode) faults.invalid('volumeMode', volume.spec?.volumeMode ?? null, 'field is immutable');
  if (old.spec?.nodeAffinity && !anyNodeAffinity && !isSameAffinity(volume.spec?.nodeAffinity, old.spec.nodeAffinity)) {
    faults.invalid('nodeAffinity', goJsonOfPointer('core/v1.VolumeNodeAffinity', volume.spec?.nodeAffinity),
      'field is immutable, except for updating from beta label to GA');
  }
  if (old.spec?.volumeAttributesClassName !== undefined && volume.spec?.volumeAttributesClassName === undefined) {
    faults.forbidden('spec.volumeAttributesClassName', 'update from non-nil value to nil is forbidden');
  }
}

const STABLE_LABELS: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'beta.kubernetes.io/os': 'kubernetes.io/os',
  'beta.kubernetes.io/arch': 'kubernetes.io/arch',
  'beta.kubernetes.io/instance-type': 'node.kubernetes.io/instance-type',
};

/** Equal, when beta labels that became stable ones count as the same. So do, as upstream has it, other keys that became empty. */
function isSameAffinity(now: VolumeNodeAffinity | undefined, before: VolumeNodeAffinity): boolean {
  const terms = now?.required?.nodeSelectorTerms ?? [];
  const oldTerms = before.required?.nodeSelectorTerms ?? [];
  if (!now || Boolean(now.required) !== Boolean(before.required) || terms.length !== oldTerms.length) return false;
  return terms.every((term, index) => (['matchExpressions', 'matchFields'] as const).every((list) => {
    const expressions = term[list] ?? [];
    const oldExpressions = oldTerms[index]![list] ?? [];
    return expressions.length === oldExpressions.length && expressions.every((match, at) => isSameMatch(match, oldExpressions[at]!));
  }));
}

function isSameMatch(now: NodeSelectorRequirement, before: NodeSelectorRequirement): boolean {
  return semanticEqual({ ...now, key: '' }, { ...before, key: '' }) && (now.key === before.key || (STABLE_LABELS[before.key] ?? '') === (now.key ?? ''));
}
