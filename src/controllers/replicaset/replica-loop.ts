/**
 * The core of replica sets and replication controllers: keep the wanted number of pods, report what is there.
 *
 * Pods are found by their controller reference (an index), orphans that match are adopted. Nothing is decided before the
 * caches show this controller's own last writes, so that a slow watch never makes a pod too many.
 */
import { inTurns } from '#base/in-turns';
import { pods, type Pod, type PodTemplateSpec } from '#api/generated/core/v1';
import type { ReplicaSetStatus } from '#api/generated/apps/v1';
import type { Informer } from '#client/informer-contract';
import { objectKey, splitKey } from '#client/informer/object-store';
import type { Result } from '#client/reconcile/reconciler';
import type { KubeObject, ResourceType } from '#machinery/meta';
import { labelsMatch, type LabelRequirements } from '#machinery/selector/label-selector';
import { isNotFound } from '#machinery/status-error';
import { controllerOf, controllerReference } from '#semantics/owner-reference';
import { availableAtMs, isPodActive, isPodTerminating } from '#semantics/pod-state';
import { applyClaims, CONTROLLER_INDEX, controllerIndexValues, orphansOf, planClaims } from '../claiming.ts';
import { keyedLoop, type Controller, type ControllerContext } from '../controller.ts';
import { createPod, deletePod, isNamespaceTerminating, podFromTemplate, slowStart } from '../pod-control.ts';
import { planReplicas } from './replica-plan.ts';
import { replicaStatus, sameReplicaStatus } from './replica-status.ts';

/** How the core reads one of the two kinds. */
export interface ReplicaKind<T extends KubeObject & { status?: ReplicaSetStatus }> {
  readonly name: string;
  readonly resource: ResourceType<T>;
  selector(object: T): LabelRequirements | undefined;
  wanted(object: T): number;
  template(object: T): PodTemplateSpec | undefined;
  minReadySeconds(object: T): number;
  /** Terminating pods are counted in the status. */
  readonly countsTerminating: boolean;
  /** Objects of this kind with the same owner share their spreading. */
  readonly siblings: boolean;
}

