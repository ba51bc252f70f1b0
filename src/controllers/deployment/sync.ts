/**
 * One reconciliation of a deployment: finds its replica sets, decides for one of paused, rollback, scaling or rollout, and
 * writes what the plans say.
 *
 * The working copy of the deployment (`state.deployment`) follows its own status writes, so that several in one run do not
 * conflict with each other.
 */
import { deployments, replicasets, type Deployment, type DeploymentStatus, type ReplicaSet } from '#api/generated/apps/v1';
import type { Pod } from '#api/generated/core/v1';
import { subjectOf } from '#client/events/event-recorder';
import type { Result } from '#client/reconcile/reconciler';
import { semanticEqual } from '#machinery/deep-equal';
import { isAlreadyExists, isNotFound } from '#machinery/status-error';
import { findCondition } from '#semantics/condition';
import { isControlledBy } from '#semantics/owner-reference';
import { isPodTerminal } from '#semantics/pod-state';
import type { ControllerContext } from '../controller.ts';
import { isNamespaceTerminating } from '../pod-control.ts';
import { baseStatus, isComplete, progressCheckAfterMs, rolloutStatus, TIMED_OUT, withDeploymentCondition } from './deployment-status.ts';
import { isScalingEvent, planScale } from './proportional.ts';
import { findNewSet, maxRevision, newReplicaSet, oldSets, sameTemplate, surplusHistory } from './replica-sets.ts';
import { newReplicaSetAnnotations, REVISION, ROLLBACK_TO, sameAnnotations, sizeAnnotations } from './revisions.ts';
import { planRollback } from './rollback.ts';
import { planNewSet, planOldSets, type Resize } from './rolling.ts';
import { activeSets, hasHistoryLimit, hasProgressDeadline, wantedReplicas } from './sizes.ts';

export interface SyncWorld {
  readonly context: ControllerContext;
  /** Claimed replica sets. */
  sets: ReplicaSet[];
  podsOf(set: ReplicaSet): readonly Pod[];
  wroteSet(set: ReplicaSet): void;
  wroteDeployment(deployment: Deployment): void;
  readonly signal: AbortSignal;
}

interface State { deployment: Deployment; newSet: ReplicaSet | undefined; old: ReplicaSet[] }

export async function syncDeployment(original: Deployment, world: SyncWorld): Promise<Result> {
  const state: State = { deployment: structuredClone(original), newSet: undefined, old: [] };
  if (state.deployment.metadata.deletionTimestamp !== undefined) {
    await findSets(state, world, false);
    return writeStatus(state, world, baseStatus(state.deployment, state.newSet, state.old, world.context.clock.now()));
  }
  await notePause(state, world);
  if (state.deployment.spec!.paused === true) return resize(state, world);
  if (state.deployment.metadata.annotations?.[ROLLBACK_TO] !== undefined) return rollBack(state, world);
  await findSets(state, world, false);
  if (isScalingEvent(state.deployment, allSets(state))) return resize(state, world);
  return state.deployment.spec!.strategy?.type === 'Recreate' ? recreate(state, world) : roll(state, world);
}

const allSets = (state: State): ReplicaSet[] => (state.newSet === undefined ? state.old : [...state.old, state.newSet]);

function event(world: SyncWorld, deployment: Deployment, type: 'Normal' | 'Warning', reason: string, message: string): void {
  world.context.events.event(subjectOf(deployment, 'apps/v1', 'Deployment'), type, reason, message);
}

async function putStatus(state: State, world: SyncWorld): Promise<void> {
  const { namespace } = state.deployment.metadata;
  state.deployment = await world.context.client.for(deployments, namespace).updateStatus(state.deployment, { signal: world.signal });
  world.wroteDeployment(state.deployment);
}

async function writeStatus(state: State, world: SyncWorld, status: DeploymentStatus): Promise<Result> {
  if (!semanticEqual(withoutZeros(state.deployment.status), withoutZeros(status))) {
    state.deployment.status = status;
    await putStatus(state, world);
    return undefined;
  }
  const afterMs = progressCheckAfterMs(state.deployment, status, world.context.clock.now());
  return afterMs === undefined ? undefined : { afterMs };
}

/** The API leaves counts of zero out, but for those that may be absent. */
function withoutZeros(status: DeploymentStatus | undefined): Record<string, unknown> {
  return Object.fromEntries(Object.entries(status ?? {}).filter(([key, value]) => value !== 0 || key === 'terminatingReplicas' || key === 'collisionCount'));
}

