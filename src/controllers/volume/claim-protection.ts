/** Lets a claim go only when no pod uses it: the finalizer is taken off by nobody else. */
import { persistentvolumeclaims, pods, type Pod } from '#api/generated/core/v1';
import { objectKey, splitKey } from '#client/informer/object-store';
import type { Result } from '#client/reconcile/reconciler';
import { isNotFound } from '#machinery/status-error';
import { isPodTerminal } from '#semantics/pod-state';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';

export const claimProtectionController: ControllerDefinition = {
  name: 'persistentvolumeclaim-protection-controller',
  serviceAccount: 'pvc-protection-controller',
  make: makeController,
};

const FINALIZER = 'kubernetes.io/pvc-protection';
const CLAIM_INDEX = 'claims';

/** The claims that a pod names, also those made for it from its ephemeral volumes. */
export function claimsOf(pod: Pod): string[] {
  return (pod.spec?.volumes ?? []).flatMap((volume) => {
    const name = volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral === undefined ? undefined : `${pod.metadata.name}-${volume.name}`);
    return name === undefined ? [] : [`${pod.metadata.namespace}/${name}`];
  });
}

function makeController(context: ControllerContext): Controller {
  const { client } = context;
  const all = context.informers.for(persistentvolumeclaims);
  const allPods = context.informers.for(pods);
  allPods.addIndex(CLAIM_INDEX, claimsOf);
  const loop = keyedLoop(context, { name: 'pvcprotection', informers: [all, allPods] as const, workers: context.options.concurrentSyncs, reconcile });
  all.addHandlers({ onAdd: loop.enqueue, onUpdate: (_old, current) => loop.enqueue(current) });
  const wake = (pod: Pod): void => { for (const key of claimsOf(pod)) loop.queue.add(key); };
  allPods.addHandlers({ onDelete: wake, onUpdate(old, current) { if (isPodTerminal(current) !== isPodTerminal(old)) wake(current); } });

  /** Pods that never got a node, or have ended, do not use it. The live list decides: the cache may be behind. */
  async function isUsed(key: string, signal: AbortSignal): Promise<boolean> {
    const uses = (pod: Pod): boolean => !!pod.spec?.nodeName && !isPodTerminal(pod) && claimsOf(pod).includes(key);
    if (allPods.byIndex(CLAIM_INDEX, key).some(uses)) return true;
    return (await client.for(pods, splitKey(key).namespace).list({ signal })).items.some(uses);
  }

  async function reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const { namespace, name } = splitKey(key);
    const claim = all.get(name, namespace);
    if (claim === undefined) return;
    const finalizers = claim.metadata.finalizers ?? [];
    const deleting = claim.metadata.deletionTimestamp !== undefined;
    if (deleting === !finalizers.includes(FINALIZER)) return;
    if (deleting && await isUsed(key, signal)) return;
    const changed = deleting ? finalizers.filter((finalizer) => finalizer !== FINALIZER) : [...finalizers, FINALIZER];
    try {
      loop.writes.wrote(key, all, await client.for(persistentvolumeclaims, namespace).update({ ...claim, metadata: { ...claim.metadata, finalizers: changed } }, { signal }));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  all.addHandlers({ onDelete: (claim) => loop.writes.forget(objectKey(claim)) });
  return { run: loop.run };
}
