/** Lets a volume attributes class go only when no claim and no volume uses it. */
import { persistentvolumeclaims, persistentvolumes, type PersistentVolume, type PersistentVolumeClaim } from '#api/generated/core/v1';
import { volumeattributesclasses } from '#api/generated/storage/v1';
import type { Result } from '#client/reconcile/reconciler';
import { isNotFound } from '#machinery/status-error';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';

export const attributesClassProtection: ControllerDefinition = {
  name: 'volumeattributesclass-protection-controller',
  serviceAccount: 'volumeattributesclass-protection-controller',
  make: makeController,
};

const FINALIZER = 'kubernetes.io/vac-protection';
const CLASS_INDEX = 'attributes-class';

function classesOfClaim(claim: PersistentVolumeClaim): string[] {
  const names = [claim.spec?.volumeAttributesClassName, claim.status?.currentVolumeAttributesClassName, claim.status?.modifyVolumeStatus?.targetVolumeAttributesClassName];
  return [...new Set(names.filter((name) => name !== undefined && name !== ''))] as string[];
}

function classesOfVolume(volume: PersistentVolume): string[] {
  return volume.spec?.volumeAttributesClassName ? [volume.spec.volumeAttributesClassName] : [];
}

function makeController(context: ControllerContext): Controller {
  const all = context.informers.for(volumeattributesclasses);
  const claims = context.informers.for(persistentvolumeclaims);
  const volumes = context.informers.for(persistentvolumes);
  claims.addIndex(CLASS_INDEX, classesOfClaim);
  volumes.addIndex(CLASS_INDEX, classesOfVolume);
  const loop = keyedLoop(context, { name: 'vacprotection', informers: [all, claims, volumes] as const, reconcile });
  all.addHandlers({ onAdd: loop.enqueue, onUpdate: (_old, current) => loop.enqueue(current) });
  const wake = (names: readonly string[]): void => { for (const name of names) loop.queue.add(name); };
  claims.addHandlers({ onUpdate: (old) => wake(classesOfClaim(old)), onDelete: (claim) => wake(classesOfClaim(claim)) });
  volumes.addHandlers({ onUpdate: (old) => wake(classesOfVolume(old)), onDelete: (volume) => wake(classesOfVolume(volume)) });

  async function reconcile(name: string, signal: AbortSignal): Promise<Result> {
    const one = all.get(name);
    if (one === undefined) return;
    const finalizers = one.metadata.finalizers ?? [];
    const deleting = one.metadata.deletionTimestamp !== undefined;
    if (deleting === !finalizers.includes(FINALIZER)) return;
    if (deleting && (claims.byIndex(CLASS_INDEX, name).length > 0 || volumes.byIndex(CLASS_INDEX, name).length > 0 || await isUsed(name, signal))) return;
    const changed = deleting ? finalizers.filter((finalizer) => finalizer !== FINALIZER) : [...finalizers, FINALIZER];
    try {
      loop.writes.wrote(name, all, await context.client.for(volumeattributesclasses).update({ ...one, metadata: { ...one.metadata, finalizers: changed } }, { signal }));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** The caches say no: a live look decides. */
  async function isUsed(name: string, signal: AbortSignal): Promise<boolean> {
    const { items } = await context.client.for(persistentvolumeclaims).list({ signal });
    return items.some((claim) => classesOfClaim(claim).includes(name));
  }

  return { run: loop.run };
}
