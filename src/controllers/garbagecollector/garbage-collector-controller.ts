/**
 * Deletes what has lost its owners, and carries out foreground and orphaning deletion, for every resource there is.
 *
 *     informers of all resources ──▶ owner graph ──▶ uids to check or to orphan ──▶ live look ──▶ patch or delete
 *
 * Resources are found by discovery, again and again: those of new definitions are watched, of removed ones dropped.
 * Nothing is checked before every watch has synchronised, so that an owner is not missed only because it comes later.
 */
import { rateLimitedQueue } from '#base/queue/rate-limited-queue';
import { queueMetrics } from '#base/queue/queue-metrics';
import { discoverPreferred, type DiscoveredResource } from '#client/discovery';
import type { Informer, InformerOptions } from '#client/informer-contract';
import { runReconciler } from '#client/reconcile/reconciler';
import { apiVersionOf } from '#client/resource-path';
import type { KubeObject } from '#machinery/meta';
import type { Controller, ControllerContext, ControllerDefinition } from '../controller.ts';
import { createCollector } from './collect.ts';
import { objectAccess } from './object-access.ts';
import { nodeOf, OwnerGraph, type Effects } from './owner-graph.ts';

export const garbageCollectorController: ControllerDefinition = {
  name: 'garbage-collector-controller',
  serviceAccount: 'generic-garbage-collector',
  eventSource: 'garbage-collector-controller',
  make: makeController,
};

const WORKERS = 20;
const DISCOVERY_PERIOD_MS = 30_000;
const DISCOVERY_RETRY_MS = 2_000;
const SYNC_TIMEOUT_MS = 30_000;
/** A dependent may be seen before its owner: the other watch gets this long to catch up. */
const SETTLE_MS = 500;
const IGNORED = new Set(['/events', 'events.k8s.io/events']);

interface Monitor { readonly resource: DiscoveredResource; readonly informer: Informer<KubeObject>; readonly detach: () => void; readonly owned: boolean }

/** Only what the graph needs; changes the object, which was just decoded for this. */
function ownershipOnly(object: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, ownerReferences, finalizers, deletionTimestamp } = object.metadata;
  return {
    metadata: {
      ...(name !== undefined && { name }), ...(namespace !== undefined && { namespace }), ...(uid !== undefined && { uid }), ...(resourceVersion !== undefined && { resourceVersion }),
      ...(ownerReferences !== undefined && { ownerReferences }), ...(finalizers !== undefined && { finalizers }), ...(deletionTimestamp !== undefined && { deletionTimestamp }),
    },
  };
}
const NARROW: InformerOptions<KubeObject> = { transform: ownershipOnly };

