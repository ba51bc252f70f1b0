/**
 * Making pods from a template and deleting them, with upstream's events on the owner.
 *
 * Creation starts slowly (1, 2, 4, … at once), so that a template that cannot work, or a used-up quota, costs one failed
 * request and not hundreds.
 */
import { inTurns } from '#base/in-turns';
import { pods, type Pod, type PodTemplateSpec } from '#api/generated/core/v1';
import { subjectOf, type EventSubject } from '#client/events/event-recorder';
import { formatGroupVersion } from '#machinery/gvk';
import type { KubeObject, OwnerReference, ResourceType } from '#machinery/meta';
import { isNotFound, statusCause } from '#machinery/status-error';
import type { ControllerContext } from './controller.ts';

export interface PodOwner { readonly object: KubeObject; readonly type: ResourceType<never> | ResourceType }

/** The pod that a template describes, without a name of its own. */
export function podFromTemplate(template: PodTemplateSpec, owner: KubeObject, reference: OwnerReference): Pod {
  const meta = template.metadata ?? {};
  return {
    metadata: {
      generateName: `${owner.metadata.name}-`, namespace: owner.metadata.namespace!,
      ...(meta.labels !== undefined && { labels: { ...meta.labels } }),
      ...(meta.annotations !== undefined && { annotations: { ...meta.annotations } }),
      ...(meta.finalizers !== undefined && { finalizers: [...meta.finalizers] }),
      ownerReferences: [reference],
    },
    spec: structuredClone(template.spec!),
  };
}

export function subjectOfOwner(owner: PodOwner): EventSubject {
  return subjectOf(owner.object, formatGroupVersion(owner.type.group, owner.type.version), owner.type.kind);
}

/** The namespace is being deleted: creating in it is no use, and no error. */
export function isNamespaceTerminating(error: unknown): boolean {
  return statusCause(error, 'NamespaceTerminating') !== undefined;
}

export async function createPod(context: ControllerContext, owner: PodOwner, pod: Pod, signal: AbortSignal): Promise<Pod> {
  try {
    const created = await context.client.for(pods, owner.object.metadata.namespace).create(pod, { signal });
    context.events.event(subjectOfOwner(owner), 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata.name}`);
    return created;
  } catch (error) {
    if (!signal.aborted && !isNamespaceTerminating(error)) context.events.event(subjectOfOwner(owner), 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`);
    throw error;
  }
}

/** Deletes that very pod. A pod that is gone already is no error. */
export async function deletePod(context: ControllerContext, owner: PodOwner, pod: Pod, signal: AbortSignal): Promise<void> {
  const { name, namespace, uid } = pod.metadata;
  try {
    await context.client.for(pods, namespace).delete(name!, { signal, ...(uid !== undefined && { preconditions: { uid } }) });
    context.events.event(subjectOfOwner(owner), 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
  } catch (error) {
    if (isNotFound(error)) return;
    if (!signal.aborted) context.events.event(subjectOfOwner(owner), 'Warning', 'FailedDelete', `Error deleting: ${(error as Error).message}`);
    throw error;
  }
}

/** Runs `work` `count` times in growing batches; stops after the batch with the first failure. @returns successes and that failure. */
export async function slowStart<T>(count: number, work: (index: number) => Promise<T>): Promise<{ done: T[]; error?: unknown }> {
  const done: T[] = [];
  let next = 0;
  for (let batch = Math.min(count, 1); batch > 0; batch = Math.min(2 * batch, count - next)) {
    const first = next;
    const results = await inTurns(Array.from({ length: batch }, (_, i) => first + i), (index) => work(index));
    next += batch;
    let failure: { error: unknown } | undefined;
    for (const result of results) {
      if (result.status === 'fulfilled') done.push(result.value); else failure ??= { error: result.reason };
    }
    if (failure !== undefined) return { done, error: failure.error };
  }
  return { done };
}
