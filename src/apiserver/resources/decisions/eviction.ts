/**
 * `pods/eviction`: deletes a pod unless that would break its disruption budget.
 *
 * The budget is counted down by compare-and-swap before the pod is deleted, so that any number of evictors together never
 * overspend it; the disruption controller counts it up again when the pod is gone. Finished, pending and unhealthy
 * pods (as the budget's policy says) go without counting.
 */
import type { Pod } from '#api/generated/core/v1';
import type { Eviction, PodDisruptionBudget } from '#api/generated/policy/v1';
import { rfc3339, type Clock } from '#base/clock';
import type { Random } from '#base/random';
import { invalid, path } from '#machinery/field-error';
import { quote } from '#machinery/go-print';
import type { KubeObject } from '#machinery/meta';
import { labelSelectorOf, labelsMatch } from '#machinery/selector/label-selector';
import { isConflict, newBadRequest, newConflict, newForbidden, newInvalid, newNotFound, newTimeout, newTooManyRequests, newUnknownError, StatusError } from '#machinery/status-error';
import { withCondition } from '#semantics/condition';
import type { DecisionContext, DecisionResource } from '../decision.ts';
import type { StoredObjects } from './stored-objects.ts';

export interface EvictionOptions {
  readonly pods: StoredObjects<Pod>;
  getBudget(namespace: string, name: string, signal: AbortSignal): Promise<PodDisruptionBudget>;
  /** @throws StatusError 409 when the budget was changed since it was read. */
  updateBudgetStatus(budget: PodDisruptionBudget, signal: AbortSignal): Promise<void>;
  listBudgets(namespace: string, signal: AbortSignal): Promise<readonly PodDisruptionBudget[]>;
  /** The API's own graceful deletion. @throws StatusError */
  deletePod(namespace: string, name: string, options: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
}

/** More evictions than that without a word from the disruption controller are a fault. */
const DISRUPTED_PODS_MAX = 2000;
const CONFLICT_ATTEMPTS_MAX = 20;
const CONFLICT_WAIT_MS_MAX = 25;
const BUSY_RETRY_SECONDS = 10;
const VIOLATION = "Cannot evict pod as it would violate the pod's disruption budget.";
const SUCCESS = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } as KubeObject;

interface DeleteOptionsBody { dryRun?: string[]; preconditions?: { uid?: string; resourceVersion?: string }; ignoreStoreReadErrorWithClusterBreakingPotential?: boolean; [key: string]: unknown }

export function podEviction(options: EvictionOptions): DecisionResource<Eviction> {
  return {
    group: '', version: 'v1', resource: 'pods', subresource: 'eviction', namespaced: true,
    bodyGroup: 'policy', bodyVersion: 'v1', kind: 'Eviction', schema: 'policy/v1.Eviction',
    create: (eviction, context) => evict(eviction, context, options),
  };
}

async function evict(eviction: Eviction, context: DecisionContext, options: EvictionOptions): Promise<KubeObject> {
  const { name, namespace, signal } = context;
  if ((eviction.metadata.name ?? '') !== name) throw newBadRequest('name in URL does not match name in Eviction object');
  const asked = (eviction.deleteOptions ?? {}) as DeleteOptionsBody;
  if (asked.ignoreStoreReadErrorWithClusterBreakingPotential === true) {
    const at = path('deleteOptions', 'ignoreStoreReadErrorWithClusterBreakingPotential');
    throw newInvalid('policy', 'Eviction', name, [invalid(at, true, 'can not be set for pod eviction, try after removing the option')]);
  }
  const dryRun = context.dryRun || (asked.dryRun ?? []).includes('All');
  const given: DeleteOptionsBody = dryRun ? { ...asked, dryRun: ['All'] } : asked;
  await context.validate(eviction);

  const pinned = given.preconditions?.resourceVersion !== undefined;
  for (let attempt = 1; ; attempt++) {
    const pod = await options.pods.get(namespace, name, signal);
    if (pod === undefined) throw newNotFound('', 'pods', name);
    if (!needsNoBudget(pod)) return evictWithinBudget(pod, given, dryRun, context, options);
    const atVersion = isOver(pod) || pinned ? given : atResourceVersion(given, pod);
    try {
      await markAndDelete(pod, atVersion, dryRun, context, options);
      return SUCCESS;
    } catch (error) {
      if (!isConflict(error) || pinned || attempt >= CONFLICT_ATTEMPTS_MAX) throw error;
    }
  }
}

async function evictWithinBudget(pod: Pod, given: DeleteOptionsBody, dryRun: boolean, context: DecisionContext, options: EvictionOptions): Promise<KubeObject> {
  const { namespace, signal } = context;
  const budgets = (await options.listBudgets(namespace, signal)).filter((budget) => labelsMatch(labelSelectorOf(budget.spec?.selector), pod.metadata.labels));
  if (budgets.length > 1) throw newUnknownError('This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.');
  const budget = budgets[0];
  let deletion = given;
  let unhealthy = false;
  if (budget !== undefined) {
    unhealthy = goesUncounted(pod, budget);
    if (unhealthy) {
      deletion = atResourceVersion(given, pod);
    } else {
      await spend(budget, pod.metadata.name!, dryRun, signal, options);
    }
  }
  try {
    await markAndDelete(pod, deletion, dryRun, context, options);
  } catch (error) {
    if (unhealthy && isConflict(error) && given.preconditions?.resourceVersion === undefined) throw stillProcessed(budget!.metadata.name!);
    throw error;
  }
  return SUCCESS;
}