function makeController(context: ControllerContext): Controller {
  const { client, clock, informers, log } = context;
  const graph = new OwnerGraph();
  const access = objectAccess(client, clock);
  const collector = createCollector(graph, access);
  const checks = rateLimitedQueue<string>('garbage_collector_attempt_to_delete', clock, { observer: queueMetrics('garbage_collector_attempt_to_delete', context.metrics, clock) });
  const orphans = rateLimitedQueue<string>('garbage_collector_attempt_to_orphan', clock, { observer: queueMetrics('garbage_collector_attempt_to_orphan', context.metrics, clock) });
  const monitors = new Map<string, Monitor>();

  function note(effects: Effects): void {
    for (const uid of effects.orphan) orphans.add(uid);
    for (const uid of effects.check) {
      const node = graph.get(uid);
      const ownerUnseen = node?.owners.some((reference) => graph.get(reference.uid) === undefined) === true && !node.deletingDependents;
      if (ownerUnseen) checks.addAfter(uid, SETTLE_MS); else checks.add(uid);
    }
    for (const { dependent, reference } of effects.invalidNamespace) {
      context.events.event({ kind: dependent.kind, apiVersion: dependent.apiVersion, namespace: dependent.namespace, name: dependent.name, uid: dependent.uid }, 'Warning', 'OwnerRefInvalidNamespace',
        `ownerRef [${reference.apiVersion}/${reference.kind}, namespace: ${dependent.namespace}, name: ${reference.name}, uid: ${reference.uid}] does not exist in namespace "${dependent.namespace}"`);
    }
  }

  function watch(resource: DiscoveredResource): Monitor {
    const shared = informers.has(resource);
    const informer = informers.for<KubeObject>(resource, shared ? {} : NARROW);
    const apiVersion = apiVersionOf(resource);
    const seen = (object: KubeObject): void => note(graph.set(nodeOf(object, apiVersion, resource.kind)));
    const detach = informer.addHandlers({ onAdd: seen, onUpdate: (_old, current) => seen(current), onDelete: (object) => note(graph.delete(object.metadata.uid!)) });
    return { resource, informer, detach, owned: !shared };
  }

  async function refreshMonitors(signal: AbortSignal): Promise<void> {
    const { resources, failed } = await discoverPreferred(client, { signal });
    const wanted = new Map(resources
      .filter(({ group, resource, verbs }) => !IGNORED.has(`${group}/${resource}`) && ['delete', 'list', 'watch'].every((verb) => verbs.includes(verb)))
      .map((resource) => [`${apiVersionOf(resource)}|${resource.resource}`, resource]));
    for (const [key, resource] of wanted) if (!monitors.has(key)) monitors.set(key, watch(resource));
    for (const [key, monitor] of monitors) {
      if (wanted.has(key) || failed.includes(apiVersionOf(monitor.resource))) continue; // a server that does not answer may come back
      monitors.delete(key);
      monitor.detach();
      if (monitor.owned) await informers.drop(monitor.resource, NARROW);
      for (const object of monitor.informer.list()) note(graph.delete(object.metadata.uid!));
    }
    await Promise.race([Promise.all([...monitors.values()].map((monitor) => monitor.informer.whenSynced(signal))), clock.sleep(SYNC_TIMEOUT_MS, signal)]);
  }

  async function keepDiscovering(signal: AbortSignal): Promise<void> {
    for (let waitMs = DISCOVERY_PERIOD_MS; !signal.aborted;) {
      await clock.sleep(waitMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await refreshMonitors(signal);
        waitMs = DISCOVERY_PERIOD_MS;
      } catch (error) {
        if (signal.aborted) return;
        log.warn('discovery failed, trying again', { error: (error as Error).message });
        waitMs = DISCOVERY_RETRY_MS;
      }
    }
  }

  async function check(uid: string, signal: AbortSignal): Promise<void> {
    const node = graph.get(uid);
    if (node === undefined) return;
    if (!node.deletingDependents && (node.beingDeleted || node.owners.length === 0 || graph.hasSoundOwners(node))) return;
    if (node.deletingDependents) for (const dependent of graph.blockingDependentsOf(uid)) if (!dependent.beingDeleted) checks.add(dependent.uid);
    if (!await collector.check(node, signal)) note(graph.delete(uid));
  }

  async function firstDiscovery(signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        await refreshMonitors(signal);
        return;
      } catch (error) {
        signal.throwIfAborted();
        log.warn('discovery failed, trying again', { error: (error as Error).message });
        await clock.sleep(DISCOVERY_RETRY_MS, signal);
      }
    }
  }

  return {
    async run(signal) {
      await firstDiscovery(signal);
      const common = { log, clock, metrics: context.metrics };
      await Promise.all([
        runReconciler({ ...common, name: 'garbage-collector', queue: checks, workers: WORKERS, reconcile: check }, signal),
        runReconciler({
          ...common, name: 'garbage-collector-orphan', queue: orphans, workers: WORKERS,
          async reconcile(uid, inner) {
            const node = graph.get(uid);
            if (node?.orphaning === true) await collector.orphan(node, inner);
          },
        }, signal),
        keepDiscovering(signal),
      ]);
    },
  };
}
