/**
 * The status of a deployment from its replica sets, and whether its rollout makes progress. Pure.
 *
 * Progress is a larger number of updated, ready or available pods, or a smaller one of old pods. Without any for
 * `progressDeadlineSeconds` the rollout counts as stuck; it goes on all the same.
 */
import { rfc3339 } from '#base/clock';
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '#api/generated/apps/v1';
import { findCondition, withoutCondition } from '#semantics/condition';
import { actualReplicas, availableReplicas, hasProgressDeadline, maxUnavailable, readyReplicas, terminatingReplicas, wantedReplicas } from './sizes.ts';

export const NEW_SET_AVAILABLE = 'NewReplicaSetAvailable';
export const TIMED_OUT = 'ProgressDeadlineExceeded';

/** Replaces the condition unless status and reason are the same; the transition time stays while the status does. */
export function withDeploymentCondition(conditions: readonly DeploymentCondition[] | undefined, wanted: Omit<DeploymentCondition, 'lastUpdateTime' | 'lastTransitionTime'>, nowMs: number): DeploymentCondition[] {
  const known = findCondition(conditions, wanted.type);
  if (known !== undefined && known.status === wanted.status && known.reason === wanted.reason) return [...conditions!];
  const time = rfc3339(nowMs);
  const lastTransitionTime = known?.status === wanted.status && known.lastTransitionTime !== undefined ? known.lastTransitionTime : time;
  return [...withoutCondition(conditions, wanted.type), { ...wanted, lastUpdateTime: time, lastTransitionTime }];
}

export function baseStatus(deployment: Deployment, newSet: ReplicaSet | undefined, old: readonly ReplicaSet[], nowMs: number): DeploymentStatus {
  const all = newSet === undefined ? old : [...old, newSet];
  const available = availableReplicas(all);
  const terminating = terminatingReplicas(all);
  const enough = available >= deployment.spec!.replicas! - maxUnavailable(deployment);
  return {
    observedGeneration: deployment.metadata.generation ?? 0,
    replicas: actualReplicas(all),
    updatedReplicas: newSet === undefined ? 0 : actualReplicas([newSet]),
    readyReplicas: readyReplicas(all),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, wantedReplicas(all) - available),
    ...(terminating !== undefined && { terminatingReplicas: terminating }),
    ...(deployment.status?.collisionCount !== undefined && { collisionCount: deployment.status.collisionCount }),
    conditions: withDeploymentCondition(deployment.status?.conditions, enough
      ? { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' }
      : { type: 'Available', status: 'False', reason: 'MinimumReplicasUnavailable', message: 'Deployment does not have minimum availability.' }, nowMs),
  };
}

export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const wanted = deployment.spec!.replicas!;
  return (status.updatedReplicas ?? 0) === wanted && (status.replicas ?? 0) === wanted && (status.availableReplicas ?? 0) === wanted
    && (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0);
}

function madeProgress(old: DeploymentStatus, now: DeploymentStatus): boolean {
  const oldPods = (status: DeploymentStatus): number => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (now.updatedReplicas ?? 0) > (old.updatedReplicas ?? 0) || oldPods(now) < oldPods(old)
    || (now.readyReplicas ?? 0) > (old.readyReplicas ?? 0) || (now.availableReplicas ?? 0) > (old.availableReplicas ?? 0);
}

function deadlineMs(deployment: Deployment, condition: DeploymentCondition): number {
  return Date.parse(condition.lastUpdateTime ?? '') + deployment.spec!.progressDeadlineSeconds! * 1000;
}

/** The status during a rollout: with progress, and with what keeps pods from being made. */
export function rolloutStatus(deployment: Deployment, newSet: ReplicaSet | undefined, old: readonly ReplicaSet[], nowMs: number): DeploymentStatus {
  const status = baseStatus(deployment, newSet, old, nowMs);
  const current = findCondition(deployment.status?.conditions, 'Progressing');
  const complete = status.replicas === status.updatedReplicas && current?.reason === NEW_SET_AVAILABLE;
  if (!hasProgressDeadline(deployment)) status.conditions = withoutCondition(status.conditions, 'Progressing');
  else if (!complete) status.conditions = withProgress(deployment, newSet, status, current, nowMs);
  const failure = failureOf(newSet, old);
  status.conditions = failure === undefined ? withoutCondition(status.conditions, 'ReplicaFailure') : withDeploymentCondition(status.conditions, failure, nowMs);
  return status;
}

function withProgress(deployment: Deployment, newSet: ReplicaSet | undefined, status: DeploymentStatus, current: DeploymentCondition | undefined, nowMs: number): DeploymentCondition[] {
  const conditions = status.conditions!;
  const subject = newSet === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${newSet.metadata.name}"`;
  if (isComplete(deployment, status)) {
    return withDeploymentCondition(conditions, { type: 'Progressing', status: 'True', reason: NEW_SET_AVAILABLE, message: `${subject} has successfully progressed.` }, nowMs);
  }
  if (madeProgress(deployment.status ?? {}, status)) {
    const time = rfc3339(nowMs); // the update time moves with each step, also under the same reason
    return [...withoutCondition(conditions, 'Progressing'), {
      type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated', message: `${subject} is progressing.`, lastUpdateTime: time,
      lastTransitionTime: current?.status === 'True' && current.lastTransitionTime !== undefined ? current.lastTransitionTime : time,
    }];
  }
  const known = findCondition(conditions, 'Progressing');
  const timedOut = known !== undefined && known.reason !== NEW_SET_AVAILABLE && (known.reason === TIMED_OUT || deadlineMs(deployment, known) < nowMs);
  if (!timedOut) return conditions;
  return withDeploymentCondition(conditions, { type: 'Progressing', status: 'False', reason: TIMED_OUT, message: `${subject} has timed out progressing.` }, nowMs);
}

function failureOf(newSet: ReplicaSet | undefined, old: readonly ReplicaSet[]): Omit<DeploymentCondition, 'lastUpdateTime' | 'lastTransitionTime'> | undefined {
  for (const set of newSet === undefined ? old : [newSet, ...old]) {
    const failure = findCondition(set.status?.conditions, 'ReplicaFailure');
    if (failure !== undefined) return { type: 'ReplicaFailure', status: failure.status, reason: failure.reason ?? '', message: failure.message ?? '' };
  }
  return undefined;
}

/** When a rollout without progress has to be looked at again; undefined when it need not be. */
export function progressCheckAfterMs(deployment: Deployment, status: DeploymentStatus, nowMs: number): number | undefined {
  const current = findCondition(deployment.status?.conditions, 'Progressing');
  if (!hasProgressDeadline(deployment) || current === undefined || isComplete(deployment, status) || current.reason === TIMED_OUT) return undefined;
  return Math.max(0, deadlineMs(deployment, current) - nowMs) + 1000;
}
