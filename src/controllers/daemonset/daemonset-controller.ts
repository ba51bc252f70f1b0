/** Daemon sets: a pod on each node that it belongs on. Wiring and applying; the decisions are in `daemon-plan.ts`. */
import { createBackoff, type Backoff } from '#base/backoff';
import { inTurns } from '#base/in-turns';
import { controllerrevisions, daemonsets, type ControllerRevision, type DaemonSet, type DaemonSetStatus } from '#api/generated/apps/v1';
import { nodes, pods, type Node, type Pod } from '#api/generated/core/v1';
import { subjectOf } from '#client/events/event-recorder';
import { objectKey, splitKey } from '#client/informer/object-store';
import type { Result } from '#client/reconcile/reconciler';
import { labelSelectorOf, labelsMatch } from '#machinery/selector/label-selector';
import { controllerOf, controllerReference } from '#semantics/owner-reference';
import { availableAtMs } from '#semantics/pod-state';
import { applyClaims, CONTROLLER_INDEX, controllerIndexValues, orphansOf, planClaims } from '../claiming.ts';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';
import { createPod, deletePod, isNamespaceTerminating, slowStart } from '../pod-control.ts';
import { byRevision, ensureRevision, truncateHistory } from '../revision-history.ts';
import { belongs, byNode, daemonPod, HASH_LABEL } from './daemon-pods.ts';
import { daemonStatus, planNodes, planUpdate, type DaemonInput, type DaemonPlan } from './daemon-plan.ts';

export const daemonSetController: ControllerDefinition = {
  name: 'daemonset-controller',
  serviceAccount: 'daemon-set-controller',
  eventSource: 'daemonset-controller',
  make: makeController,
};

const BURST = 250;
const FAILED_BACKOFF = { baseMs: 1000, maxMs: 15 * 60_000, jitter: 0, resetAfterMs: 30 * 60_000 };
const HISTORY_LIMIT = 10;

interface FailureRecord { readonly backoff: Backoff; untilMs: number }

