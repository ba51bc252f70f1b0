/** Keeps the status of pod disruption budgets, by which the eviction subresource decides; clears stale marks on pods. */
import { rfc3339 } from '#base/clock';
import { deployments, replicasets, statefulsets } from '#api/generated/apps/v1';
import { pods, replicationcontrollers, type Pod } from '#api/generated/core/v1';
import { poddisruptionbudgets, type PodDisruptionBudget } from '#api/generated/policy/v1';
import { subjectOf } from '#client/events/event-recorder';
import { splitKey } from '#client/informer/object-store';
import type { Result } from '#client/reconcile/reconciler';
import { resourcePath } from '#client/resource-path';
import { semanticEqual } from '#machinery/deep-equal';
import type { OwnerReference } from '#machinery/meta';
import { labelSelectorOf, labelsMatch } from '#machinery/selector/label-selector';
import { isNotFound } from '#machinery/status-error';
import { controllerOf } from '#semantics/owner-reference';
import { isPodTerminal, podCondition } from '#semantics/pod-state';
import { selectorText } from '#semantics/selector-text';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';
import { failedStatus, needsScale, planBudget } from './budget-plan.ts';

export const disruptionController: ControllerDefinition = {
  name: 'disruption-controller',
  serviceAccount: 'disruption-controller',
  eventSource: 'controllermanager',
  make: makeController,
};

const STALE_MARK_MS = 120_000;

