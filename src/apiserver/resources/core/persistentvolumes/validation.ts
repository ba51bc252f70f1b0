/** The rules of persistent volumes: capacity, one source, node affinity, and a source that never changes. */
import type { NodeSelectorRequirement, PersistentVolume, PersistentVolumeSpec, VolumeNodeAffinity } from '#api/generated/core/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { dns1123LabelFaults, dns1123SubdomainFaults, labelValueFaults } from '#machinery/names';
import { checkNodeSelector } from '../../rules/affinity.ts';
import { checkAccessModes, VOLUME_MODES } from '../../rules/claim-spec.ts';
import { unifiedDiff } from '../../rules/diff.ts';
import type { Faults } from '../../rules/faults.ts';
import { goJsonOfMap, goJsonOfPointer } from '../../rules/internal-print.ts';
import { checkBasicQuantity, checkPositiveQuantity } from '../../rules/resource-lists.ts';
import {
  checkCinder, checkCsiDriverName, checkIscsi, checkOneSource, checkPathHasNoBacksteps, checkStorageOs, SHARED_SOURCES, type Source, type SourceRule,
} from '../../rules/volume-sources.ts';

const MOUNT_OPTIONS = 'volume.beta.kubernetes.io/mount-options';

export function checkVolumeSpec(volume: PersistentVolume, old: PersistentVolume | undefined, faults: Faults): void {
  const spec = volume.spec ?? {};
  if (!spec.accessModes?.length) faults.required('spec.accessModes');
  checkAccessModes(spec.accessModes, 'spec.accessModes', faults);
  checkCapacity(spec, faults);
  if (spec.persistentVolumeReclaimPolicy) {
    faults.strictlyOneOf('spec.persistentVolumeReclaimPolicy', spec.persistentVolumeReclaimPolicy, ['Delete', 'Recycle', 'Retain']);
  }
  if (spec.nodeAffinity) checkNodeAffinity(spec.nodeAffinity, hasBadAffinityValues(old), faults);
  checkOneSource(spec as Source, volumeSources(volume), 'spec', faults);
  if (spec.local && !spec.nodeAffinity && firstSource(volume) === 'local') faults.required('spec.nodeAffinity', 'Local volume requires node affinity');
  if (spec.hostPath && /^\/+(\.\/*)*$/.test(spec.hostPath.path ?? '') && spec.persistentVolumeReclaimPolicy === 'Recycle') {
    faults.forbidden('spec.persistentVolumeReclaimPolicy', "may not be 'recycle' for a hostPath mount of '/'");
  }
  if (spec.storageClassName) faults.invalidAll('spec.storageClassName', spec.storageClassName, dns1123SubdomainFaults(spec.storageClassName));
  if (spec.volumeMode !== undefined) faults.strictlyOneOf('spec.volumeMode', spec.volumeMode, VOLUME_MODES);
  const attributesClass = spec.volumeAttributesClassName;
  if (attributesClass !== undefined) {
    if (attributesClass === '') faults.required('spec.volumeAttributesClassName', 'an empty string is disallowed');
    else faults.invalidAll('spec.volumeAttributesClassName', attributesClass, dns1123SubdomainFaults(attributesClass));
    if (!spec.csi) faults.required('spec.csi', 'has to be specified when using volumeAttributesClassName');
  }
}

function checkCapacity(spec: PersistentVolumeSpec, faults: Faults): void {
  const capacity = Object.entries(spec.capacity ?? {});
  if (capacity.length === 0) faults.required('spec.capacity');
  if (spec.capacity?.['storage'] === undefined || capacity.length > 1) faults.notSupported('spec.capacity', goJsonOfMap(spec.capacity), ['storage']);
  for (const [name, text] of capacity) {
    checkBasicQuantity(text, `spec.capacity[${name}]`, faults);
    checkPositiveQuantity(text, `spec.capacity[${name}]`, faults);
  }
}

function checkNodeAffinity(affinity: VolumeNodeAffinity, anyValue: boolean, faults: Faults): void {
  if (affinity.required) checkNodeSelector(affinity.required, 'spec.nodeAffinity.required', faults, anyValue);
  else faults.required('spec.nodeAffinity.required', 'must specify required node constraints');
}

function hasBadAffinityValues(old: PersistentVolume | undefined): boolean {
  return (old?.spec?.nodeAffinity?.required?.nodeSelectorTerms ?? [])
    .some((term) => (term.matchExpressions ?? []).some((match) => (match.values ?? []).some((value) => labelValueFaults(value).length > 0)));
}

function volumeSources(volume: PersistentVolume): SourceRule[] {
  const shared = SHARED_SOURCES;
  return [
    shared.hostPath, shared.gcePersistentDisk, shared.awsElasticBlockStore, { ...shared.glusterfs, check: checkGlusterfs }, shared.flocker, shared.nfs,
    shared.rbd, shared.quobyte, shared.cephfs, { field: 'iscsi', check: (source, place, faults) => checkVolumeIscsi(source, volume, place, faults) },
    { field: 'cinder', check: withSecretNamespace(checkCinder) }, shared.fc, shared.flexVolume, { ...shared.azureFile, check: checkAzureFile },
    shared.vsphereVolume, shared.photonPersistentDisk, shared.portworxVolume, shared.azureDisk, shared.scaleIO, { field: 'local', check: checkLocal },
    { field: 'storageos', check: withSecretNamespace(checkStorageOs) }, { field: 'csi', check: checkCsi },
  ];
}

function firstSource(volume: PersistentVolume): string | undefined {
  return volumeSources(volume).find(({ field }) => (volume.spec as Source)[field])?.field;
}

function withSecretNamespace(check: (source: Source, place: string, faults: Faults) => void): SourceRule['check'] & {} {
  return (source, place, faults) => {
    check(source, place, faults);
    if (source.secretRef && !source.secretRef.namespace) faults.required(`${place}.secretRef.namespace`);
  };
}

function checkGlusterfs(source: Source, place: string, faults: Faults): void {
  SHARED_SOURCES.glusterfs.check(source, place, faults);
  const namespace: string | undefined = source.endpointsNamespace;
  if (namespace === '') faults.invalid(`${place}.endpointsNamespace`, namespace, 'if the endpointnamespace is set, it must be a valid namespace name');
  else if (namespace !== undefined) faults.invalidAll(`${place}.endpointsNamespace`, namespace, dns1123LabelFaults(namespace));
}

function checkVolumeIscsi(source: Source, volume: PersistentVolume, place: string, faults: Faults): void {
  const portal: string = source.targetPortal ?? '';
  if (!portal) faults.required(`${place}.targetPortal`);
  if (source.initiatorName !== undefined && `${volume.metadata.name ?? ''}:${portal}`.length > 64) {
    faults.invalid(`${place}.targetportal`, portal,
      'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.');
  }
  checkIscsi(source, place, faults, 'must be valid format');
  if (source.secretRef && !source.secretRef.name) faults.required(`${place}.secretRef.name`);
}

function checkAzureFile(source: Source, place: string, faults: Faults): void {
  SHARED_SOURCES.azureFile.check(source, place, faults);
  if (source.secretNamespace === '') faults.required(`${place}.secretNamespace`);
}

function checkLocal(source: Source, place: string, faults: Faults): void {
  if (!source.path) faults.required(`${place}.path`);
  else checkPathHasNoBacksteps(source.path, `${place}.path`, faults);
}

function checkCsi(source: Source, place: string, faults: Faults): void {
  checkCsiDriverName(source.driver, `${place}.driver`, faults);
  if (!source.volumeHandle) faults.required(`${place}.volumeHandle`);
  for (const field of ['controllerPublishSecretRef', 'controllerExpandSecretRef', 'nodePublishSecretRef', 'nodeExpandSecretRef']) {
    const ref = source[field];
    if (!ref) continue;
    if (!ref.name) faults.required(`${place}.${field}.name`);
    else faults.invalidAll(`${place}.${field}.name`, ref.name, dns1123SubdomainFaults(ref.name));
    if (!ref.namespace) faults.required(`${place}.${field}.namespace`);
    else faults.invalidAll(`${place}.${field}.namespace`, ref.namespace, dns1123LabelFaults(ref.namespace));
  }
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

/** Equal, when beta labels that became stable ones count as the same. */
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
  return semanticEqual(now, STABLE_LABELS[before.key] === now.key ? { ...before, key: now.key } : before);
}
