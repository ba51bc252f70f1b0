/** How many pods of a disruption budget may be evicted now. Pure. */
import { rfc3339 } from '#base/clock';
import type { Condition } from '#api/generated/meta/v1';
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '#api/generated/policy/v1';
import type { Pod } from '#api/generated/core/v1';
import { findCondition } from '#semantics/condition';
import { scaledValue } from '#semantics/int-or-percent';
import { isPodReady } from '#semantics/pod-state';

/** An eviction that was allowed but not carried out counts no more after this time. */
export const DELETION_TIMEOUT_MS = 120_000;

export interface BudgetInput {
  readonly budget: PodDisruptionBudget;
  readonly pods: readonly Pod[];
  /** Replicas that the pods' controllers want together; needed unless `minAvailable` is a number. */
  readonly scale: number;
  readonly nowMs: number;
}

export interface BudgetPlan {
  readonly status: PodDisruptionBudgetStatus;
  readonly recheckMs?: number;
  /** Pods that were to be evicted, and still are there. */
  readonly notDeleted: readonly Pod[];
}

/** The replicas of the controllers have to be known. */
export function needsScale(budget: PodDisruptionBudget): boolean {
  return budget.spec?.maxUnavailable !== undefined || typeof budget.spec?.minAvailable === 'string';
}

export function planBudget(input: BudgetInput): BudgetPlan {
  const { budget, pods, nowMs } = input;
  const { maxUnavailable, minAvailable } = budget.spec ?? {};
  let expectedPods = 0;
  let desiredHealthy = 0;
  if (maxUnavailable !== undefined) {
    expectedPods = input.scale;
    desiredHealthy = Math.max(0, expectedPods - scaledValue(maxUnavailable, expectedPods, true));
  } else if (typeof minAvailable === 'number') {
    expectedPods = pods.length;
    desiredHealthy = minAvailable;
  } else if (minAvailable !== undefined) {
    expectedPods = input.scale;
    desiredHealthy = scaledValue(minAvailable, expectedPods, true);
  }
  const disruptedPods: Record<string, string> = {};
  const notDeleted: Pod[] = [];
  let recheckMs = Infinity;
  for (const pod of pods) {
    const time = budget.status?.disruptedPods?.[pod.metadata.name!];
    if (pod.metadata.deletionTimestamp !== undefined || time === undefined) continue;
    const untilMs = Date.parse(time) + DELETION_TIMEOUT_MS;
    if (untilMs < nowMs) { notDeleted.push(pod); continue; }
    recheckMs = Math.min(recheckMs, untilMs - nowMs);
    disruptedPods[pod.metadata.name!] = time;
  }
  const currentHealthy = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined && disruptedPods[pod.metadata.name!] === undefined && isPodReady(pod)).length;
  const disruptionsAllowed = expectedPods <= 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy);
  const observedGeneration = budget.metadata.generation ?? 0;
  const condition = disruptionsAllowed > 0
    ? { type: 'DisruptionAllowed', status: 'True', reason: 'SufficientPods', message: '' } : { type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods', message: '' };
  return {
    status: {
      observedGeneration, currentHealthy, desiredHealthy, expectedPods, disruptionsAllowed, ...(Object.keys(disruptedPods).length > 0 && { disruptedPods }),
      conditions: withAllowed(budget, { ...condition, observedGeneration }, nowMs),
    },
    notDeleted, ...(recheckMs !== Infinity && { recheckMs }),
  };
}

/** When the numbers cannot be known nothing may be evicted. */
export function failedStatus(budget: PodDisruptionBudget, message: string, nowMs: number): PodDisruptionBudgetStatus {
  const condition = { type: 'DisruptionAllowed', status: 'False', reason: 'SyncFailed', message, observedGeneration: budget.status?.observedGeneration ?? 0 };
  return { ...budget.status, disruptionsAllowed: 0, conditions: withAllowed(budget, condition, nowMs) };
}

function withAllowed(budget: PodDisruptionBudget, wanted: Omit<Condition, 'lastTransitionTime'>, nowMs: number): Condition[] {
  const known = findCondition(budget.status?.conditions, wanted.type);
  const lastTransitionTime = known !== undefined && known.status === wanted.status ? known.lastTransitionTime : rfc3339(nowMs);
  return [...(budget.status?.conditions ?? []).filter((condition) => condition !== known), { ...wanted, lastTransitionTime }];
}