function makeController(context: ControllerContext): Controller {
  const { client, clock, informers } = context;
  const all = informers.for(poddisruptionbudgets);
  const allPods = informers.for(pods);
  const sets = informers.for(replicasets);
  const allDeployments = informers.for(deployments);
  const stateful = informers.for(statefulsets);
  const replication = informers.for(replicationcontrollers);
  const loop = keyedLoop(context, { name: 'disruption', informers: [all, allPods, sets, allDeployments, stateful, replication] as const, reconcile });
  const marks = keyedLoop(context, { name: 'stale_pod_disruption', informers: [allPods] as const, reconcile: clearMark });
  all.addHandlers({ onAdd: loop.enqueue, onUpdate: (_old, current) => loop.enqueue(current) });
  allPods.addHandlers({
    onAdd: wake, onDelete: wake,
    onUpdate(old, current) { wake(old); wake(current); },
  });
  const wakeNamespace = (namespace: string | undefined): void => { for (const budget of all.list(namespace)) loop.enqueue(budget); };
  const scaled = { onUpdate(old: { spec?: { replicas?: number } }, current: { spec?: { replicas?: number }; metadata: { namespace?: string } }) { if (old.spec?.replicas !== current.spec?.replicas) wakeNamespace(current.metadata.namespace); } };
  sets.addHandlers(scaled); allDeployments.addHandlers(scaled); stateful.addHandlers(scaled); replication.addHandlers(scaled);

  function wake(pod: Pod): void {
    for (const budget of all.list(pod.metadata.namespace)) if (selects(budget, pod)) loop.enqueue(budget);
    if (podCondition(pod, 'DisruptionTarget')?.status === 'True') marks.enqueue(pod);
  }

  /** The replicas that the controller of a pod wants, under the uid of the one that decides. */
  async function scaleOf(owner: OwnerReference, namespace: string, signal: AbortSignal): Promise<{ uid: string; replicas: number } | undefined> {
    const group = owner.apiVersion.split('/')[0];
    if (group === 'apps' && owner.kind === 'ReplicaSet') {
      const set = sets.get(owner.name, namespace);
      if (set === undefined || set.metadata.uid !== owner.uid) return undefined;
      const above = controllerOf(set);
      const deployment = above?.kind === 'Deployment' ? allDeployments.get(above.name, namespace) : undefined;
      if (deployment !== undefined && deployment.metadata.uid === above!.uid) return { uid: deployment.metadata.uid!, replicas: deployment.spec!.replicas! };
      return { uid: owner.uid, replicas: set.spec!.replicas! };
    }
    const found = group === 'apps' && owner.kind === 'StatefulSet' ? stateful.get(owner.name, namespace)
      : owner.apiVersion === 'v1' && owner.kind === 'ReplicationController' ? replication.get(owner.name, namespace) : undefined;
    if (found !== undefined) return found.metadata.uid === owner.uid ? { uid: owner.uid, replicas: found.spec!.replicas ?? 1 } : undefined;
    return customScale(owner, namespace, signal);
  }

  /** Any other kind with a scale subresource. */
  async function customScale(owner: OwnerReference, namespace: string, signal: AbortSignal): Promise<{ uid: string; replicas: number } | undefined> {
    const [group, version] = owner.apiVersion.includes('/') ? owner.apiVersion.split('/') as [string, string] : ['', owner.apiVersion];
    const resource = { group, version, resource: `${owner.kind.toLowerCase()}s`, kind: owner.kind, namespaced: true };
    try {
      const scale = await client.raw<{ metadata: { uid?: string }; spec?: { replicas?: number } }>('GET', resourcePath(resource, namespace, owner.name, 'scale'), { signal });
      return scale.metadata.uid === owner.uid ? { uid: owner.uid, replicas: scale.spec?.replicas ?? 0 } : undefined;
    } catch (error) {
      if (isNotFound(error)) throw new Error(`${resource.resource}.${group} does not implement the scale subresource`);
      throw error;
    }
  }

  async function totalScale(budget: PodDisruptionBudget, selected: readonly Pod[], signal: AbortSignal): Promise<number> {
    const scales = new Map<string, number>();
    const seen = new Set<string>();
    let unmanaged = false;
    for (const pod of selected) {
      const owner = controllerOf(pod);
      if (owner === undefined) { unmanaged = true; continue; }
      if (seen.has(owner.uid)) continue;
      seen.add(owner.uid);
      const scale = await scaleOf(owner, pod.metadata.namespace!, signal);
      if (scale === undefined) throw new Error(`found no controllers for pod "${pod.metadata.name}"`);
      scales.set(scale.uid, scale.replicas);
    }
    if (unmanaged) {
      event(budget, 'Warning', 'UnmanagedPods', `Pods selected by this PodDisruptionBudget (selector: ${selectorText(budget.spec?.selector)}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`);
    }
    return [...scales.values()].reduce((sum, replicas) => sum + replicas, 0);
  }

  const event = (budget: PodDisruptionBudget, type: 'Normal' | 'Warning', reason: string, message: string): void => context.events.event(subjectOf(budget, 'policy/v1', 'PodDisruptionBudget'), type, reason, message);

  async function reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const { namespace, name } = splitKey(key);
    const budget = all.get(name, namespace);
    if (budget === undefined) return undefined;
    const selected = allPods.list(namespace).filter((pod) => selects(budget, pod));
    if (selected.length === 0) event(budget, 'Normal', 'NoPods', 'No matching pods found');
    let status: PodDisruptionBudget['status'];
    let recheckMs: number | undefined;
    let failure: Error | undefined;
    try {
      const scale = needsScale(budget) ? await totalScale(budget, selected, signal) : 0;
      const plan = planBudget({ budget, pods: selected, scale, nowMs: clock.now() });
      ({ status, recheckMs } = plan);
      for (const pod of plan.notDeleted) context.events.event(subjectOf(pod, 'v1', 'Pod'), 'Warning', 'NotDeleted', `Pod was expected by PDB ${namespace}/${name} to be deleted but it wasn't`);
    } catch (error) {
      signal.throwIfAborted();
      failure = error as Error;
      event(budget, 'Warning', 'CalculateExpectedPodCountFailed', `Failed to calculate the number of expected pods: ${failure.message}`);
      status = failedStatus(budget, failure.message, clock.now());
    }
    if (!semanticEqual(comparable(budget.status), comparable(status))) {
      loop.writes.wrote(key, all, await client.for(poddisruptionbudgets, namespace).updateStatus({ ...budget, status: status! }, { signal }));
    }
    if (failure !== undefined) throw failure;
    return recheckMs === undefined ? undefined : { afterMs: recheckMs };
  }

  /** A pod that was meant to go, and stayed: the mark would mislead. */
  async function clearMark(key: string, signal: AbortSignal): Promise<Result> {
    const { namespace, name } = splitKey(key);
    const pod = allPods.get(name, namespace);
    const mark = pod === undefined ? undefined : podCondition(pod, 'DisruptionTarget');
    if (pod === undefined || mark?.status !== 'True' || pod.metadata.deletionTimestamp !== undefined || mark.reason === 'TerminationByKubelet' || isPodTerminal(pod)) return undefined;
    const waitMs = STALE_MARK_MS - (clock.now() - Date.parse(mark.lastTransitionTime ?? ''));
    if (waitMs > 0) return { afterMs: waitMs };
    const { reason: _, message: __, ...rest } = mark;
    const conditions = pod.status!.conditions!.map((condition) => (condition === mark ? { ...rest, status: 'False', observedGeneration: pod.metadata.generation!, lastTransitionTime: rfc3339(clock.now()) } : condition));
    marks.writes.wrote(key, allPods, await client.for(pods, namespace).updateStatus({ ...pod, status: { ...pod.status!, conditions } }, { signal }));
    return undefined;
  }

  return { async run(signal) { await Promise.all([loop.run(signal), marks.run(signal)]); } };
}

function selects(budget: PodDisruptionBudget, pod: Pod): boolean {
  return budget.spec?.selector !== undefined && labelsMatch(labelSelectorOf(budget.spec.selector), pod.metadata.labels);
}

function comparable(status: PodDisruptionBudget['status']): unknown {
  return { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0, ...status };
}
