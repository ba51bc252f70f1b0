/** Volume attachments as a resource: a spec that never changes, and what the attacher reports. */
import { volumeattachments, type VolumeAttachment } from '#api/generated/storage/v1';
import { semanticEqual } from '#machinery/deep-equal';
import type { ResourceDefinition } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { goJsonOf } from '../../rules/internal-print.ts';
import { checkFinalizers, checkMetaAgain } from '../../rules/metadata.ts';
import { defaultLegacyVolumeSource } from '../../rules/pod-defaults.ts';
import { roundUpResources } from '../../rules/resource-lists.ts';
import { keepFields, keepMetadata } from '../../rules/status-reset.ts';
import { checkAttachment } from './validation.ts';

function defaultInlineVolume(attachment: VolumeAttachment): void {
  const volume = attachment.spec?.source?.inlineVolumeSpec;
  if (!volume) return;
  if (volume.hostPath) volume.hostPath.type ??= '';
  defaultLegacyVolumeSource(volume);
  roundUpResources(volume.capacity);
}

function checkUpdate(attachment: VolumeAttachment, old: VolumeAttachment, faults: Faults): void {
  checkMetaAgain(attachment, faults, false);
  checkAttachment(attachment, faults);
  if (!semanticEqual(attachment.spec, old.spec)) {
    faults.invalid('spec', goJsonOf('storage/v1.VolumeAttachmentSpec', attachment.spec), 'field is immutable');
  }
}

export const volumeAttachmentDefinition: ResourceDefinition<VolumeAttachment> = {
  resource: volumeattachments,
  schema: 'storage/v1.VolumeAttachment',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: defaultInlineVolume,
    prepareForCreate: (attachment) => { attachment.status = { attached: false }; },
    prepareForUpdate: (attachment, old) => keepFields(attachment, old, 'status'),
    validateCreate: (attachment) => faultsOf((faults) => {
      checkFinalizers(attachment, faults);
      checkAttachment(attachment, faults);
    }),
    validateUpdate: (attachment, old) => faultsOf((faults) => checkUpdate(attachment, old, faults)),
  },
  statusStrategy: {
    prepareForUpdate: (attachment, old, context) => {
      keepFields(attachment, old, 'spec');
      keepMetadata(attachment, old);
      if (context.featureEnabled('MutableCSINodeAllocatableCount')) return;
      for (const error of ['attachError', 'detachError'] as const) {
        if (old.status?.[error]?.errorCode === undefined) delete attachment.status?.[error]?.errorCode;
      }
    },
    validateUpdate: (attachment, old) => faultsOf((faults) => checkUpdate(attachment, old, faults)),
  },
  returnDeletedObject: true,
};
