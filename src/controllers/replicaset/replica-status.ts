/** The status of a replica set, or of a replication controller, from its pods. Pure. */
import { rfc3339 } from '#base/clock';
import type { ReplicaSetCondition, ReplicaSetStatus } from '#api/generated/apps/v1';
import type { Pod, PodTemplateSpec } from '#api/generated/core/v1';
import { labelSelectorFromMap, labelsMatch } from '#machinery/selector/label-selector';
import { findCondition, withoutCondition } from '#semantics/condition';
import { isPodAvailable, isPodReady } from '#semantics/pod-state';

export interface ReplicaObservation {
  readonly wanted: number;
  readonly template: PodTemplateSpec | undefined;
  readonly minReadySeconds: number;
  readonly generation: number;
  readonly old: ReplicaSetStatus | undefined;
  readonly active: readonly Pod[];
  /** Absent: not counted, as for replication controllers. */
  readonly terminating?: readonly Pod[];
  /** What went wrong when making or deleting pods. */
  readonly failure?: Error;
}

export function replicaStatus(observed: ReplicaObservation, nowMs: number): ReplicaSetStatus {
  const { active, minReadySeconds } = observed;
  const ofTemplate = labelSelectorFromMap(observed.template?.metadata?.labels);
  const count = (test: (pod: Pod) => boolean): number => active.reduce((sum, pod) => sum + Number(test(pod)), 0);
  const conditions = conditionsOf(observed, nowMs);
  return {
    replicas: active.length,
    fullyLabeledReplicas: count((pod) => labelsMatch(ofTemplate, pod.metadata.labels)),
    readyReplicas: count(isPodReady),
    availableReplicas: count((pod) => isPodAvailable(pod, minReadySeconds, nowMs)),
    ...(observed.terminating !== undefined && { terminatingReplicas: observed.terminating.length }),
    observedGeneration: observed.generation,
    ...(conditions.length > 0 && { conditions }),
  };
}

function conditionsOf(observed: ReplicaObservation, nowMs: number): ReplicaSetCondition[] {
  const conditions = observed.old?.conditions ?? [];
  if (observed.failure === undefined) return withoutCondition(conditions, 'ReplicaFailure');
  if (findCondition(conditions, 'ReplicaFailure') !== undefined) return conditions;
  const reason = observed.active.length < observed.wanted ? 'FailedCreate' : 'FailedDelete';
  return [...conditions, { type: 'ReplicaFailure', status: 'True', lastTransitionTime: rfc3339(nowMs), reason, message: observed.failure.message }];
}

/** Counts that are zero may be absent: the API leaves them out. */
export function sameReplicaStatus(a: ReplicaSetStatus | undefined, b: ReplicaSetStatus): boolean {
  if (a === undefined) return false;
  return a.replicas === b.replicas && (a.fullyLabeledReplicas ?? 0) === (b.fullyLabeledReplicas ?? 0) && (a.readyReplicas ?? 0) === (b.readyReplicas ?? 0)
    && (a.availableReplicas ?? 0) === (b.availableReplicas ?? 0) && a.terminatingReplicas === b.terminatingReplicas
    && (a.observedGeneration ?? 0) === (b.observedGeneration ?? 0) && JSON.stringify(a.conditions ?? []) === JSON.stringify(b.conditions ?? []);
}