export function replicaLoop<T extends KubeObject & { status?: ReplicaSetStatus }>(context: ControllerContext, kind: ReplicaKind<T>): Controller {
  const { clock, client } = context;
  const objects = context.informers.for(kind.resource);
  const allPods = context.informers.for(pods);
  allPods.addIndex(CONTROLLER_INDEX, controllerIndexValues);
  objects.addIndex(CONTROLLER_INDEX, controllerIndexValues);

  const loop = keyedLoop(context, { name: kind.name, informers: [objects, allPods] as const, workers: context.options.concurrentSyncs, reconcile });

  objects.addHandlers({
    onAdd: loop.enqueue,
    onUpdate: (_old, current) => loop.enqueue(current),
    onDelete: (object) => { loop.writes.forget(objectKey(object)); loop.enqueue(object); },
  });
  allPods.addHandlers({
    onAdd: (pod) => enqueueOwner(pod),
    onUpdate(old, current) {
      if (controllerOf(old)?.uid !== controllerOf(current)?.uid) enqueueOwner(old);
      enqueueOwner(current, old);
    },
    onDelete: (pod) => { if (controllerOf(pod) !== undefined) enqueueOwner(pod); },
  });

  function enqueueOwner(pod: Pod, old?: Pod): void {
    const controller = controllerOf(pod);
    if (controller !== undefined) {
      if (controller.kind === kind.resource.kind) loop.queue.add(`${pod.metadata.namespace}/${controller.name}`);
      return;
    }
    if (old !== undefined && JSON.stringify(old.metadata.labels) === JSON.stringify(pod.metadata.labels) && controllerOf(old) === undefined) return;
    if (pod.metadata.deletionTimestamp !== undefined) return;
    for (const object of objects.list(pod.metadata.namespace)) if (labelsMatch(nonEmpty(kind.selector(object)), pod.metadata.labels)) loop.enqueue(object);
  }

  async function reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const { namespace, name } = splitKey(key);
    const object = objects.get(name, namespace);
    if (object === undefined) return undefined;
    const selector = kind.selector(object);
    const owned = [...allPods.byIndex(CONTROLLER_INDEX, object.metadata.uid!), ...allPods.byIndex(CONTROLLER_INDEX, orphansOf(namespace))];
    const matches = (pod: Pod): boolean => labelsMatch(selector, pod.metadata.labels);
    const plan = planClaims(owned.filter(isPodActive), object, matches);
    const active = await applyClaims({ client, resource: pods, ownerResource: kind.resource, owner: object, reference: controllerReference(object, kind.resource), plan, signal });
    for (const pod of active.slice(plan.claimed.length)) loop.writes.wrote(key, allPods, pod);
    const terminating = kind.countsTerminating ? owned.filter((pod) => isPodTerminating(pod) && controllerOf(pod)?.uid === object.metadata.uid && matches(pod)) : undefined;

    const failure = object.metadata.deletionTimestamp === undefined ? await manage(key, object, active, signal) : undefined;
    signal.throwIfAborted();
    const nowMs = clock.now();
    const status = replicaStatus({
      wanted: kind.wanted(object), template: kind.template(object), minReadySeconds: kind.minReadySeconds(object), generation: object.metadata.generation ?? 0,
      old: object.status, active, ...(terminating && { terminating }), ...(failure && { failure }),
    }, nowMs);
    if (!sameReplicaStatus(object.status, status)) await writeStatus(key, object, status, signal);
    if (failure !== undefined) throw failure;
    return nextAvailability(active, kind.minReadySeconds(object), nowMs);
  }

  async function manage(key: string, object: T, active: Pod[], signal: AbortSignal): Promise<Error | undefined> {
    const plan = planReplicas(kind.wanted(object), active, related(object, active), clock.now());
    const owner = { object, type: kind.resource as ResourceType };
    if (plan.kind === 'create') {
      const reference = controllerReference(object, kind.resource);
      const template = kind.template(object)!;
      const { error } = await slowStart(plan.count, async () => {
        try {
          loop.writes.wrote(key, allPods, await createPod(context, owner, podFromTemplate(template, object, reference), signal));
        } catch (error) {
          if (!isNamespaceTerminating(error)) throw error;
        }
      });
      return error as Error | undefined;
    }
    if (plan.kind === 'none') return undefined;
    const results = await inTurns(plan.pods, async (pod) => {
      await deletePod(context, owner, pod, signal);
      loop.writes.deleted(key, allPods, pod);
    });
    return results.find((result) => result.status === 'rejected')?.reason as Error | undefined;
  }

  /** Active pods of all replica sets of the same owner: of one deployment, old and new. */
  function related(object: T, active: readonly Pod[]): readonly Pod[] {
    const controller = kind.siblings ? controllerOf(object) : undefined;
    if (controller === undefined) return active;
    return objects.byIndex(CONTROLLER_INDEX, controller.uid).flatMap((sibling) => allPods.byIndex(CONTROLLER_INDEX, sibling.metadata.uid!)).filter(isPodActive);
  }

  /** Once more with the newest version when it changed meanwhile: the counts are ours alone. */
  async function writeStatus(key: string, object: T, status: ReplicaSetStatus, signal: AbortSignal): Promise<void> {
    const api = client.for(kind.resource, object.metadata.namespace);
    let target = object;
    for (let attempt = 0; ; attempt++) {
      try {
        loop.writes.wrote(key, objects as Informer<KubeObject>, await api.updateStatus({ ...target, status }, { signal }));
        return;
      } catch (error) {
        if (isNotFound(error)) return;
        if (attempt >= 1) throw error;
        target = await api.get(object.metadata.name!, { signal });
        if (target.metadata.uid !== object.metadata.uid) return;
      }
    }
  }

  return { run: loop.run };
}

/** An empty selector would adopt everything: it wakes nobody. */
function nonEmpty(selector: LabelRequirements | undefined): LabelRequirements | undefined {
  return selector?.length === 0 ? undefined : selector;
}

/** Nobody tells when a ready pod has been so for long enough: look again then. */
function nextAvailability(active: readonly Pod[], minReadySeconds: number, nowMs: number): Result {
  const times = active.map((pod) => availableAtMs(pod, minReadySeconds, nowMs)).filter((time) => time !== undefined);
  return times.length === 0 ? undefined : { afterMs: Math.min(...times) - nowMs };
}
