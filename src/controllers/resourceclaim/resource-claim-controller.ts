/**
 * Makes the device claims that pods ask for by template, and takes back what ended pods had reserved.
 *
 * A claim that nobody has reserved any more loses its allocation, so that its devices are free; claims made for a pod go
 * with it.
 */
import { pods, type Pod, type PodResourceClaim } from '#api/generated/core/v1';
import { resourceclaims, resourceclaimtemplates, type ResourceClaim } from '#api/generated/resource/v1';
import { subjectOf } from '#client/events/event-recorder';
import { objectKey, splitKey } from '#client/informer/object-store';
import type { Result } from '#client/reconcile/reconciler';
import { isNotFound } from '#machinery/status-error';
import { isControlledBy } from '#semantics/owner-reference';
import { isPodTerminal } from '#semantics/pod-state';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';

export const resourceClaimController: ControllerDefinition = {
  name: 'resourceclaim-controller',
  serviceAccount: 'resource-claim-controller',
  eventSource: 'resource_claim',
  make: makeController,
};

const POD_CLAIM_ANNOTATION = 'resource.kubernetes.io/pod-claim-name';
const FINALIZER = 'resource.kubernetes.io/delete-protection';

/** It has ended, or never will start: it needs no devices. */
function isDone(pod: Pod): boolean {
  return isPodTerminal(pod) || (pod.metadata.deletionTimestamp !== undefined && !pod.spec?.nodeName);
}