function makeController(context: ControllerContext): Controller {
  const { client, clock, informers } = context;
  const all = informers.for(daemonsets);
  const allPods = informers.for(pods);
  const allNodes = informers.for(nodes);
  const revisions = informers.for(controllerrevisions);
  for (const informer of [allPods, revisions] as const) informer.addIndex(CONTROLLER_INDEX, controllerIndexValues);
  /** Set's uid and node → when its failed pod may be replaced. */
  const failures = new Map<string, FailureRecord>();
  const loop = keyedLoop(context, { name: 'daemonset', informers: [all, allPods, allNodes, revisions] as const, workers: context.options.concurrentSyncs, reconcile });
  all.addHandlers({
    onAdd: loop.enqueue, onUpdate: (_old, current) => loop.enqueue(current),
    onDelete(set) {
      loop.writes.forget(objectKey(set));
      for (const key of failures.keys()) if (key.startsWith(`${set.metadata.uid}/`)) failures.delete(key);
    },
  });
  allPods.addHandlers({
    onAdd: wakeOwner, onDelete: wakeOwner,
    onUpdate(old, current) {
      if (controllerOf(old)?.uid !== controllerOf(current)?.uid) wakeOwner(old);
      wakeOwner(current);
    },
  });
  allNodes.addHandlers({
    onAdd: (node) => { for (const set of all.list()) if (belongs(set, node).shouldRun) loop.enqueue(set); },
    onUpdate(old, current) { if (placementText(old) !== placementText(current)) for (const set of all.list()) if (JSON.stringify(belongs(set, old)) !== JSON.stringify(belongs(set, current))) loop.enqueue(set); },
    onDelete: () => { for (const set of all.list()) loop.enqueue(set); },
  });

  function wakeOwner(pod: Pod): void {
    const owner = controllerOf(pod);
    if (owner !== undefined) {
      if (owner.kind === 'DaemonSet') loop.queue.add(`${pod.metadata.namespace}/${owner.name}`);
      return;
    }
    for (const set of all.list(pod.metadata.namespace)) if (labelsMatch(labelSelectorOf(set.spec!.selector), pod.metadata.labels)) loop.enqueue(set);
  }

  const event = (set: DaemonSet, type: 'Normal' | 'Warning', reason: string, message: string): void => context.events.event(subjectOf(set, 'apps/v1', 'DaemonSet'), type, reason, message);

  async function claim(set: DaemonSet, key: string, signal: AbortSignal): Promise<{ owned: Pod[]; known: ControllerRevision[] }> {
    const selector = labelSelectorOf(set.spec!.selector);
    const reference = controllerReference(set, daemonsets);
    const from = <T extends Pod | ControllerRevision>(byIndex: (value: string) => T[]): T[] => [...byIndex(set.metadata.uid!), ...byIndex(orphansOf(set.metadata.namespace))];
    const podPlan = planClaims(from((value) => allPods.byIndex(CONTROLLER_INDEX, value)), set, (pod) => labelsMatch(selector, pod.metadata.labels));
    const owned = await applyClaims({ client, resource: pods, ownerResource: daemonsets, owner: set, reference, plan: podPlan, signal });
    for (const pod of owned.slice(podPlan.claimed.length)) loop.writes.wrote(key, allPods, pod);
    const revisionPlan = planClaims(from((value) => revisions.byIndex(CONTROLLER_INDEX, value)), set, (revision) => labelsMatch(selector, revision.metadata.labels));
    const known = await applyClaims({ client, resource: controllerrevisions, ownerResource: daemonsets, owner: set, reference, plan: revisionPlan, signal });
    return { owned, known: known.sort(byRevision) };
  }

  async function reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const { namespace, name } = splitKey(key);
    const set = all.get(name, namespace);
    if (set === undefined || set.metadata.deletionTimestamp !== undefined) return undefined;
    if (labelSelectorOf(set.spec!.selector)?.length === 0) {
      event(set, 'Warning', 'SelectingAll', 'This daemon set is selecting all pods. A non-empty selector is required.');
      return undefined;
    }
    const { owned, known } = await claim(set, key, signal);
    const { revision, collisionCount, written } = await ensureRevision(client, { object: set, type: daemonsets, template: set.spec!.template, hashLabel: HASH_LABEL }, known, set.status?.collisionCount ?? 0, signal);
    if (written) loop.writes.wrote(key, revisions, revision);
    const input: DaemonInput = { set, nodes: allNodes.list(), podsByNode: byNode(owned), hash: revision.metadata.labels![HASH_LABEL]!, nowMs: clock.now() };
    const plan = planNodes(input);
    const wait = { ms: Infinity };
    let failure = await apply(key, set, input.hash, [...plan.createOn], [...plan.remove, ...endedPods(set, plan, wait)], signal);
    if (failure === undefined && loop.writes.settled(key)) {
      const update = planUpdate(input);
      failure = await apply(key, set, input.hash, update.createOn, update.remove, signal);
      const inUse = new Set([revision.metadata.name!, ...known.filter(({ metadata }) => owned.some((pod) => pod.metadata.labels?.[HASH_LABEL] === metadata.labels?.[HASH_LABEL])).map(({ metadata }) => metadata.name!)]);
      await truncateHistory(client, known, inUse, set.spec!.revisionHistoryLimit ?? HISTORY_LIMIT, signal);
    }
    signal.throwIfAborted();
    await writeStatus(key, set, { ...daemonStatus(input), ...(collisionCount > 0 && { collisionCount }) }, signal);
    if (failure !== undefined) throw failure;
    for (const pod of owned) wait.ms = Math.min(wait.ms, (availableAtMs(pod, set.spec!.minReadySeconds ?? 0, input.nowMs) ?? Infinity) - input.nowMs);
    return wait.ms === Infinity ? undefined : { afterMs: wait.ms };
  }

  /** Failed pods go too, but not more often than their node's backoff allows. */
  function endedPods(set: DaemonSet, plan: DaemonPlan, wait: { ms: number }): Pod[] {
    const chosen: Pod[] = [];
    for (const { pod, node } of plan.failed) {
      const key = `${set.metadata.uid}/${node}`;
      let record = failures.get(key);
      if (record === undefined) failures.set(key, record = { backoff: createBackoff(FAILED_BACKOFF, clock, context.random), untilMs: 0 });
      const leftMs = record.untilMs - clock.monotonicNow();
      if (leftMs > 0) { wait.ms = Math.min(wait.ms, leftMs); continue; }
      record.untilMs = clock.monotonicNow() + record.backoff.nextMs();
      event(set, 'Warning', 'FailedDaemonPod', `Found failed daemon pod ${pod.metadata.namespace}/${pod.metadata.name} on node ${node}, will try to kill it`);
      chosen.push(pod);
    }
    for (const { pod, node } of plan.succeeded) {
      event(set, 'Normal', 'SucceededDaemonPod', `Found succeeded daemon pod ${pod.metadata.namespace}/${pod.metadata.name} on node ${node}, will try to delete it`);
      chosen.push(pod);
    }
    return chosen;
  }

  /** @returns the first failure. */
  async function apply(key: string, set: DaemonSet, hash: string, createOn: readonly string[], remove: readonly Pod[], signal: AbortSignal): Promise<unknown> {
    const owner = { object: set, type: daemonsets };
    const created = await slowStart(Math.min(createOn.length, BURST), async (i) => {
      try {
        loop.writes.wrote(key, allPods, await createPod(context, owner, daemonPod(set, createOn[i]!, hash), signal));
      } catch (error) {
        if (!isNamespaceTerminating(error)) throw error;
      }
    });
    const removed = await inTurns(remove.slice(0, BURST), async (pod) => {
      await deletePod(context, owner, pod, signal);
      loop.writes.deleted(key, allPods, pod);
    });
    return created.error ?? removed.find((result) => result.status === 'rejected')?.reason;
  }

  async function writeStatus(key: string, set: DaemonSet, status: DaemonSetStatus, signal: AbortSignal): Promise<void> {
    if (sameStatus(set.status, status)) return;
    const conditions = set.status?.conditions;
    loop.writes.wrote(key, all, await client.for(daemonsets, set.metadata.namespace).updateStatus({ ...set, status: { ...status, ...(conditions && { conditions }) } }, { signal }));
  }

  return { run: loop.run };
}

function placementText(node: Node): string {
  return JSON.stringify([node.metadata.labels, node.spec?.taints, node.spec?.unschedulable]);
}

function sameStatus(a: DaemonSetStatus | undefined, b: DaemonSetStatus): boolean {
  const text = (status: DaemonSetStatus): string => JSON.stringify([
    status.observedGeneration ?? 0, status.desiredNumberScheduled, status.currentNumberScheduled, status.numberMisscheduled, status.numberReady,
    status.updatedNumberScheduled ?? 0, status.numberAvailable ?? 0, status.numberUnavailable ?? 0, status.collisionCount ?? 0,
  ]);
  return a !== undefined && text(a) === text(b);
}
