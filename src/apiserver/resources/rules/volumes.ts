/**
 * The rules of a pod's volumes: unique names, one source each, and what each source wants.
 */
import type {
  ConfigMapVolumeSource, DownwardAPIVolumeFile, KeyToPath, ProjectedVolumeSource, Volume, VolumeProjection,
} from '#api/generated/core/v1';
import type { ObjectMeta } from '#machinery/meta';
import { dns1123LabelFaults, dns1123SubdomainFaults } from '#machinery/names';
import { checkClaimTemplate } from './claim-spec.ts';
import { checkFieldRef, checkResourceFieldRef, VOLUME_FIELD_PATHS } from './downward-api.ts';
import type { Faults } from './faults.ts';
import { checkPodCertificate } from './pod-certificate.ts';
import type { PodRules } from './pod-rules.ts';
import { goJsonOf } from './internal-print.ts';
import { isNegative } from './resource-lists.ts';
import { checkLabelSelector } from './selectors.ts';
import { checkSignerName, clusterTrustBundleNameFaults } from './signers.ts';
import {
  checkCinder, checkCsiDriverName, checkIscsi, checkLocalDescendingPath, checkLocalNonReservedPath, checkOneSource, checkStorageOs,
  SHARED_SOURCES, type Source, type SourceRule,
} from './volume-sources.ts';

const FILE_MODE_TEXT = 'must be a number between 0 and 0777 (octal), both inclusive';
const TOKEN_SECONDS_MIN = 600;
const TOKEN_SECONDS_MAX = 2 ** 32;

/** @returns the sound volumes by name: mounts may only refer to these. */
export function checkVolumes(volumes: readonly Volume[] | undefined, podMeta: ObjectMeta | undefined, place: string, faults: Faults,
  rules: PodRules): Map<string, Volume> {
  const sound = new Map<string, Volume>();
  const createdClaims = new Set<string>();
  if (podMeta?.name) for (const volume of volumes ?? []) if (volume.ephemeral) createdClaims.add(`${podMeta.name}-${volume.name}`);
  for (const [index, volume] of (volumes ?? []).entries()) {
    const at = `${place}[${index}]`;
    const before = faults.count;
    checkVolumeSource(volume, podMeta, at, faults, rules);
    if (!volume.name) faults.required(`${at}.name`);
    else faults.invalidAll(`${at}.name`, volume.name, dns1123LabelFaults(volume.name));
    if (sound.has(volume.name)) faults.duplicate(`${at}.name`, volume.name);
    if (faults.count === before) sound.set(volume.name, volume);
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim !== undefined && createdClaims.has(claim)) {
      faults.invalid(`${at}.persistentVolumeClaim.claimName`, claim, 'must not reference a PVC that gets created for an ephemeral volume');
    }
  }
  return sound;
}

function checkVolumeSource(volume: Volume, podMeta: ObjectMeta | undefined, place: string, faults: Faults, rules: PodRules): void {
  checkOneSource(volume as Source, podSources(volume, podMeta, place, rules), place, faults);
  if (volume.iscsi?.initiatorName !== undefined && `${volume.name}:${volume.iscsi.targetPortal ?? ''}`.length > 64) {
    faults.invalid(`${place}.name`, volume.name,
      'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.');
  }
}

function podSources(volume: Volume, podMeta: ObjectMeta | undefined, place: string, rules: PodRules): SourceRule[] {
  const shared = SHARED_SOURCES;
  return [
    { field: 'emptyDir', check: checkEmptyDir }, shared.hostPath, { field: 'gitRepo', check: checkGitRepo }, shared.gcePersistentDisk,
    shared.awsElasticBlockStore, { field: 'secret', check: (source, at, faults) => checkKeyedVolume(source, 'secretName', at, faults) },
    shared.nfs, { field: 'iscsi', check: checkPodIscsi }, shared.glusterfs, shared.flocker,
    { field: 'persistentVolumeClaim', check: (source, at, faults) => { if (!source.claimName) faults.required(`${at}.claimName`); } },
    shared.rbd, { field: 'cinder', check: checkCinder }, shared.cephfs, shared.quobyte,
    { field: 'downwardAPI', check: checkDownwardApi }, shared.fc, shared.flexVolume,
    { field: 'configMap', check: (source, at, faults) => checkKeyedVolume(source, 'name', at, faults) },
    shared.azureFile, shared.vsphereVolume, shared.photonPersistentDisk, shared.portworxVolume, shared.azureDisk,
    { field: 'storageos', check: checkStorageOs },
    { field: 'projected', check: (source, at, faults) => checkProjected(source as ProjectedVolumeSource, at, faults, rules) },
    shared.scaleIO, { field: 'csi', check: checkCsi },
    { field: 'ephemeral', check: (source, at, faults) => checkEphemeral(source, volume, podMeta, at, place, faults) },
    { field: 'image', check: (source, at, faults) => checkImageVolume(source, at, faults, rules) },
  ];
}

