/** Volumes and claims carry a finalizer from birth, so that none disappears while it is in use. */
import type { AdmissionPlugin } from './plugin.ts';
import { isAbout } from './refusal.ts';

const FINALIZERS = [
  ['', 'persistentvolumes', 'kubernetes.io/pv-protection'],
  ['', 'persistentvolumeclaims', 'kubernetes.io/pvc-protection'],
  ['storage.k8s.io', 'volumeattributesclasses', 'kubernetes.io/vac-protection'],
] as const;

export function storageObjectInUseProtection(): AdmissionPlugin {
  return {
    name: 'StorageObjectInUseProtection',
    admit(attributes) {
      if (attributes.operation !== 'CREATE') return;
      for (const [group, resource, finalizer] of FINALIZERS) {
        if (!isAbout(attributes, group, resource)) continue;
        const { metadata } = attributes.object!;
        if (metadata.finalizers?.includes(finalizer) !== true) metadata.finalizers = [...(metadata.finalizers ?? []), finalizer];
      }
    },
  };
}
