/** Lets a persistent volume go only when it is bound to no claim. */
import { persistentvolumes } from '#api/generated/core/v1';
import type { Result } from '#client/reconcile/reconciler';
import { isNotFound } from '#machinery/status-error';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';

export const volumeProtectionController: ControllerDefinition = {
  name: 'persistentvolume-protection-controller',
  serviceAccount: 'pv-protection-controller',
  make: makeController,
};

const FINALIZER = 'kubernetes.io/pv-protection';

function makeController(context: ControllerContext): Controller {
  const all = context.informers.for(persistentvolumes);
  const loop = keyedLoop(context, { name: 'pvprotection', informers: [all] as const, reconcile });
  all.addHandlers({ onAdd: loop.enqueue, onUpdate: (_old, current) => loop.enqueue(current) });

  async function reconcile(name: string, signal: AbortSignal): Promise<Result> {
    const volume = all.get(name);
    if (volume === undefined) return;
    const finalizers = volume.metadata.finalizers ?? [];
    const deleting = volume.metadata.deletionTimestamp !== undefined;
    if (deleting === !finalizers.includes(FINALIZER) || (deleting && volume.status?.phase === 'Bound')) return;
    const changed = deleting ? finalizers.filter((finalizer) => finalizer !== FINALIZER) : [...finalizers, FINALIZER];
    try {
      loop.writes.wrote(name, all, await context.client.for(persistentvolumes).update({ ...volume, metadata: { ...volume.metadata, finalizers: changed } }, { signal }));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  return { run: loop.run };
}
