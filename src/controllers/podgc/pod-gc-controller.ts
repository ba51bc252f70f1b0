/**
 * Removes pods that nobody else will: of nodes that are gone, being deleted without ever having had a node, stuck on nodes
 * declared out of service, and ended ones beyond a limit. A round every 20 seconds.
 *
 * A node counts as gone when it was missing for 40 seconds and a live look confirms it.
 */
import { nodes, pods, type Pod } from '#api/generated/core/v1';
import { isNotFound } from '#machinery/status-error';
import { isConditionTrue } from '#semantics/condition';
import { isPodTerminal } from '#semantics/pod-state';
import type { Controller, ControllerContext, ControllerDefinition } from '../controller.ts';
import { markDisrupted, type Disruption } from '../pod-disruption.ts';

export const podGcController: ControllerDefinition = {
  name: 'pod-garbage-collector-controller',
  serviceAccount: 'pod-garbage-collector',
  make: makeController,
};

const PERIOD_MS = 20_000;
const QUARANTINE_MS = 40_000;
const PARALLEL = 10;
const OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service';
const NODE_GONE: Disruption = { reason: 'DeletionByPodGC', message: 'PodGC: node no longer exists' };

interface Removal { readonly pod: Pod; readonly disruption?: Disruption }

function makeController(context: ControllerContext): Controller {
  const { client, clock, informers, log, options } = context;
  const allPods = informers.for(pods);
  const allNodes = informers.for(nodes);
  /** Node → when it was first missed. */
  const missedMs = new Map<string, number>();
  const deletions = context.metrics.counter({ name: 'pod_gc_collector_force_delete_pods_total', help: 'Number of pods that are being forcefully deleted since the Pod GC Controller started.', labels: ['namespace', 'reason'] });

  async function goneNodes(all: readonly Pod[], signal: AbortSignal): Promise<Set<string>> {
    const used = new Set(all.map((pod) => pod.spec?.nodeName ?? '').filter((name) => name !== '' && allNodes.get(name) === undefined));
    for (const name of missedMs.keys()) if (!used.has(name)) missedMs.delete(name);
    const gone = new Set<string>();
    for (const name of used) {
      const sinceMs = missedMs.get(name) ?? clock.monotonicNow();
      missedMs.set(name, sinceMs);
      if (clock.monotonicNow() - sinceMs < QUARANTINE_MS) continue;
      try {
        await client.for(nodes).get(name, { signal });
      } catch (error) {
        if (!isNotFound(error)) throw error;
        gone.add(name);
      }
    }
    return gone;
  }

  function plan(all: readonly Pod[], gone: ReadonlySet<string>): Removal[] {
    const removals = new Map<Pod, Removal>();
    for (const pod of all) {
      const node = allNodes.get(pod.spec?.nodeName ?? '');
      const deleting = pod.metadata.deletionTimestamp !== undefined;
      if (pod.spec?.nodeName && gone.has(pod.spec.nodeName)) removals.set(pod, { pod, disruption: NODE_GONE });
      else if (deleting && !pod.spec?.nodeName) removals.set(pod, { pod });
      else if (deleting && node !== undefined && !isConditionTrue(node.status?.conditions, 'Ready') && node.spec?.taints?.some((taint) => taint.key === OUT_OF_SERVICE) === true) removals.set(pod, { pod });
    }
    const ended = all.filter((pod) => isPodTerminal(pod) && !removals.has(pod));
    const surplus = options.terminatedPodGcThreshold > 0 ? ended.length - options.terminatedPodGcThreshold : 0;
    if (surplus > 0) {
      const age = (pod: Pod): string => `${pod.status?.reason === 'Evicted' ? 0 : 1}${pod.metadata.creationTimestamp}`;
      for (const pod of ended.sort((a, b) => (age(a) < age(b) ? -1 : 1)).slice(0, surplus)) removals.set(pod, { pod });
    }
    return [...removals.values()];
  }

  async function remove({ pod, disruption }: Removal, signal: AbortSignal): Promise<void> {
    try {
      await markDisrupted(client, pod, disruption, 'Failed', clock.now(), signal);
      await client.for(pods, pod.metadata.namespace).delete(pod.metadata.name!, { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid! }, signal });
      deletions.inc([pod.metadata.namespace!, disruption === undefined ? (isPodTerminal(pod) ? 'terminated' : 'unscheduled') : 'orphaned']);
    } catch (error) {
      if (!isNotFound(error) && !signal.aborted) log.warn('removing a pod failed', { pod: `${pod.metadata.namespace}/${pod.metadata.name}`, error: (error as Error).message });
    }
  }

  return {
    async run(signal) {
      await Promise.all([allPods.whenSynced(signal), allNodes.whenSynced(signal)]);
      while (!signal.aborted) {
        try {
          const all = allPods.list();
          const removals = plan(all, await goneNodes(all, signal));
          for (let i = 0; i < removals.length; i += PARALLEL) await Promise.all(removals.slice(i, i + PARALLEL).map((removal) => remove(removal, signal)));
        } catch (error) {
          if (!signal.aborted) log.warn('pod garbage collection failed', { error: (error as Error).message });
        }
        await clock.sleep(PERIOD_MS, signal).catch(() => undefined);
      }
    },
  };
}
