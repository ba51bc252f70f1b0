/** Makes the claims of pods with generic ephemeral volumes; each belongs to its pod and goes with it. */
import { persistentvolumeclaims, pods, type PersistentVolumeClaim, type Pod, type Volume } from '#api/generated/core/v1';
import { subjectOf } from '#client/events/event-recorder';
import { splitKey } from '#client/informer/object-store';
import type { Result } from '#client/reconcile/reconciler';
import { controllerReference, isControlledBy } from '#semantics/owner-reference';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';

export const ephemeralVolumeController: ControllerDefinition = {
  name: 'ephemeral-volume-controller',
  serviceAccount: 'ephemeral-volume-controller',
  eventSource: 'ephemeral_volume',
  make: makeController,
};

function makeController(context: ControllerContext): Controller {
  const { client } = context;
  const allPods = context.informers.for(pods);
  const claims = context.informers.for(persistentvolumeclaims);
  const loop = keyedLoop(context, { name: 'ephemeral_volume', informers: [allPods, claims] as const, workers: context.options.concurrentSyncs, reconcile });
  const enqueue = (pod: Pod): void => { if (pod.metadata.deletionTimestamp === undefined && pod.spec?.volumes?.some((volume) => volume.ephemeral !== undefined) === true) loop.enqueue(pod); };
  allPods.addHandlers({ onAdd: enqueue });
  claims.addHandlers({
    onDelete(claim) { // someone deleted it: the pod still needs it
      const owner = claim.metadata.ownerReferences?.find((reference) => reference.controller === true && reference.kind === 'Pod');
      if (owner !== undefined) loop.queue.add(`${claim.metadata.namespace}/${owner.name}`);
    },
  });

  async function reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const { namespace, name } = splitKey(key);
    const pod = allPods.get(name, namespace);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return;
    for (const volume of pod.spec?.volumes ?? []) {
      if (volume.ephemeral === undefined) continue;
      try {
        await ensureClaim(key, pod, volume, signal);
      } catch (error) {
        const message = `ephemeral volume ${volume.name}: ${(error as Error).message}`;
        if (!signal.aborted) context.events.event(subjectOf(pod, 'v1', 'Pod'), 'Warning', 'FailedBinding', message);
        throw new Error(message, { cause: error });
      }
    }
  }

  async function ensureClaim(key: string, pod: Pod, volume: Volume, signal: AbortSignal): Promise<void> {
    const name = `${pod.metadata.name}-${volume.name}`;
    const present = claims.get(name, pod.metadata.namespace);
    if (present !== undefined) {
      if (isControlledBy(present, pod)) return;
      throw new Error(`PVC ${pod.metadata.namespace}/${name} was not created for pod ${pod.metadata.namespace}/${pod.metadata.name} (pod is not owner)`);
    }
    const template = volume.ephemeral!.volumeClaimTemplate!;
    const claim: PersistentVolumeClaim = {
      metadata: {
        name, namespace: pod.metadata.namespace!, ownerReferences: [controllerReference(pod, { group: '', version: 'v1', kind: 'Pod' })],
        ...(template.metadata?.annotations && { annotations: { ...template.metadata.annotations } }), ...(template.metadata?.labels && { labels: { ...template.metadata.labels } }),
      },
      spec: structuredClone(template.spec),
    };
    try {
      loop.writes.wrote(key, claims, await client.for(persistentvolumeclaims, pod.metadata.namespace).create(claim, { signal }));
    } catch (error) {
      throw new Error(`create PVC ${name}: ${(error as Error).message}`, { cause: error });
    }
  }

  return { run: loop.run };
}