function checkEmptyDir(source: Source, place: string, faults: Faults): void {
  if (source.sizeLimit !== undefined && isNegative(source.sizeLimit)) {
    faults.forbidden(`${place}.sizeLimit`, 'SizeLimit field must be a valid resource quantity');
  }
}

function checkGitRepo(source: Source, place: string, faults: Faults): void {
  if (!source.repository) faults.required(`${place}.repository`);
  checkLocalDescendingPath(source.directory ?? '', `${place}.directory`, faults);
}

function checkPodIscsi(source: Source, place: string, faults: Faults): void {
  if (!source.targetPortal) faults.required(`${place}.targetPortal`);
  checkIscsi(source, place, faults, 'must be valid format starting with iqn, eui, or naa');
}

function checkMode(mode: number | undefined, place: string, faults: Faults): void {
  if (mode !== undefined && (mode > 0o777 || mode < 0)) faults.invalid(place, mode, FILE_MODE_TEXT);
}

function checkKeyedVolume(source: Source, nameField: string, place: string, faults: Faults): void {
  if (!source[nameField]) faults.required(`${place}.${nameField}`);
  checkMode(source.defaultMode, `${place}.defaultMode`, faults);
  for (const [index, item] of ((source as ConfigMapVolumeSource).items ?? []).entries()) checkKeyToPath(item, `${place}.items[${index}]`, faults);
}

function checkKeyToPath(item: KeyToPath, place: string, faults: Faults): void {
  if (!item.key) faults.required(`${place}.key`);
  if (!item.path) faults.required(`${place}.path`);
  checkLocalNonReservedPath(item.path ?? '', `${place}.path`, faults);
  checkMode(item.mode, `${place}.mode`, faults);
}

function checkDownwardApi(source: Source, place: string, faults: Faults): void {
  checkMode(source.defaultMode, `${place}.defaultMode`, faults);
  for (const file of source.items ?? []) checkDownwardApiFile(file, place, faults);
}