/** One disruption from the budget, as many times as others are faster. */
async function spend(first: PodDisruptionBudget, podName: string, dryRun: boolean, signal: AbortSignal, options: EvictionOptions): Promise<void> {
  const { namespace = '', name = '' } = first.metadata;
  let budget = first;
  for (let attempt = 1; ; attempt++) {
    const next = countedDown(budget, podName, options.clock.now());
    if (dryRun) return;
    try {
      await options.updateBudgetStatus(next, signal);
      return;
    } catch (error) {
      if (!isConflict(error)) throw error;
      if (attempt >= CONFLICT_ATTEMPTS_MAX) throw newTimeout(`couldn't update PodDisruptionBudget ${quote(name)} due to conflicts`, BUSY_RETRY_SECONDS);
    }
    await options.clock.sleep(options.random.integer(CONFLICT_WAIT_MS_MAX * attempt), signal);
    budget = await options.getBudget(namespace, name, signal);
  }
}

function isOver({ status, metadata }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed' || metadata.deletionTimestamp !== undefined;
}

function needsNoBudget(pod: Pod): boolean {
  return isOver(pod) || pod.status?.phase === 'Pending';
}

function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
}

/** An unhealthy pod is not among those the budget counts, when the budget says so or is kept anyway. */
function goesUncounted(pod: Pod, { spec, status }: PodDisruptionBudget): boolean {
  if (isReady(pod)) return false;
  if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const desired = status?.desiredHealthy ?? 0;
  return desired > 0 && (status?.currentHealthy ?? 0) >= desired;
}

function atResourceVersion(given: DeleteOptionsBody, pod: Pod): DeleteOptionsBody {
  return { ...given, preconditions: { ...given.preconditions, resourceVersion: pod.metadata.resourceVersion! } };
}

function stillProcessed(budgetName: string): StatusError {
  return withCause(newTooManyRequests(VIOLATION, BUSY_RETRY_SECONDS), `The disruption budget ${budgetName} is still being processed by the server.`);
}

function withCause({ status }: StatusError, message: string): StatusError {
  return new StatusError({ ...status, details: { ...status.details, causes: [{ reason: 'DisruptionBudget', message }] } });
}

/** The budget with one disruption less. @throws StatusError 429, 403 */
function countedDown(budget: PodDisruptionBudget, podName: string, nowMs: number): PodDisruptionBudget {
  const name = budget.metadata.name!;
  const status = budget.status;
  const allowed = status?.disruptionsAllowed ?? 0;
  if ((status?.observedGeneration ?? 0) < (budget.metadata.generation ?? 0)) throw stillProcessed(name);
  if (allowed < 0) throw newForbidden('policy', 'poddisruptionbudget', name, 'pdb disruptions allowed is negative');
  if (Object.keys(status?.disruptedPods ?? {}).length > DISRUPTED_PODS_MAX) {
    throw newForbidden('policy', 'poddisruptionbudget', name, 'DisruptedPods map too big - too many evictions not confirmed by PDB controller');
  }
  if (allowed === 0) throw withCause(newTooManyRequests(VIOLATION, 0), whyNot(budget));
  const next: PodDisruptionBudget = { ...budget, status: { ...status!, disruptionsAllowed: allowed - 1, disruptedPods: { ...status?.disruptedPods, [podName]: rfc3339(nowMs) } } };
  if (allowed === 1) {
    const condition = { type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods', message: '', observedGeneration: budget.metadata.generation ?? 0 };
    next.status!.conditions = withCondition(status?.conditions, condition, nowMs);
  }
  return next;
}

function whyNot({ metadata: { name }, status }: PodDisruptionBudget): string {
  const condition = status?.conditions?.find(({ type }) => type === 'DisruptionAllowed');
  const said = condition?.status === 'False' && (condition.message ?? '') !== '';
  const { desiredHealthy = 0, currentHealthy = 0 } = status ?? {};
  if (said && condition.reason === 'SyncFailed') {
    return `The disruption budget ${name} does not allow evicting pods currently because it failed sync: ${condition.message}`;
  }
  if (currentHealthy <= desiredHealthy) return `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
  const because = said ? ` (${condition.reason}): ${condition.message}` : '';
  return `The disruption budget ${name} does not allow evicting pods currently${because}`;
}

/** Says in the pod's status why it goes, then deletes it. */
async function markAndDelete(pod: Pod, deletion: DeleteOptionsBody, dryRun: boolean, { namespace, signal, term }: DecisionContext, options: EvictionOptions): Promise<void> {
  const name = pod.metadata.name!;
  let final = deletion;
  if (!dryRun) {
    const marked = await options.pods.change(namespace, name, (current) => {
      if (current === undefined) throw newNotFound('', 'pods', name);
      checkPreconditions(current, deletion);
      return withDisruptionTarget(current, options.clock.now());
    }, { dryRun, signal, term });
    if (deletion.preconditions?.resourceVersion !== undefined) final = atResourceVersion(deletion, marked);
  }
  await options.deletePod(namespace, name, final, signal);
}

function checkPreconditions({ metadata }: Pod, { preconditions }: DeleteOptionsBody): void {
  const { uid = '', resourceVersion = '' } = preconditions ?? {};
  if (uid !== '' && uid !== metadata.uid) {
    throw newConflict('', 'Pod', metadata.name!, `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`);
  }
  if (resourceVersion !== '' && resourceVersion !== metadata.resourceVersion) {
    throw newConflict('', 'Pod', metadata.name!, `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`);
  }
}

function withDisruptionTarget(pod: Pod, nowMs: number): Pod {
  const condition = {
    type: 'DisruptionTarget', status: 'True', lastProbeTime: null as unknown as string, reason: 'EvictionByEvictionAPI', message: 'Eviction API: evicting',
  };
  pod.status = { ...pod.status, conditions: withCondition(pod.status?.conditions, condition, nowMs) };
  return pod;
}