function setCondition(state: State, world: SyncWorld, status: string, reason: string, message: string): void {
  state.deployment.status = {
    ...state.deployment.status,
    conditions: withDeploymentCondition(state.deployment.status?.conditions, { type: 'Progressing', status, reason, message }, world.context.clock.now()),
  };
}

/** A paused rollout does not run out of time. */
async function notePause(state: State, world: SyncWorld): Promise<void> {
  if (!hasProgressDeadline(state.deployment)) return;
  const current = findCondition(state.deployment.status?.conditions, 'Progressing');
  if (current?.reason === TIMED_OUT) return;
  const noted = current?.reason === 'DeploymentPaused';
  if (noted === (state.deployment.spec!.paused === true)) return;
  if (noted) setCondition(state, world, 'Unknown', 'DeploymentResumed', 'Deployment is resumed');
  else setCondition(state, world, 'Unknown', 'DeploymentPaused', 'Deployment is paused');
  await putStatus(state, world);
}

/** Finds the new replica set and keeps its revision and annotations right; makes it when it is missing and wanted. */
async function findSets(state: State, world: SyncWorld, create: boolean): Promise<void> {
  const found = findNewSet(state.deployment, world.sets);
  state.old = oldSets(found, world.sets);
  state.newSet = found;
  if (found !== undefined) await refreshNewSet(state, world, found);
  else if (create) await createNewSet(state, world);
}

async function refreshNewSet(state: State, world: SyncWorld, found: ReplicaSet): Promise<void> {
  const { deployment } = state;
  const annotations = newReplicaSetAnnotations(deployment, found.metadata.annotations, maxRevision(state.old) + 1n, true);
  const minReadySeconds = deployment.spec!.minReadySeconds ?? 0;
  if (!sameAnnotations(annotations, found.metadata.annotations) || (found.spec!.minReadySeconds ?? 0) !== minReadySeconds) {
    state.newSet = await updateSet(world, { ...found, metadata: { ...found.metadata, annotations }, spec: { ...found.spec!, minReadySeconds } });
    return;
  }
  let changed = setRevision(state, found.metadata.annotations?.[REVISION]);
  if (hasProgressDeadline(deployment) && findCondition(deployment.status?.conditions, 'Progressing') === undefined) {
    setCondition(state, world, 'True', 'FoundNewReplicaSet', `Found new replica set "${found.metadata.name}"`);
    changed = true;
  }
  if (changed) await putStatus(state, world);
}

function setRevision(state: State, revision: string | undefined): boolean {
  if (revision === undefined || state.deployment.metadata.annotations?.[REVISION] === revision) return false;
  state.deployment.metadata.annotations = { ...state.deployment.metadata.annotations, [REVISION]: revision };
  return true;
}

async function createNewSet(state: State, world: SyncWorld): Promise<void> {
  const wanted = newReplicaSet(state.deployment, state.old);
  const api = world.context.client.for(replicasets, wanted.metadata.namespace);
  let existed = false;
  try {
    state.newSet = await api.create(wanted, { signal: world.signal });
    world.wroteSet(state.newSet);
  } catch (error) {
    if (world.signal.aborted || isNamespaceTerminating(error)) throw error;
    if (!isAlreadyExists(error)) {
      const message = `Failed to create new replica set "${wanted.metadata.name}": ${(error as Error).message}`;
      if (hasProgressDeadline(state.deployment)) {
        setCondition(state, world, 'False', 'ReplicaSetCreateError', message);
        await putStatus(state, world).catch(() => undefined); // the first error is the one to report
      }
      event(world, state.deployment, 'Warning', 'ReplicaSetCreateError', message);
      throw error;
    }
    existed = true;
    state.newSet = await resolveCollision(state, world, wanted, error);
  }
  const size = wanted.spec!.replicas!;
  if (!existed && size > 0) event(world, state.deployment, 'Normal', 'ScalingReplicaSet', `Scaled up replica set ${state.newSet.metadata.name} from 0 to ${size}`);
  let changed = setRevision(state, wanted.metadata.annotations![REVISION]);
  if (!existed && hasProgressDeadline(state.deployment)) {
    setCondition(state, world, 'True', 'NewReplicaSetCreated', `Created new replica set "${state.newSet.metadata.name}"`);
    changed = true;
  }
  if (changed) await putStatus(state, world);
}

