/**
 * The tables of storage.k8s.io.
 */
import type { CSIDriver, CSINode, StorageClass, VolumeAttachment, VolumeAttributesClass } from '#api/generated/storage/v1';
import type { TablePrinter } from '../definition.ts';
import { age, orNone } from './cells.ts';
import { AGE, column, NAME } from './columns.ts';

const DEFAULT_CLASS_ANNOTATIONS = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];

export const storageClassPrinter: TablePrinter<StorageClass> = {
  columns: [
    NAME,
    column('Provisioner', 'string', 'What makes volumes of this class.'),
    column('ReclaimPolicy', 'string', 'What becomes of a volume when its claim is gone.'),
    column('VolumeBindingMode', 'string', 'When a volume is made and bound.'),
    column('AllowVolumeExpansion', 'string', 'Whether claims may grow.'),
    AGE,
  ],
  cells(storageClass, nowMs) {
    const { metadata } = storageClass;
    const isDefault = DEFAULT_CLASS_ANNOTATIONS.some((annotation) => metadata.annotations?.[annotation] === 'true');
    return [
      `${metadata.name}${isDefault ? ' (default)' : ''}`, storageClass.provisioner, storageClass.reclaimPolicy ?? 'Delete',
      storageClass.volumeBindingMode ?? 'Immediate', storageClass.allowVolumeExpansion ?? false, age(metadata, nowMs),
    ];
  },
};

export const volumeAttributesClassPrinter: TablePrinter<VolumeAttributesClass> = {
  columns: [NAME, column('DriverName', 'string', 'Driver of the volumes.'), AGE],
  cells: ({ metadata, driverName }, nowMs) => [metadata.name, driverName, age(metadata, nowMs)],
};

export const volumeAttachmentPrinter: TablePrinter<VolumeAttachment> = {
  columns: [
    NAME,
    { name: 'Attacher', type: 'string', format: 'name', description: 'Driver that attaches the volume.' },
    column('PV', 'string', 'Volume that is attached.'),
    column('Node', 'string', 'Node it is attached to.'),
    column('Attached', 'boolean', 'Whether it is attached.'),
    AGE,
  ],
  cells: ({ metadata, spec, status }, nowMs) => [
    metadata.name, spec.attacher, spec.source.persistentVolumeName ?? '', spec.nodeName, status?.attached ?? false, age(metadata, nowMs),
  ],
};

export const csiNodePrinter: TablePrinter<CSINode> = {
  columns: [NAME, column('Drivers', 'integer', 'Drivers indicates the number of CSI drivers registered on the node'), AGE],
  cells: ({ metadata, spec }, nowMs) => [metadata.name, spec.drivers?.length ?? 0, age(metadata, nowMs)],
};

export const csiDriverPrinter: TablePrinter<CSIDriver> = {
  columns: [
    NAME,
    column('AttachRequired', 'boolean', 'Whether volumes are attached before they are mounted.'),
    column('PodInfoOnMount', 'boolean', 'Whether the driver is told which pod it mounts for.'),
    column('StorageCapacity', 'boolean', 'Whether pods are placed by the capacity the driver reports.'),
    column('TokenRequests', 'string', 'Audiences of the service account tokens the driver gets.'),
    column('RequiresRepublish', 'boolean', 'Whether volumes are published again from time to time.'),
    column('Modes', 'string', 'Kinds of volumes the driver has.'),
    AGE,
  ],
  cells: ({ metadata, spec }, nowMs) => [
    metadata.name, spec.attachRequired ?? true, spec.podInfoOnMount ?? false, spec.storageCapacity ?? false,
    spec.tokenRequests === undefined ? '<unset>' : spec.tokenRequests.map(({ audience }) => audience).join(','),
    spec.requiresRepublish ?? false, orNone(spec.volumeLifecycleModes?.join(',')), age(metadata, nowMs),
  ],
};
