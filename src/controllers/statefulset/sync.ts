/** One reconciliation of a stateful set: carries out the steps that `stateful-plan.ts` names, with upstream's events. */
import { statefulsets, type ControllerRevision, type StatefulSet, type StatefulSetStatus } from '#api/generated/apps/v1';
import { persistentvolumeclaims, pods, type PersistentVolumeClaim, type Pod } from '#api/generated/core/v1';
import { subjectOf } from '#client/events/event-recorder';
import type { Informer } from '#client/informer-contract';
import { isAlreadyExists, isNotFound } from '#machinery/status-error';
import type { ControllerContext } from '../controller.ts';
import { slowStart } from '../pod-control.ts';
import { belongsToEarlierPod, changedOwners, hasForeignController } from './claim-owners.ts';
import { identityMatches, ordinalOf, repaired, storageMatches, wantedClaims } from './identity.ts';
import { completed, isOrdered, musterCrew, nextCondemned, nextOutdated, replicaStep, statusOf, type Crew } from './stateful-plan.ts';

export interface StatefulWorld {
  readonly context: ControllerContext;
  readonly claims: Informer<PersistentVolumeClaim>;
  readonly current: ControllerRevision;
  readonly update: ControllerRevision;
  readonly collisionCount: number;
  wrotePod(pod: Pod): void;
  deletedPod(pod: Pod): void;
  wroteClaim(claim: PersistentVolumeClaim): void;
  wroteSet(set: StatefulSet): void;
  readonly signal: AbortSignal;
}

export async function syncStatefulSet(set: StatefulSet, owned: readonly Pod[], world: StatefulWorld): Promise<void> {
  const crew = musterCrew(set, owned, world.current, world.update);
  let failure: unknown;
  let outdated: Pod | undefined;
  if (set.metadata.deletionTimestamp === undefined) {
    try {
      outdated = await act(set, crew, world);
    } catch (error) {
      world.signal.throwIfAborted();
      failure = error;
    }
  }
  const nowMs = world.context.clock.now();
  let status = statusOf(set, [...crew.replicas, ...crew.condemned], world.current, world.update, world.collisionCount, nowMs);
  if (outdated !== undefined) status = { ...status, currentReplicas: status.currentReplicas! - 1 };
  status = completed(set, status);
  if (!sameStatus(set.status, status)) {
    const written = await world.context.client.for(statefulsets, set.metadata.namespace).updateStatus({ ...set, status }, { signal: world.signal });
    world.wroteSet(written);
  }
  if (failure !== undefined) throw failure;
}

function sameStatus(a: StatefulSetStatus | undefined, b: StatefulSetStatus): boolean {
  const text = (status: StatefulSetStatus): string => JSON.stringify([
    status.observedGeneration ?? 0, status.replicas, status.readyReplicas ?? 0, status.availableReplicas ?? 0, status.currentReplicas ?? 0,
    status.updatedReplicas ?? 0, status.currentRevision, status.updateRevision, status.collisionCount ?? 0,
  ]);
  return a !== undefined && text(a) === text(b);
}

/** @returns the pod that was removed to be updated. */
async function act(set: StatefulSet, crew: Crew, world: StatefulWorld): Promise<Pod | undefined> {
  const ordered = isOrdered(set);
  if (!await processReplicas(set, crew, world, ordered)) return undefined;
  for (const pod of crew.condemned) await keepClaimOwners(set, pod, world);
  const condemned = nextCondemned(set, crew, world.context.clock.now());
  if (crew.condemned.length > 0) {
    await Promise.all(condemned.map((pod) => removePod(set, pod, world)));
    if (ordered) return undefined;
  }
  const outdated = nextOutdated(set, crew, world.update, world.context.clock.now());
  if (outdated !== undefined) await removePod(set, outdated, world);
  return outdated;
}

/** @returns whether all replicas are as they should be. */
async function processReplicas(set: StatefulSet, crew: Crew, world: StatefulWorld, ordered: boolean): Promise<boolean> {
  if (ordered) {
    for (let i = 0; i < crew.replicas.length; i++) if (!await processReplica(set, crew, i, world)) return false;
    return true;
  }
  const { error } = await slowStart(crew.replicas.length, (i) => processReplica(set, crew, i, world));
  if (error !== undefined) throw error;
  return true;
}

/** @returns whether the next may follow. */
async function processReplica(set: StatefulSet, crew: Crew, i: number, world: StatefulWorld): Promise<boolean> {
  const pod = crew.replicas[i]!;
  switch (replicaStep(set, pod, world.context.clock.now())) {
    case 'delete':
      await removePod(set, pod, world);
      return false;
    case 'create':
      if (claimsOf(set, pod, world).some((claim) => belongsToEarlierPod(claim, pod))) return false; // it is about to go with its pod
      crew.replicas[i] = await createPod(set, pod, world);
      return false;
    case 'wait':
      if (pod.status?.phase === 'Pending') { await makeClaims(set, pod, world); await keepClaimOwners(set, pod, world); }
      return false;
    case 'keep':
      if (pod.status?.phase === 'Pending') await makeClaims(set, pod, world);
      await repair(set, pod, world);
      return true;
  }
}

