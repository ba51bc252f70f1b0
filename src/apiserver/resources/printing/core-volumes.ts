/**
 * The tables of persistent volumes and their claims.
 */
import type { PersistentVolume, PersistentVolumeClaim } from '#api/generated/core/v1';
import type { ObjectMeta } from '#machinery/meta';
import type { TablePrinter } from '../definition.ts';
import { age, orUnset } from './cells.ts';
import { AGE, column, NAME, wideColumn } from './columns.ts';

const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';
const ACCESS_MODES: readonly (readonly [mode: string, short: string])[] = [
  ['ReadWriteOnce', 'RWO'], ['ReadOnlyMany', 'ROX'], ['ReadWriteMany', 'RWX'], ['ReadWriteOncePod', 'RWOP'],
];

export const persistentVolumePrinter: TablePrinter<PersistentVolume> = {
  columns: [
    NAME,
    column('Capacity', 'string', 'Size of the volume.'),
    column('Access Modes', 'string', 'In which ways the volume can be mounted.'),
    column('Reclaim Policy', 'string', 'What becomes of the volume when its claim is gone.'),
    column('Status', 'string', 'Whether the volume is available, bound to a claim, or released by one.'),
    column('Claim', 'string', 'Claim the volume is bound to.'),
    column('StorageClass', 'string', 'StorageClass of the pv'),
    column('VolumeAttributesClass', 'string', 'VolumeAttributesClass of the pv'),
    column('Reason', 'string', 'Why the volume is in its state, in one word.'),
    AGE,
    wideColumn('VolumeMode', 'string', 'Whether the volume is a file system or a raw block device.'),
  ],
  cells({ metadata, spec, status }, nowMs) {
    const claim = spec?.claimRef;
    return [
      metadata.name, spec?.capacity?.['storage'] ?? '0', accessModes(spec?.accessModes), spec?.persistentVolumeReclaimPolicy ?? '',
      phase(metadata, status?.phase), claim === undefined ? '' : `${claim.namespace ?? ''}/${claim.name ?? ''}`,
      storageClass(metadata, spec?.storageClassName), orUnset(spec?.volumeAttributesClassName), status?.reason ?? '',
      age(metadata, nowMs), orUnset(spec?.volumeMode),
    ];
  },
};

export const persistentVolumeClaimPrinter: TablePrinter<PersistentVolumeClaim> = {
  columns: [
    NAME,
    column('Status', 'string', 'Whether the claim is pending, bound, or has lost its volume.'),
    column('Volume', 'string', 'Volume the claim is bound to.'),
    column('Capacity', 'string', 'Size of that volume.'),
    column('Access Modes', 'string', 'In which ways that volume can be mounted.'),
    column('StorageClass', 'string', 'StorageClass of the pvc'),
    column('VolumeAttributesClass', 'string', 'VolumeAttributesClass of the pvc'),
    AGE,
    wideColumn('VolumeMode', 'string', 'Whether the volume is a file system or a raw block device.'),
  ],
  cells({ metadata, spec, status }, nowMs) {
    const volume = spec?.volumeName ?? '';
    return [
      metadata.name, phase(metadata, status?.phase), volume, volume === '' ? '' : status?.capacity?.['storage'] ?? '0',
      volume === '' ? '' : accessModes(status?.accessModes), storageClass(metadata, spec?.storageClassName),
      orUnset(spec?.volumeAttributesClassName), age(metadata, nowMs), orUnset(spec?.volumeMode),
    ];
  },
};

function accessModes(modes: readonly string[] | undefined): string {
  return ACCESS_MODES.filter(([mode]) => modes?.includes(mode) === true).map(([, short]) => short).join(',');
}

function phase(metadata: ObjectMeta, text: string | undefined): string {
  return metadata.deletionTimestamp === undefined ? text ?? '' : 'Terminating';
}

function storageClass(metadata: ObjectMeta, name: string | undefined): string {
  return metadata.annotations?.[CLASS_ANNOTATION] ?? name ?? '';
}
