/**
 * Which objects a controller object owns, by selector and controller reference: adopting orphans that match, releasing its
 * own that no longer match.
 *
 *     reference      matches   →
 *     own            yes       claimed
 *     own            no        released (unless the owner is being deleted)
 *     none           yes       adopted (unless either is being deleted, and after a live look at the owner)
 *     another's      –         left alone
 */
import type { Client } from '#client/client';
import type { KubeObject, OwnerReference, ResourceType } from '#machinery/meta';
import { isInvalid, isNotFound } from '#machinery/status-error';
import { controllerOf } from '#semantics/owner-reference';

export interface ClaimPlan<T> { readonly claimed: T[]; readonly adopt: T[]; readonly release: T[] }

export function planClaims<T extends KubeObject>(objects: readonly T[], owner: KubeObject, matches: (object: T) => boolean): ClaimPlan<T> {
  const plan: ClaimPlan<T> = { claimed: [], adopt: [], release: [] };
  const ownerDeleting = owner.metadata.deletionTimestamp !== undefined;
  for (const object of objects) {
    const controller = controllerOf(object);
    if (controller !== undefined) {
      if (controller.uid !== owner.metadata.uid) continue;
      if (matches(object)) plan.claimed.push(object);
      else if (!ownerDeleting) plan.release.push(object);
    } else if (!ownerDeleting && object.metadata.deletionTimestamp === undefined && matches(object)) {
      plan.adopt.push(object);
    }
  }
  return plan;
}

export interface ClaimRequest<T extends KubeObject, O extends KubeObject> {
  readonly client: Client;
  readonly resource: ResourceType<T>;
  readonly ownerResource: ResourceType<O>;
  readonly owner: O;
  readonly reference: OwnerReference;
  readonly plan: ClaimPlan<T>;
  readonly signal: AbortSignal;
}

/** Applies the plan. @returns what is owned now. */
export async function applyClaims<T extends KubeObject, O extends KubeObject>(request: ClaimRequest<T, O>): Promise<T[]> {
  const { client, resource, owner, plan, signal } = request;
  const api = client.for(resource, owner.metadata.namespace);
  const claimed = [...plan.claimed];
  if (plan.adopt.length > 0) await assertAdoptable(request);
  for (const object of plan.adopt) {
    const patch = { metadata: { ownerReferences: [request.reference], uid: object.metadata.uid } };
    try {
      claimed.push(await api.patch(object.metadata.name!, 'application/strategic-merge-patch+json', patch, { signal }));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  for (const object of plan.release) {
    const patch = { metadata: { ownerReferences: [{ $patch: 'delete', uid: owner.metadata.uid }], uid: object.metadata.uid } };
    try {
      await api.patch(object.metadata.name!, 'application/strategic-merge-patch+json', patch, { signal });
    } catch (error) {
      if (!isNotFound(error) && !isInvalid(error)) throw error; // gone, or another one of the same name
    }
  }
  return claimed;
}

/** The cache may be old: an owner that is gone or recreated must not adopt. */
async function assertAdoptable<O extends KubeObject>(request: Pick<ClaimRequest<KubeObject, O>, 'client' | 'ownerResource' | 'owner' | 'signal'>): Promise<void> {
  const { name, namespace, uid } = request.owner.metadata;
  const fresh = await request.client.for(request.ownerResource, namespace).get(name!, { signal: request.signal });
  if (fresh.metadata.uid !== uid) throw new Error(`original ${request.ownerResource.kind} ${namespace}/${name} is gone: got uid ${fresh.metadata.uid}, wanted ${uid}`);
  if (fresh.metadata.deletionTimestamp !== undefined) throw new Error(`${namespace}/${name} has just been deleted at ${fresh.metadata.deletionTimestamp}`);
}

/** Index of what a controller object owns, by its uid; orphans by namespace. */
export const CONTROLLER_INDEX = 'controller';

export function controllerIndexValues(object: KubeObject): readonly string[] {
  const controller = controllerOf(object);
  return [controller === undefined ? orphansOf(object.metadata.namespace) : controller.uid];
}

export function orphansOf(namespace: string | undefined): string {
  return `orphans:${namespace ?? ''}`;
}
