/** The rules of a volume attachment: who attaches what to which node, and the attacher's report. */
import type { VolumeAttachment, VolumeAttachmentSource, VolumeAttachmentSpec, VolumeError } from '#api/generated/storage/v1';
import { dns1123SubdomainFaults } from '#machinery/names';
import type { Faults } from '../../rules/faults.ts';
import { checkPersistentVolumeSpec } from '../../rules/persistent-volume-spec.ts';
import { checkCsiDriverName } from '../../rules/volume-sources.ts';

const METADATA_BYTES_MAX = 256 * 1024;
const MESSAGE_BYTES_MAX = 1024;
const ONE_SOURCE = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';

export function checkAttachment(attachment: VolumeAttachment, faults: Faults): void {
  const spec: Partial<VolumeAttachmentSpec> = attachment.spec ?? {};
  const { status } = attachment;
  checkCsiDriverName(spec.attacher, 'spec.attacher', faults);
  checkSource(spec.source ?? {}, faults);
  const node = spec.nodeName ?? '';
  faults.invalidAll('spec.nodeName', node, dns1123SubdomainFaults(node));
  const bytes = Object.entries(status?.attachmentMetadata ?? {}).reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  if (bytes > METADATA_BYTES_MAX) faults.tooLong('status.attachmentMetadata', METADATA_BYTES_MAX);
  checkError(status?.attachError, 'status.attachError', faults);
  checkError(status?.detachError, 'status.detachError', faults);
  const volume = spec.source?.persistentVolumeName;
  if (volume !== undefined) faults.invalidAll('spec.source.persistentVolumeName', volume, dns1123SubdomainFaults(volume));
}

function checkSource(source: VolumeAttachmentSource, faults: Faults): void {
  const { inlineVolumeSpec: inline, persistentVolumeName: name } = source;
  if (!inline && name === undefined) faults.required('spec.source', ONE_SOURCE);
  else if (inline && name !== undefined) faults.forbidden('spec.source', ONE_SOURCE);
  else if (inline) checkPersistentVolumeSpec(inline, 'spec.source.inlineVolumeSpec', faults, { volumeName: '', inline: true });
  else if (name === '') faults.required('spec.source.persistentVolumeName', 'must specify non empty persistentVolumeName');
}

function checkError(error: VolumeError | undefined, place: string, faults: Faults): void {
  // The limit that upstream names is the metadata's.
  if (Buffer.byteLength(error?.message ?? '') > MESSAGE_BYTES_MAX) faults.tooLong(`${place}.message`, METADATA_BYTES_MAX);
  if ((error?.errorCode ?? 0) < 0) faults.invalid(`${place}.errorCode`, error!.errorCode, 'must be between 0 and 2147483647, inclusive');
}