/** Reported at the volume's place, without the item's index. */
function checkDownwardApiFile(file: DownwardAPIVolumeFile, place: string, faults: Faults): void {
  if (!file.path) faults.required(`${place}.path`);
  checkLocalNonReservedPath(file.path ?? '', `${place}.path`, faults);
  if (file.fieldRef) {
    checkFieldRef(file.fieldRef, VOLUME_FIELD_PATHS, `${place}.fieldRef`, faults);
    if (file.resourceFieldRef) faults.invalid(place, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously');
  } else if (file.resourceFieldRef) {
    checkResourceFieldRef(file.resourceFieldRef, `${place}.resourceFieldRef`, faults, true);
  } else {
    faults.required(place, 'one of fieldRef and resourceFieldRef is required');
  }
  checkMode(file.mode, `${place}.mode`, faults);
}

function checkCsi(source: Source, place: string, faults: Faults): void {
  checkCsiDriverName(source.driver, `${place}.driver`, faults);
  if (!source.nodePublishSecretRef) return;
  const name: string | undefined = source.nodePublishSecretRef.name;
  if (!name) faults.required(`${place}.nodePublishSecretRef.name`);
  else faults.invalidAll(`${place}.name`, name, dns1123SubdomainFaults(name));
}

function checkEphemeral(source: Source, volume: Volume, podMeta: ObjectMeta | undefined, place: string, volumePlace: string, faults: Faults): void {
  if (!source.volumeClaimTemplate) faults.required(`${place}.volumeClaimTemplate`);
  else checkClaimTemplate(source.volumeClaimTemplate, `${place}.volumeClaimTemplate`, faults);
  if (!podMeta?.name || !volume.name) return;
  const claim = `${podMeta.name}-${volume.name}`;
  for (const text of dns1123SubdomainFaults(claim)) faults.invalid(`${volumePlace}.name`, volume.name, `PVC name "${claim}": ${text}`);
}

function checkImageVolume(source: Source, place: string, faults: Faults, rules: PodRules): void {
  if (rules.isPod && !source.reference) faults.required(`${place}.reference`);
  faults.oneOf(`${place}.pullPolicy`, source.pullPolicy, ['Always', 'IfNotPresent', 'Never']);
}

function checkProjected(projected: ProjectedVolumeSource, place: string, faults: Faults, rules: PodRules): void {
  checkMode(projected.defaultMode, `${place}.defaultMode`, faults);
  const paths = new Set<string>();
  const claimPath = (path: string | undefined, value: string | undefined): void => {
    if (!path) return;
    if (paths.has(path)) faults.invalid(place, value, 'conflicting duplicate paths');
    paths.add(path);
  };
  for (const [index, source] of (projected.sources ?? []).entries()) {
    const at = `${place}.sources[${index}]`;
    for (const kind of ['secret', 'configMap'] as const) {
      const keyed = source[kind];
      if (!keyed) continue;
      if (!keyed.name) faults.required(`${at}.${kind}.name`);
      for (const [item, keyToPath] of (keyed.items ?? []).entries()) {
        checkKeyToPath(keyToPath, `${at}.${kind}.items[${item}]`, faults);
        claimPath(keyToPath.path, keyed.name);
      }
    }
    for (const file of source.downwardAPI?.items ?? []) {
      checkDownwardApiFile(file, `${at}.downwardAPI`, faults);
      claimPath(file.path, file.path);
    }
    checkTokenProjection(source, at, place, faults, rules);
    checkTrustBundle(source, `${at}.clusterTrustBundle`, faults);
    if (source.clusterTrustBundle) claimPath(source.clusterTrustBundle.path || ' ', source.clusterTrustBundle.path);
    if (source.podCertificate) checkPodCertificate(source.podCertificate, `${at}.podCertificate`, faults, claimPath);
    if (Object.values(source).filter((value) => value !== undefined).length > 1) {
      faults.forbidden(at, 'may not specify more than 1 volume type per source');
    }
  }
}

function checkTokenProjection(source: VolumeProjection, at: string, place: string, faults: Faults, rules: PodRules): void {
  const token = source.serviceAccountToken;
  if (!token) return;
  const seconds = token.expirationSeconds ?? 0;
  const secondsAt = `${at}.serviceAccountToken.expirationSeconds`;
  if (seconds < TOKEN_SECONDS_MIN) faults.invalid(secondsAt, seconds, 'may not specify a duration less than 10 minutes');
  if (seconds > TOKEN_SECONDS_MAX) faults.invalid(secondsAt, seconds, 'may not specify a duration larger than 2^32 seconds');
  if (!token.path) faults.required(`${place}.path`);
  else if (!rules.tolerated.nonLocalTokenPath) checkLocalNonReservedPath(token.path, `${place}.path`, faults);
}

function checkTrustBundle(source: VolumeProjection, place: string, faults: Faults): void {
  const bundle = source.clusterTrustBundle;
  if (!bundle) return;
  if (bundle.name !== undefined && bundle.signerName !== undefined) {
    faults.invalid(place, goJsonOf('core/v1.ClusterTrustBundleProjection', bundle), 'only one of name and signerName may be used');
  } else if (bundle.name !== undefined) {
    if (bundle.name === '') faults.required(`${place}.name`, 'must be a valid object name');
    for (const text of clusterTrustBundleNameFaults(bundle.name)) {
      faults.invalid(`${place}.name`, bundle.name, `not a valid clustertrustbundlename: ${text}`);
    }
    if (bundle.labelSelector) faults.invalid(`${place}.labelSelector`, bundle.labelSelector, 'labelSelector must be unset if name is specified');
  } else if (bundle.signerName !== undefined) {
    if (bundle.signerName === '') faults.required(`${place}.signerName`, 'must be a valid signer name');
    checkSignerName(bundle.signerName, `${place}.signerName`, faults);
    checkLabelSelector(bundle.labelSelector, `${place}.labelSelector`, faults);
  } else {
    faults.required(place, 'either name or signerName must be specified');
  }
  if (!bundle.path) faults.required(`${place}.path`);
  checkLocalNonReservedPath(bundle.path ?? '', `${place}.path`, faults);
}