function makeController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const allPods = informers.for(pods);
  const claims = informers.for(resourceclaims);
  const templates = informers.for(resourceclaimtemplates);
  const loop = keyedLoop(context, { name: 'resource_claim', informers: [allPods, claims, templates] as const, workers: context.options.concurrentSyncs, reconcile });
  const podChanged = (pod: Pod): void => {
    if ((pod.spec?.resourceClaims ?? []).length === 0) return;
    loop.queue.add(`pod:${objectKey(pod)}`);
    for (const status of pod.status?.resourceClaimStatuses ?? []) if (status.resourceClaimName) loop.queue.add(`claim:${pod.metadata.namespace}/${status.resourceClaimName}`);
    for (const wanted of pod.spec!.resourceClaims!) if (wanted.resourceClaimName) loop.queue.add(`claim:${pod.metadata.namespace}/${wanted.resourceClaimName}`);
  };
  allPods.addHandlers({ onAdd: podChanged, onUpdate: (_old, current) => podChanged(current), onDelete: podChanged });
  const claimChanged = (claim: ResourceClaim): void => {
    loop.queue.add(`claim:${objectKey(claim)}`);
    for (const owner of claim.metadata.ownerReferences ?? []) if (owner.kind === 'Pod') loop.queue.add(`pod:${claim.metadata.namespace}/${owner.name}`);
  };
  claims.addHandlers({ onAdd: claimChanged, onUpdate: (_old, current) => claimChanged(current), onDelete: claimChanged });
  templates.addHandlers({
    onAdd(template) {
      for (const pod of allPods.list(template.metadata.namespace)) if (pod.spec?.resourceClaims?.some((wanted) => wanted.resourceClaimTemplateName === template.metadata.name) === true) podChanged(pod);
    },
  });

  async function reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const { namespace, name } = splitKey(key.slice(key.indexOf(':') + 1));
    if (key.startsWith('pod:')) {
      const pod = allPods.get(name, namespace);
      if (pod !== undefined && !isDone(pod) && pod.metadata.deletionTimestamp === undefined) await ensureClaims(key, pod, signal);
      return;
    }
    const claim = claims.get(name, namespace);
    if (claim !== undefined) await syncClaim(key, claim, signal);
  }

  async function ensureClaims(key: string, pod: Pod, signal: AbortSignal): Promise<void> {
    const made = new Map((pod.status?.resourceClaimStatuses ?? []).map((status) => [status.name, status.resourceClaimName]));
    let changed = false;
    for (const wanted of pod.spec?.resourceClaims ?? []) {
      if (wanted.resourceClaimTemplateName === undefined || made.has(wanted.name)) continue;
      try {
        made.set(wanted.name, await claimFor(key, pod, wanted, signal));
        changed = true;
      } catch (error) {
        if (signal.aborted) throw error;
        const message = `PodResourceClaim ${wanted.name}: ${(error as Error).message}`;
        context.events.event(subjectOf(pod, 'v1', 'Pod'), 'Warning', 'FailedResourceClaimCreation', message);
        throw new Error(message, { cause: error });
      }
    }
    if (!changed) return;
    const resourceClaimStatuses = [...made].map(([name, resourceClaimName]) => ({ name, ...(resourceClaimName !== undefined && { resourceClaimName }) }));
    const patch = { metadata: { uid: pod.metadata.uid }, status: { resourceClaimStatuses } };
    loop.writes.wrote(key, allPods, await client.for(pods, pod.metadata.namespace).patch(pod.metadata.name!, 'application/strategic-merge-patch+json', patch, { subresource: 'status', signal }));
  }

  /** @returns the claim's name; one made before a crash is found again by its annotation. */
  async function claimFor(key: string, pod: Pod, wanted: PodResourceClaim, signal: AbortSignal): Promise<string> {
    const present = claims.list(pod.metadata.namespace).find((claim) => isControlledBy(claim, pod) && claim.metadata.annotations?.[POD_CLAIM_ANNOTATION] === wanted.name);
    if (present !== undefined) return present.metadata.name!;
    const template = templates.get(wanted.resourceClaimTemplateName!, pod.metadata.namespace);
    if (template === undefined) throw new Error(`resource claim template "${wanted.resourceClaimTemplateName}": resourceclaimtemplate.resource.k8s.io "${wanted.resourceClaimTemplateName}" not found`);
    const meta = template.spec.metadata;
    const created = await client.for(resourceclaims, pod.metadata.namespace).create({
      metadata: {
        generateName: `${pod.metadata.name}-${wanted.name}-`, namespace: pod.metadata.namespace!,
        annotations: { ...meta?.annotations, [POD_CLAIM_ANNOTATION]: wanted.name }, ...(meta?.labels && { labels: { ...meta.labels } }),
        ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name!, uid: pod.metadata.uid!, controller: true }],
      },
      spec: structuredClone(template.spec.spec),
    }, { signal });
    loop.writes.wrote(key, claims, created);
    return created.metadata.name!;
  }

  async function syncClaim(key: string, claim: ResourceClaim, signal: AbortSignal): Promise<void> {
    const api = client.for(resourceclaims, claim.metadata.namespace);
    let current = claim;
    const reserved = current.status?.reservedFor ?? [];
    const valid = [];
    for (const consumer of reserved) if (consumer.resource !== 'pods' || !await isGone(claim.metadata.namespace!, consumer.name, consumer.uid, signal)) valid.push(consumer);
    const idle = valid.length === 0 && current.status?.allocation !== undefined;
    if (valid.length < reserved.length || (idle && claim.metadata.deletionTimestamp !== undefined)) {
      const { reservedFor: _, allocation, ...rest } = current.status ?? {};
      const status = { ...rest, ...(valid.length > 0 && { reservedFor: valid, ...(allocation && { allocation }) }) };
      current = await api.updateStatus({ ...current, status }, { signal });
      loop.writes.wrote(key, claims, current);
    }
    if (current.status?.allocation === undefined && current.metadata.finalizers?.includes(FINALIZER) === true) {
      const finalizers = current.metadata.finalizers.filter((name) => name !== FINALIZER);
      current = await api.update({ ...current, metadata: { ...current.metadata, finalizers } }, { signal });
      loop.writes.wrote(key, claims, current);
    }
    const owner = current.metadata.ownerReferences?.find((reference) => reference.controller === true && reference.kind === 'Pod');
    const pod = owner === undefined ? undefined : allPods.get(owner.name, claim.metadata.namespace);
    if (valid.length > 0 || owner === undefined || pod === undefined || pod.metadata.uid !== owner.uid || !isDone(pod) || current.metadata.deletionTimestamp !== undefined) return;
    await api.delete(current.metadata.name!, { preconditions: { uid: current.metadata.uid! }, signal }).catch((error: unknown) => { if (!isNotFound(error)) throw error; });
  }

  /** Devices are only given back when a live look confirms that their pod is gone. */
  async function isGone(namespace: string, name: string, uid: string, signal: AbortSignal): Promise<boolean> {
    const cached = allPods.get(name, namespace);
    if (cached !== undefined && cached.metadata.uid === uid) return isDone(cached);
    try {
      const live = await client.for(pods, namespace).get(name, { signal });
      return live.metadata.uid !== uid || isDone(live);
    } catch (error) {
      if (isNotFound(error)) return true;
      throw error;
    }
  }

  return { run: loop.run };
}
