/**
 * The rules of volume sources that pods and persistent volumes share, and the machine that takes exactly one of them.
 *
 * A table maps a source's field to its check; the order of the table is the order in which upstream looks, because the first
 * source present is checked and every further one is refused. Some checks report at another name than the field's
 * (`persistentDisk`, `cephFS`): clients see those.
 */
import { dns1123LabelFaults, dns1123SubdomainFaults } from '#machinery/names';
import type { Faults } from './faults.ts';

/* eslint-disable-next-line -- sources differ per kind; each check reads its own fields */
export type Source = Record<string, any>;

export interface SourceRule {
  readonly field: string;
  /** The place under which the check reports, when not the field. */
  readonly reportedAs?: string;
  /** The place under which a second source is refused, when not the field. */
  readonly refusedAs?: string;
  check?(source: Source, place: string, faults: Faults): void;
}

/** Checks the first source present, refuses further ones, and wants at least one. */
export function checkOneSource(holder: Source, rules: readonly SourceRule[], place: string, faults: Faults): void {
  let found = false;
  for (const rule of rules) {
    const source = holder[rule.field];
    if (source === undefined || source === null) continue;
    if (found) {
      faults.forbidden(`${place}.${rule.refusedAs ?? rule.field}`, 'may not specify more than 1 volume type');
      continue;
    }
    found = true;
    rule.check?.(source, `${place}.${rule.reportedAs ?? rule.field}`, faults);
  }
  if (!found) faults.required(place, 'must specify a volume type');
}

/** A check that wants these fields set, in this order. */
function wants(...fields: readonly string[]): (source: Source, place: string, faults: Faults) => void {
  return (source, place, faults) => {
    for (const field of fields) if (isEmpty(source[field])) faults.required(`${place}.${field}`);
  };
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);
}

export function checkPathHasNoBacksteps(path: string, place: string, faults: Faults): void {
  if (path.split('/').includes('..')) faults.invalid(place, path, "must not contain '..'");
}

export function checkLocalDescendingPath(path: string, place: string, faults: Faults): void {
  if (path.startsWith('/')) faults.invalid(place, path, 'must be a relative path');
  checkPathHasNoBacksteps(path, place, faults);
}

/** A relative path that also does not start with `..`, which the kubelet keeps for itself. */
export function checkLocalNonReservedPath(path: string, place: string, faults: Faults): void {
  checkLocalDescendingPath(path, place, faults);
  if (path.startsWith('..') && !path.startsWith('../')) faults.invalid(place, path, "must not start with '..'");
}

const HOST_PATH_TYPES = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];

function checkHostPath(source: Source, place: string, faults: Faults): void {
  if (!source.path) {
    faults.required(`${place}.path`);
    return;
  }
  checkPathHasNoBacksteps(source.path, `${place}.path`, faults);
  if (source.type !== undefined && !HOST_PATH_TYPES.includes(source.type)) faults.notSupported(`${place}.type`, source.type, HOST_PATH_TYPES);
}

function checkPartition(source: Source, place: string, faults: Faults): void {
  const partition: number = source.partition ?? 0;
  if (partition < 0 || partition > 255) faults.invalid(`${place}.partition`, partition, 'must be between 1 and 255, inclusive');
}

const IQN_FORMATS: readonly (readonly [string, RegExp])[] = [
  ['iqn', /iqn\.\d{4}-\d{2}\.([A-Za-z0-9\-.]+)(:[^,;*&$|\t\n\f\r ]+)$/],
  ['eui', /^eui.[A-Za-z0-9]{16}$/],
  ['naa', /^naa.[A-Za-z0-9]{32}$/],
];

function checkInitiator(name: string, prefixText: string, place: string, faults: Faults): void {
  const format = IQN_FORMATS.find(([prefix]) => name.startsWith(prefix));
  if (!format) faults.invalid(place, name, prefixText);
  else if (!format[1].test(name)) faults.invalid(place, name, 'must be valid format');
}

/** @param prefixText what pods' and persistent volumes' rules say of a name with another prefix. */
export function checkIscsi(source: Source, place: string, faults: Faults, prefixText: string): void {
  if (!source.iqn) faults.required(`${place}.iqn`);
  else checkInitiator(source.iqn, prefixText, `${place}.iqn`, faults);
  faults.inRange(`${place}.lun`, source.lun, 0, 255);
  if ((source.chapAuthDiscovery || source.chapAuthSession) && !source.secretRef) faults.required(`${place}.secretRef`);
  if (source.initiatorName !== undefined) checkInitiator(source.initiatorName, prefixText, `${place}.initiatorname`, faults);
}

function checkFc(source: Source, place: string, faults: Faults): void {
  const names: string[] = source.targetWWNs ?? [];
  const ids: string[] = source.wwids ?? [];
  if (names.length === 0 && ids.length === 0) faults.required(`${place}.targetWWNs`, 'must specify either targetWWNs or wwids, but not both');
  if (names.length > 0 && ids.length > 0) faults.invalid(`${place}.targetWWNs`, names, 'targetWWNs and wwids can not be specified simultaneously');
  if (names.length === 0) return;
  if (source.lun === undefined) faults.required(`${place}.lun`, 'lun is required if targetWWNs is specified');
  else faults.inRange(`${place}.lun`, source.lun, 0, 255);
}

function checkNfs(source: Source, place: string, faults: Faults): void {
  wants('server', 'path')(source, place, faults);
  if (!(source.path ?? '').startsWith('/')) faults.invalid(`${place}.path`, source.path, 'must be an absolute path');
}

