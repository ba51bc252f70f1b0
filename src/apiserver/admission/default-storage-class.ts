/** A claim that names no storage class gets the default one; of several, the newest. */
import type { PersistentVolumeClaim } from '#api/generated/core/v1';
import { storageclasses } from '#api/generated/storage/v1';
import type { AdmissionDependencies } from './dependencies.ts';
import { newestDefault } from './newest-default.ts';
import type { AdmissionPlugin } from './plugin.ts';
import { isAbout } from './refusal.ts';

const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';
const DEFAULT_ANNOTATIONS = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];

export function defaultStorageClass({ informers }: AdmissionDependencies): AdmissionPlugin {
  const informer = informers.for(storageclasses);
  return {
    name: 'DefaultStorageClass',
    admit(attributes) {
      if (!isAbout(attributes, '', 'persistentvolumeclaims') || attributes.operation !== 'CREATE') return;
      const claim = attributes.object as PersistentVolumeClaim;
      if (claim.metadata.annotations?.[CLASS_ANNOTATION] !== undefined || claim.spec?.storageClassName !== undefined) return;
      const chosen = newestDefault(informer.list(), DEFAULT_ANNOTATIONS);
      if (chosen !== undefined) claim.spec = { ...claim.spec!, storageClassName: chosen.metadata.name! };
    },
  };
}
