/**
 * Watches over nodes: notices silence, says so in their conditions, marks their pods unready, and taints them so that pods
 * leave (NoExecute, which `tainteviction` carries out) or do not come (NoSchedule).
 *
 * One round every five seconds over all nodes. See `zone-states.ts` for how eviction slows down when much is broken.
 */
import { rfc3339 } from '#base/clock';
import { leases } from '#api/generated/coordination/v1';
import { nodes, pods, type Node, type NodeCondition, type Pod, type Taint } from '#api/generated/core/v1';
import { subjectOf } from '#client/events/event-recorder';
import { splitKey } from '#client/informer/object-store';
import { isConflict, isNotFound } from '#machinery/status-error';
import { findCondition } from '#semantics/condition';
import { podCondition } from '#semantics/pod-state';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';
import { writeTaints } from '../node-taints.ts';
import { conditionTaints, oldLabels } from './condition-taints.ts';
import { NodeHealth } from './node-health.ts';
import { rateOf, TaintQueue, zoneKey, zoneState, type ZoneState } from './zone-states.ts';

export const nodeLifecycleController: ControllerDefinition = {
  name: 'node-lifecycle-controller',
  serviceAccount: 'node-controller',
  make: makeController,
};

const NODE_INDEX = 'node';
const NOT_READY = { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' };
const UNREACHABLE = { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' };
const EXCLUDED_LABEL = 'node.kubernetes.io/exclude-disruption';
const TAINT_PASS_MS = 100;
const WORKERS = 8;

interface Zone { state: ZoneState; readonly queue: TaintQueue }

function makeController(context: ControllerContext): Controller {
  const { client, clock, informers, log, options } = context;
  const allNodes = informers.for(nodes);
  const allPods = informers.for(pods);
  const allLeases = informers.for(leases, { namespace: 'kube-node-lease' });
  allPods.addIndex(NODE_INDEX, (pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []));
  const health = new NodeHealth({ clock, graceMs: options.nodeMonitorGraceMs, startupGraceMs: options.nodeStartupGraceMs });
  const rates = { rate: options.nodeEvictionRate, secondaryRate: options.secondaryNodeEvictionRate, largeZoneNodes: options.largeClusterSizeThreshold, unhealthyShare: options.unhealthyZoneThreshold };
  const zones = new Map<string, Zone>();
  const known = new Map<string, Node>();
  /** Pods could not be marked: try again in the next round. */
  const retryPods = new Set<string>();

  const own = keyedLoop(context, { name: 'node_lifecycle_controller', informers: [allNodes] as const, workers: WORKERS, reconcile: syncTaintsAndLabels });
  allNodes.addHandlers({ onAdd: own.enqueue, onUpdate: (_old, current) => own.enqueue(current) });
  const arrivals = keyedLoop(context, { name: 'node_lifecycle_controller_pods', informers: [allNodes, allPods] as const, workers: 4, reconcile: judgeArrival });
  allPods.addHandlers({
    onAdd: (pod) => { if (pod.spec?.nodeName) arrivals.enqueue(pod); },
    onUpdate: (old, current) => { if (current.spec?.nodeName && current.spec.nodeName !== old.spec?.nodeName) arrivals.enqueue(current); },
  });

  const nodeEvent = (node: Node, reason: string, message: string): void =>
    context.events.event({ apiVersion: 'v1', kind: 'Node', name: node.metadata.name!, uid: node.metadata.uid! }, 'Normal', reason, message);
  const stamped = (taint: Pick<Taint, 'key' | 'effect'>): Taint => ({ ...taint, timeAdded: rfc3339(clock.now()) });

  function zoneOf(node: Node): Zone {
    const key = zoneKey(node.metadata.labels);
    let zone = zones.get(key);
    if (zone === undefined) zones.set(key, zone = { state: 'initial', queue: new TaintQueue(rates.rate, clock.monotonicNow()) });
    return zone;
  }

  /** NoSchedule taints and old labels: at once, whatever the state of the zone. */
  async function syncTaintsAndLabels(name: string, signal: AbortSignal): Promise<void> {
    const node = allNodes.get(name);
    if (node === undefined) return;
    const { add, remove } = conditionTaints(node);
    const written = await writeTaints(client, node, add.map(stamped), remove, signal);
    if (written !== undefined) own.writes.wrote(name, allNodes, written);
    const labels = oldLabels(node);
    if (Object.keys(labels).length === 0) return;
    own.writes.wrote(name, allNodes, await client.for(nodes).patch(name, 'application/strategic-merge-patch+json', { metadata: { labels } }, { signal }));
  }

  async function judgeArrival(key: string, signal: AbortSignal): Promise<void> {
    const { namespace, name } = splitKey(key);
    const pod = allPods.get(name, namespace);
    const node = pod === undefined ? undefined : allNodes.get(pod.spec?.nodeName ?? '');
    if (pod === undefined || node === undefined || !health.knows(node.metadata.name!)) return;
    const ready = findCondition(node.status?.conditions, 'Ready');
    if (ready !== undefined && ready.status !== 'True') await markNotReady([pod], signal);
  }

  async function markNotReady(affected: readonly Pod[], signal: AbortSignal): Promise<void> {
    for (const pod of affected) {
      const ready = podCondition(pod, 'Ready');
      if (ready === undefined || ready.status === 'False') continue;
      const conditions = pod.status!.conditions!.map((condition) => (condition === ready ? { ...ready, status: 'False', lastTransitionTime: rfc3339(clock.now()) } : condition));
      try {
        await client.for(pods, pod.metadata.namespace).updateStatus({ ...pod, status: { ...pod.status!, conditions } }, { signal });
      } catch (error) {
        if (isNotFound(error)) continue;
        throw error;
      }
      context.events.event(subjectOf(pod, 'v1', 'Pod'), 'Warning', 'NodeNotReady', 'Node is not ready');
    }
  }

  function noteComingAndGoing(all: readonly Node[]): void {
    const names = new Set(all.map((node) => node.metadata.name!));
    for (const node of all) {
      if (!known.has(node.metadata.name!)) nodeEvent(node, 'RegisteredNode', `Node ${node.metadata.name} event: Registered Node ${node.metadata.name} in Controller`);
      known.set(node.metadata.name!, node);
    }
    for (const [name, node] of known) {
      if (names.has(name)) continue;
      known.delete(name);
      health.forget(name);
      retryPods.delete(name);
      zoneOf(node).queue.remove(name);
      nodeEvent(node, 'RemovingNode', `Node ${name} event: Removing Node ${name} from Controller`);
    }
  }

  /** @returns the node's Ready condition now; undefined when it could not be judged. */
  async function checkNode(original: Node, signal: AbortSignal): Promise<{ ready: NodeCondition | undefined } | undefined> {
    const name = original.metadata.name!;
    let node = original;
    const verdict = health.judge(node, allLeases.get(name, 'kube-node-lease'));
    if (verdict.conditions !== undefined) {
      try {
        node = await client.for(nodes).updateStatus({ ...node, status: { ...node.status, conditions: verdict.conditions } }, { signal });
      } catch (error) {
        if (isConflict(error) || isNotFound(error)) return undefined; // it lives, or is gone: the next round sees
        throw error;
      }
    }
    const ready = verdict.current;
    if (ready === undefined) return { ready };
    await taintByHealth(node, ready.status, signal);
    const turned = ready.status !== 'True' && verdict.observed === 'True';
    if (turned) nodeEvent(node, 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
    if (turned || (retryPods.has(name) && ready.status !== 'True')) {
      retryPods.add(name);
      await markNotReady(allPods.byIndex(NODE_INDEX, name), signal);
    }
    retryPods.delete(name);
    return { ready };
  }

  async function taintByHealth(node: Node, status: string, signal: AbortSignal): Promise<void> {
    const name = node.metadata.name!;
    const has = (taint: { key: string }): boolean => node.spec?.taints?.some((known) => known.key === taint.key && known.effect === 'NoExecute') === true;
    const { queue } = zoneOf(node);
    if (status === 'True') { await markReachable(node, signal); return; }
    const [wanted, opposite] = status === 'False' ? [NOT_READY, UNREACHABLE] : [UNREACHABLE, NOT_READY];
    if (has(opposite)) await writeTaints(client, node, [stamped(wanted)], [opposite], signal); // it suffers already: only the name changes
    else if (!has(wanted)) queue.add(name);
  }

  async function markReachable(node: Node, signal: AbortSignal): Promise<void> {
    zoneOf(node).queue.remove(node.metadata.name!);
    await writeTaints(client, node, [], [NOT_READY, UNREACHABLE], signal);
  }

  async function handleDisruption(all: readonly Node[], readyByZone: ReadonlyMap<string, boolean[]>, signal: AbortSignal): Promise<void> {
    const states = new Map([...readyByZone].map(([key, ready]) => [key, zoneState(ready, rates.unhealthyShare)] as const));
    const allDisrupted = [...states.values()].every((state) => state === 'full');
    for (const key of zones.keys()) if (!readyByZone.has(key)) zones.delete(key);
    const wasAllDisrupted = [...zones.values()].every((zone) => zone.state === 'full');
    const nowMs = clock.monotonicNow();
    if (allDisrupted && wasAllDisrupted) return;
    if (allDisrupted) {
      log.info('all nodes are not ready: no more evictions');
      for (const node of all) await markReachable(node, signal);
      for (const zone of zones.values()) { zone.state = 'full'; zone.queue.setRate(0, nowMs); }
      return;
    }
    if (wasAllDisrupted && zones.size > 0) {
      log.info('some nodes are ready again: evictions go on');
      health.resetAll();
    }
    for (const [key, zone] of zones) {
      const state = states.get(key) ?? 'normal';
      if (zone.state === state && !wasAllDisrupted) continue;
      zone.state = state;
      zone.queue.setRate(rateOf(state, readyByZone.get(key)?.length ?? 0, rates), nowMs);
    }
  }

  async function round(signal: AbortSignal): Promise<void> {
    const all = allNodes.list();
    noteComingAndGoing(all);
    const readyByZone = new Map<string, boolean[]>();
    for (const node of all) zoneOf(node);
    for (let i = 0; i < all.length; i += WORKERS) {
      await Promise.all(all.slice(i, i + WORKERS).map(async (node) => {
        try {
          const judged = await checkNode(node, signal);
          if (judged === undefined || node.metadata.labels?.[EXCLUDED_LABEL] !== undefined) return;
          const key = zoneKey(node.metadata.labels);
          readyByZone.set(key, [...(readyByZone.get(key) ?? []), judged.ready?.status === 'True']);
        } catch (error) {
          if (!signal.aborted) log.warn('checking a node failed', { node: node.metadata.name, error: (error as Error).message });
        }
      }));
    }
    if (readyByZone.size > 0) await handleDisruption(all, readyByZone, signal);
  }

  async function taintPass(signal: AbortSignal): Promise<void> {
    for (const { queue } of zones.values()) {
      for (let name = queue.take(clock.monotonicNow()); name !== undefined; name = queue.take(clock.monotonicNow())) {
        const node = allNodes.get(name);
        const ready = findCondition(node?.status?.conditions, 'Ready');
        if (node === undefined || ready === undefined || ready.status === 'True') continue;
        const [wanted, opposite] = ready.status === 'False' ? [NOT_READY, UNREACHABLE] : [UNREACHABLE, NOT_READY];
        try {
          await writeTaints(client, node, [stamped(wanted)], [opposite], signal);
        } catch (error) {
          if (signal.aborted) return;
          log.warn('tainting a node failed, trying again', { node: name, error: (error as Error).message });
          queue.add(name);
          return;
        }
      }
    }
  }

  async function watchOver(signal: AbortSignal): Promise<void> {
    await Promise.all([allNodes, allPods, allLeases].map((informer) => informer.whenSynced(signal)));
    for (let nextRoundMs = clock.monotonicNow(); !signal.aborted;) {
      const nowMs = clock.monotonicNow();
      if (nowMs >= nextRoundMs) {
        await round(signal).catch((error: unknown) => { if (!signal.aborted) log.error('watching over nodes failed', { error }); });
        nextRoundMs = nowMs + options.nodeMonitorPeriodMs;
      }
      await taintPass(signal);
      const waiting = [...zones.values()].some((zone) => zone.queue.size() > 0);
      const untilRoundMs = Math.max(nextRoundMs - clock.monotonicNow(), 1);
      await clock.sleep(waiting ? Math.min(TAINT_PASS_MS, untilRoundMs) : untilRoundMs, signal).catch(() => undefined);
    }
  }

  return { async run(signal) { await Promise.all([own.run(signal), arrivals.run(signal), watchOver(signal)]); } };
}