const HOST_PORT = /^(\[[^[\]]*\]|[^:[\]]*):[^:[\]]*$/;

function checkQuobyte(source: Source, place: string, faults: Faults): void {
  const text = 'must be a host:port pair or multiple pairs separated by commas';
  if (!source.registry) faults.required(`${place}.registry`, text);
  else if ((source.tenant ?? '').length >= 65) faults.required(`${place}.tenant`, 'must be a UUID and may not exceed a length of 64 characters');
  else {
    for (const pair of source.registry.split(',')) if (!HOST_PORT.test(pair)) faults.invalid(`${place}.registry`, source.registry, text);
  }
  if (!source.volume) faults.required(`${place}.volume`);
}

function checkFlocker(source: Source, place: string, faults: Faults): void {
  if (!source.datasetName && !source.datasetUUID) faults.required(place, 'one of datasetName and datasetUUID is required');
  if (source.datasetName && source.datasetUUID) faults.invalid(place, 'resource', 'datasetName and datasetUUID can not be specified simultaneously');
  if ((source.datasetName ?? '').includes('/')) faults.invalid(`${place}.datasetName`, source.datasetName, "must not contain '/'");
}

function checkFlex(source: Source, place: string, faults: Faults): void {
  if (!source.driver) faults.required(`${place}.driver`);
  for (const key of Object.keys(source.options ?? {})) {
    const namespace = `.${(key.includes('/') ? key.slice(0, key.indexOf('/')) : key).toLowerCase()}`;
    if (namespace.endsWith('.kubernetes.io') || namespace.endsWith('.k8s.io')) {
      faults.invalid(`${place}.options[${key}]`, key, 'kubernetes.io and k8s.io namespaces are reserved');
    }
  }
}

const MANAGED_DISK_URI = '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}';
const BLOB_DISK_URI = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd';

function checkAzureDisk(source: Source, place: string, faults: Faults): void {
  wants('diskName', 'diskURI')(source, place, faults);
  if (source.cachingMode !== undefined) faults.strictlyOneOf(`${place}.cachingMode`, source.cachingMode, ['None', 'ReadOnly', 'ReadWrite']);
  if (source.kind === undefined) return;
  faults.strictlyOneOf(`${place}.kind`, source.kind, ['Dedicated', 'Managed', 'Shared']);
  const uri: string = source.diskURI ?? '';
  if (source.kind === 'Managed' && !uri.startsWith('/subscriptions/')) faults.notSupported(`${place}.diskURI`, uri, [MANAGED_DISK_URI]);
  if (source.kind !== 'Managed' && !uri.startsWith('https://')) faults.notSupported(`${place}.diskURI`, uri, [BLOB_DISK_URI]);
}

export function checkStorageOs(source: Source, place: string, faults: Faults): void {
  if (!source.volumeName) faults.required(`${place}.volumeName`);
  else faults.invalidAll(`${place}.volumeName`, source.volumeName, dns1123LabelFaults(source.volumeName));
  if (source.volumeNamespace) faults.invalidAll(`${place}.volumeNamespace`, source.volumeNamespace, dns1123LabelFaults(source.volumeNamespace));
  if (source.secretRef && !source.secretRef.name) faults.required(`${place}.secretRef.name`);
}

export function checkCinder(source: Source, place: string, faults: Faults): void {
  if (!source.volumeID) faults.required(`${place}.volumeID`);
  if (source.secretRef && !source.secretRef.name) faults.required(`${place}.secretRef.name`);
}

/** Lengths are counted, and the format judged, without regard to case. */
export function checkCsiDriverName(name: string | undefined, place: string, faults: Faults): void {
  if (!name) {
    faults.required(place);
    return;
  }
  if (name.length > 63) faults.tooLong(place, 63);
  faults.invalidAll(place, name, dns1123SubdomainFaults(name.toLowerCase()));
}

/** The sources with one rule for pods and persistent volumes alike. */
export const SHARED_SOURCES = {
  hostPath: { field: 'hostPath', check: checkHostPath },
  gcePersistentDisk: {
    field: 'gcePersistentDisk', reportedAs: 'persistentDisk',
    check: (source, place, faults) => {
      wants('pdName')(source, place, faults);
      checkPartition(source, place, faults);
    },
  },
  awsElasticBlockStore: {
    field: 'awsElasticBlockStore',
    check: (source, place, faults) => {
      wants('volumeID')(source, place, faults);
      checkPartition(source, place, faults);
    },
  },
  nfs: { field: 'nfs', check: checkNfs },
  flocker: { field: 'flocker', check: checkFlocker },
  rbd: { field: 'rbd', check: wants('monitors', 'image') },
  cephfs: { field: 'cephfs', refusedAs: 'cephFS', check: wants('monitors') },
  quobyte: { field: 'quobyte', check: checkQuobyte },
  fc: { field: 'fc', check: checkFc },
  flexVolume: { field: 'flexVolume', check: checkFlex },
  vsphereVolume: { field: 'vsphereVolume', check: wants('volumePath') },
  photonPersistentDisk: { field: 'photonPersistentDisk', check: wants('pdID') },
  portworxVolume: { field: 'portworxVolume', check: wants('volumeID') },
  azureDisk: { field: 'azureDisk', check: checkAzureDisk },
  azureFile: { field: 'azureFile', check: wants('secretName', 'shareName') },
  scaleIO: { field: 'scaleIO', check: wants('gateway', 'system', 'volumeName') },
  glusterfs: { field: 'glusterfs', check: wants('endpoints', 'path') },
} satisfies Record<string, SourceRule>;