function claimsOf(set: StatefulSet, pod: Pod, world: StatefulWorld): PersistentVolumeClaim[] {
  return wantedClaims(set, ordinalOf(pod)).map((claim) => world.claims.get(claim.metadata.name!, set.metadata.namespace)).filter((claim) => claim !== undefined);
}

function report(set: StatefulSet, world: StatefulWorld, verb: 'Create' | 'Delete' | 'Update', what: string, error?: unknown): void {
  if (world.signal.aborted) return;
  const text = `${verb} ${what} in StatefulSet ${set.metadata.name}`;
  const subject = subjectOf(set, 'apps/v1', 'StatefulSet');
  const ending = what.startsWith('Claim') ? 'success' : 'successful';
  if (error === undefined) world.context.events.event(subject, 'Normal', `Successful${verb}`, `${text} ${ending}`);
  else world.context.events.event(subject, 'Warning', `Failed${verb}`, `${text} failed error: ${(error as Error).message}`);
}

async function createPod(set: StatefulSet, pod: Pod, world: StatefulWorld): Promise<Pod> {
  const what = `Pod ${pod.metadata.name}`;
  try {
    await makeClaims(set, pod, world);
    const created = await world.context.client.for(pods, set.metadata.namespace).create(pod, { signal: world.signal });
    world.wrotePod(created);
    await keepClaimOwners(set, created, world);
    report(set, world, 'Create', what);
    return created;
  } catch (error) {
    if (!isAlreadyExists(error)) report(set, world, 'Create', what, error);
    throw error;
  }
}

async function removePod(set: StatefulSet, pod: Pod, world: StatefulWorld): Promise<void> {
  const { name, namespace, uid } = pod.metadata;
  try {
    await world.context.client.for(pods, namespace).delete(name!, { signal: world.signal, ...(uid !== undefined && { preconditions: { uid } }) });
    world.deletedPod(pod);
  } catch (error) {
    if (!isNotFound(error)) {
      report(set, world, 'Delete', `Pod ${name}`, error);
      throw error;
    }
  }
  report(set, world, 'Delete', `Pod ${name}`);
}

async function makeClaims(set: StatefulSet, pod: Pod, world: StatefulWorld): Promise<void> {
  const faults: string[] = [];
  for (const wanted of wantedClaims(set, ordinalOf(pod))) {
    const name = wanted.metadata.name!;
    const present = world.claims.get(name, set.metadata.namespace);
    if (present !== undefined) {
      if (present.metadata.deletionTimestamp !== undefined) faults.push(`pvc ${name} is being deleted`);
      continue;
    }
    try {
      world.wroteClaim(await world.context.client.for(persistentvolumeclaims, set.metadata.namespace).create(wanted, { signal: world.signal }));
      report(set, world, 'Create', `Claim ${name} Pod ${pod.metadata.name}`);
    } catch (error) {
      world.signal.throwIfAborted();
      if (isAlreadyExists(error)) continue;
      report(set, world, 'Create', `Claim ${name} for Pod ${pod.metadata.name}`, error);
      faults.push(`failed to create PVC ${name}: ${(error as Error).message}`);
    }
  }
  if (faults.length > 0) throw new Error(faults.join(', '));
}

/** Owner references of the claims, by the retention policy. */
async function keepClaimOwners(set: StatefulSet, pod: Pod, world: StatefulWorld): Promise<void> {
  for (const claim of claimsOf(set, pod, world)) {
    const name = claim.metadata.name!;
    if (hasForeignController(claim, set, pod)) {
      world.context.events.event(subjectOf(set, 'apps/v1', 'StatefulSet'), 'Warning', 'ConflictingController',
        `PersistentVolumeClaim ${name} has a conflicting OwnerReference that acts as a manging controller, the retention policy is ignored for this claim`);
      continue;
    }
    const ownerReferences = changedOwners(claim, set, pod);
    if (ownerReferences === undefined) continue;
    world.wroteClaim(await world.context.client.for(persistentvolumeclaims, set.metadata.namespace)
      .update({ ...claim, metadata: { ...claim.metadata, ownerReferences } }, { signal: world.signal }));
  }
}

async function repair(set: StatefulSet, pod: Pod, world: StatefulWorld): Promise<void> {
  const sound = identityMatches(set, pod) && storageMatches(set, pod);
  const ownersRight = claimsOf(set, pod, world).every((claim) => changedOwners(claim, set, pod) === undefined);
  if (sound && ownersRight) return;
  try {
    if (!storageMatches(set, pod)) await makeClaims(set, pod, world);
    await keepClaimOwners(set, pod, world);
    if (!sound) world.wrotePod(await world.context.client.for(pods, set.metadata.namespace).update(repaired(set, pod), { signal: world.signal }));
    report(set, world, 'Update', `Pod ${pod.metadata.name}`);
  } catch (error) {
    report(set, world, 'Update', `Pod ${pod.metadata.name}`, error);
    throw error;
  }
}
