/** A claim may grow only when it is bound and its storage class allows it. */
import type { PersistentVolumeClaim } from '#api/generated/core/v1';
import { storageclasses } from '#api/generated/storage/v1';
import { compareQuantities, parseQuantity, ZERO_QUANTITY, type Quantity } from '#machinery/quantity';
import type { AdmissionDependencies } from './dependencies.ts';
import type { AdmissionPlugin } from './plugin.ts';
import { isAbout, refused } from './refusal.ts';

const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';

export function persistentVolumeClaimResize({ informers }: AdmissionDependencies): AdmissionPlugin {
  const informer = informers.for(storageclasses);
  return {
    name: 'PersistentVolumeClaimResize',
    validate(attributes) {
      if (!isAbout(attributes, '', 'persistentvolumeclaims') || attributes.operation !== 'UPDATE') return;
      const claim = attributes.object as PersistentVolumeClaim;
      const old = attributes.oldObject as PersistentVolumeClaim;
      if (compareQuantities(sizeOf(claim), sizeOf(old)) <= 0) return;
      if (old.status?.phase !== 'Bound') throw refused(attributes, 'Only bound persistent volume claims can be expanded');
      const name = classOf(claim);
      if (name !== '' && name === classOf(old) && informer.get(name)?.allowVolumeExpansion === true) return;
      throw refused(attributes, 'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize');
    },
  };
}

function sizeOf(claim: PersistentVolumeClaim): Quantity {
  const text = claim.spec?.resources?.requests?.['storage'];
  return text === undefined ? ZERO_QUANTITY : parseQuantity(text);
}

function classOf(claim: PersistentVolumeClaim): string {
  return claim.metadata.annotations?.[CLASS_ANNOTATION] ?? claim.spec?.storageClassName ?? '';
}