/** The name is taken: by our own replica set (go on with it), or by another (count the collision, the next name differs). */
async function resolveCollision(state: State, world: SyncWorld, wanted: ReplicaSet, error: unknown): Promise<ReplicaSet> {
  const taken = await world.context.client.for(replicasets, wanted.metadata.namespace).get(wanted.metadata.name!, { signal: world.signal });
  if (isControlledBy(taken, state.deployment) && sameTemplate(taken.spec!.template!, state.deployment.spec!.template)) return taken;
  state.deployment.status = { ...state.deployment.status, collisionCount: (state.deployment.status?.collisionCount ?? 0) + 1 };
  await putStatus(state, world);
  throw error;
}

async function updateSet(world: SyncWorld, set: ReplicaSet): Promise<ReplicaSet> {
  const updated = await world.context.client.for(replicasets, set.metadata.namespace).update(set, { signal: world.signal });
  world.wroteSet(updated);
  return updated;
}

/** @returns whether any size changed. */
async function applyResizes(state: State, world: SyncWorld, resizes: readonly Resize[]): Promise<boolean> {
  let scaled = false;
  for (const { set, to, force } of resizes) {
    const from = set.spec!.replicas!;
    const annotations = { ...set.metadata.annotations, ...sizeAnnotations(state.deployment) };
    if (from === to && (force !== true || sameAnnotations(annotations, set.metadata.annotations))) continue;
    const updated = await updateSet(world, { ...set, metadata: { ...set.metadata, annotations }, spec: { ...set.spec!, replicas: to } });
    if (state.newSet === set) state.newSet = updated;
    state.old = state.old.map((known) => (known === set ? updated : known));
    if (from === to) continue;
    scaled = true;
    event(world, state.deployment, 'Normal', 'ScalingReplicaSet', `Scaled ${from < to ? 'up' : 'down'} replica set ${set.metadata.name} from ${from} to ${to}`);
  }
  return scaled;
}

/** For paused deployments and changes of size. */
async function resize(state: State, world: SyncWorld): Promise<Result> {
  await findSets(state, world, false);
  await applyResizes(state, world, planScale(state.deployment, state.newSet, state.old));
  if (state.deployment.spec!.paused === true && state.deployment.metadata.annotations?.[ROLLBACK_TO] === undefined) await cleanUp(state, world);
  return writeStatus(state, world, baseStatus(state.deployment, state.newSet, state.old, world.context.clock.now()));
}

async function roll(state: State, world: SyncWorld): Promise<Result> {
  await findSets(state, world, true);
  const up = planNewSet(state.deployment, state.newSet!, state.old);
  const scaledUp = up !== undefined && await applyResizes(state, world, [up]);
  if (!scaledUp) {
    const scaledDown = await applyResizes(state, world, planOldSets(state.deployment, state.newSet!, state.old));
    if (!scaledDown && isComplete(state.deployment, state.deployment.status ?? {})) await cleanUp(state, world);
  }
  return writeStatus(state, world, rolloutStatus(state.deployment, state.newSet, state.old, world.context.clock.now()));
}

/** All old pods end before the first new one starts. */
async function recreate(state: State, world: SyncWorld): Promise<Result> {
  const report = (): Promise<Result> => writeStatus(state, world, rolloutStatus(state.deployment, state.newSet, state.old, world.context.clock.now()));
  if (await applyResizes(state, world, activeSets(state.old).map((set) => ({ set, to: 0 })))) return report();
  if (state.old.some((set) => world.podsOf(set).some((pod) => !isPodTerminal(pod)))) return report();
  if (state.newSet === undefined) await findSets(state, world, true);
  const wanted = state.deployment.spec!.replicas!;
  if (wantedReplicas([state.newSet!]) !== wanted) await applyResizes(state, world, [{ set: state.newSet!, to: wanted }]);
  if (isComplete(state.deployment, state.deployment.status ?? {})) await cleanUp(state, world);
  return report();
}

async function cleanUp(state: State, world: SyncWorld): Promise<void> {
  if (!hasHistoryLimit(state.deployment)) return;
  for (const set of surplusHistory(state.deployment, state.old)) {
    try {
      await world.context.client.for(replicasets, set.metadata.namespace).delete(set.metadata.name!, { signal: world.signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

/** The old annotation of extensions/v1beta1: back to a revision (0: the last), and the annotation goes. */
async function rollBack(state: State, world: SyncWorld): Promise<Result> {
  await findSets(state, world, true);
  const plan = planRollback(state.deployment, allSets(state));
  event(world, state.deployment, plan.done ? 'Normal' : 'Warning', plan.reason, plan.message);
  const updated = await world.context.client.for(deployments, state.deployment.metadata.namespace).update(plan.deployment, { signal: world.signal });
  world.wroteDeployment(updated);
  return undefined;
}
