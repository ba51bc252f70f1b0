/**
 * The rules of a persistent volume's spec: of a volume, or inline in a volume attachment.
 *
 * Inline there is nothing to claim, measure or place, and only CSI volumes can be migrated that way.
 */
import type { PersistentVolumeSpec, VolumeNodeAffinity } from '#api/generated/core/v1';
import { dns1123LabelFaults, dns1123SubdomainFaults } from '#machinery/names';
import { checkNodeSelector } from './affinity.ts';
import { checkAccessModes, VOLUME_MODES } from './claim-spec.ts';
import type { Faults } from './faults.ts';
import { goJsonOfMap } from './internal-print.ts';
import { checkBasicQuantity, checkPositiveQuantity } from './resource-lists.ts';
import {
  checkCinder, checkCsiDriverName, checkIscsi, checkOneSource, checkPathHasNoBacksteps, checkStorageOs, SHARED_SOURCES, type Source, type SourceRule,
} from './volume-sources.ts';

export interface VolumeSpecRules {
  /** Of the volume around the spec; empty for an inline one. */
  readonly volumeName: string;
  readonly inline?: boolean;
  /** The stored volume already selects nodes by values that are invalid today. */
  readonly anyAffinityValues?: boolean;
}

const INLINE = 'in the context of inline volumes';

export function checkPersistentVolumeSpec(spec: PersistentVolumeSpec, place: string, faults: Faults, rules: VolumeSpecRules): void {
  if (rules.inline) checkInline(spec, place, faults);
  if (!spec.accessModes?.length) faults.required(`${place}.accessModes`);
  checkAccessModes(spec.accessModes, `${place}.accessModes`, faults);
  if (!rules.inline) checkCapacity(spec, place, faults);
  checkReclaimPolicy(spec, place, faults, rules);
  if (spec.nodeAffinity) {
    if (rules.inline) faults.forbidden(`${place}.nodeAffinity`, `may not be specified ${INLINE}`);
    else checkNodeAffinity(spec.nodeAffinity, place, rules.anyAffinityValues ?? false, faults);
  }
  checkOneSource(spec as Source, volumeSources(rules.volumeName), place, faults);
  if (spec.local && !spec.nodeAffinity && firstSource(spec) === 'local') faults.required(`${place}.nodeAffinity`, 'Local volume requires node affinity');
  if (spec.hostPath && /^\/+(\.\/*)*$/.test(spec.hostPath.path ?? '') && spec.persistentVolumeReclaimPolicy === 'Recycle') {
    faults.forbidden(`${place}.persistentVolumeReclaimPolicy`, "may not be 'recycle' for a hostPath mount of '/'");
  }
  checkClasses(spec, place, faults, rules);
}

function checkInline(spec: PersistentVolumeSpec, place: string, faults: Faults): void {
  if (spec.claimRef) faults.forbidden(`${place}.claimRef`, `may not be specified ${INLINE}`);
  if (Object.keys(spec.capacity ?? {}).length > 0) faults.forbidden(`${place}.capacity`, `may not be specified ${INLINE}`);
  if (!spec.csi) faults.required(`${place}.csi`, `has to be specified ${INLINE}`);
}

function checkReclaimPolicy(spec: PersistentVolumeSpec, place: string, faults: Faults, rules: VolumeSpecRules): void {
  const policy = spec.persistentVolumeReclaimPolicy;
  if (!policy) return;
  if (!rules.inline) faults.strictlyOneOf(`${place}.persistentVolumeReclaimPolicy`, policy, ['Delete', 'Recycle', 'Retain']);
  else if (policy !== 'Retain') faults.forbidden(`${place}.persistentVolumeReclaimPolicy`, `may only be Retain ${INLINE}`);
}

function checkClasses(spec: PersistentVolumeSpec, place: string, faults: Faults, rules: VolumeSpecRules): void {
  if (spec.storageClassName) {
    if (rules.inline) faults.forbidden(`${place}.storageClassName`, `may not be specified ${INLINE}`);
    else faults.invalidAll(`${place}.storageClassName`, spec.storageClassName, dns1123SubdomainFaults(spec.storageClassName));
  }
  if (spec.volumeMode !== undefined) {
    if (!rules.inline) faults.strictlyOneOf(`${place}.volumeMode`, spec.volumeMode, VOLUME_MODES);
    else if (spec.volumeMode !== 'Filesystem') faults.forbidden(`${place}.volumeMode`, `may not specify volumeMode other than Filesystem ${INLINE}`);
  }
  const attributesClass = spec.volumeAttributesClassName;
  if (attributesClass !== undefined && !rules.inline) {
    if (attributesClass === '') faults.required(`${place}.volumeAttributesClassName`, 'an empty string is disallowed');
    else faults.invalidAll(`${place}.volumeAttributesClassName`, attributesClass, dns1123SubdomainFaults(attributesClass));
    if (!spec.csi) faults.required(`${place}.csi`, 'has to be specified when using volumeAttributesClassName');
  }
}

function checkCapacity(spec: PersistentVolumeSpec, place: string, faults: Faults): void {
  const capacity = Object.entries(spec.capacity ?? {});
  if (capacity.length === 0) faults.required(`${place}.capacity`);
  if (spec.capacity?.['storage'] === undefined || capacity.length > 1) faults.notSupported(`${place}.capacity`, goJsonOfMap(spec.capacity), ['storage']);
  for (const [name, text] of capacity) {
    checkBasicQuantity(text, `${place}.capacity[${name}]`, faults);
    checkPositiveQuantity(text, `${place}.capacity[${name}]`, faults);
  }
}

function checkNodeAffinity(affinity: VolumeNodeAffinity, place: string, anyValue: boolean, faults: Faults): void {
  if (affinity.required) checkNodeSelector(affinity.required, `${place}.nodeAffinity.required`, faults, anyValue);
  else faults.required(`${place}.nodeAffinity.required`, 'must specify required node constraints');
}

function volumeSources(volumeName: string): SourceRule[] {
  const shared = SHARED_SOURCES;
  return [
    shared.hostPath, shared.gcePersistentDisk, shared.awsElasticBlockStore, { ...shared.glusterfs, check: checkGlusterfs }, shared.flocker, shared.nfs,
    shared.rbd, shared.quobyte, shared.cephfs, { field: 'iscsi', check: (source, place, faults) => checkVolumeIscsi(source, volumeName, place, faults) },
    { field: 'cinder', check: withSecretNamespace(checkCinder) }, shared.fc, shared.flexVolume, { ...shared.azureFile, check: checkAzureFile },
    shared.vsphereVolume, shared.photonPersistentDisk, shared.portworxVolume, shared.azureDisk, shared.scaleIO, { field: 'local', check: checkLocal },
    { field: 'storageos', check: withSecretNamespace(checkStorageOs) }, { field: 'csi', check: checkCsi },
  ];
}

function firstSource(spec: PersistentVolumeSpec): string | undefined {
  return volumeSources('').find(({ field }) => (spec as Source)[field])?.field;
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

function checkVolumeIscsi(source: Source, volumeName: string, place: string, faults: Faults): void {
  const portal: string = source.targetPortal ?? '';
  if (!portal) faults.required(`${place}.targetPortal`);
  if (source.initiatorName !== undefined && `${volumeName}:${portal}`.length > 64) {
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

