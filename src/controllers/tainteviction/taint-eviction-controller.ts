/** Takes pods from nodes with NoExecute taints that they do not tolerate, or only for a while. */
import { nodes, pods, type Pod, type Taint, type Toleration } from '#api/generated/core/v1';
import { splitKey } from '#client/informer/object-store';
import type { Result } from '#client/reconcile/reconciler';
import { isNotFound } from '#machinery/status-error';
import { tolerates } from '#semantics/taints';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';
import { markDisrupted } from '../pod-disruption.ts';

export const taintEvictionController: ControllerDefinition = {
  name: 'taint-eviction-controller',
  serviceAccount: 'node-controller',
  eventSource: 'taint-eviction-controller',
  make: makeController,
};

const NODE_INDEX = 'node';
const WORKERS = 8;
const DISRUPTION = { reason: 'DeletionByTaintManager', message: 'Taint manager: deleting due to NoExecute taint' };

/** How long a pod bears the taints: 0 not at all, Infinity for ever. */
export function tolerationMs(taints: readonly Taint[], tolerations: readonly Toleration[]): number {
  let shortest = Infinity;
  for (const taint of taints) {
    const used = tolerations.find((toleration) => tolerates(toleration, taint));
    if (used === undefined) return 0;
    if (used.tolerationSeconds !== undefined) shortest = Math.min(shortest, Math.max(0, used.tolerationSeconds) * 1000);
  }
  return shortest;
}

function makeController(context: ControllerContext): Controller {
  const { client, clock, informers } = context;
  const allNodes = informers.for(nodes);
  const allPods = informers.for(pods);
  allPods.addIndex(NODE_INDEX, (pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []));
  /** Pod key → since when its eviction is planned. */
  const planned = new Map<string, { readonly uid: string; readonly sinceMs: number }>();
  const loop = keyedLoop(context, { name: 'noexec_taint', informers: [allNodes, allPods] as const, workers: WORKERS, reconcile });
  allPods.addHandlers({
    onAdd: loop.enqueue,
    onUpdate(old, current) {
      if (old.spec?.nodeName !== current.spec?.nodeName || JSON.stringify(old.spec?.tolerations) !== JSON.stringify(current.spec?.tolerations)) loop.enqueue(current);
    },
    onDelete: loop.enqueue,
  });
  const wakeNode = (name: string): void => { for (const pod of allPods.byIndex(NODE_INDEX, name)) loop.enqueue(pod); };
  allNodes.addHandlers({
    onAdd: (node) => wakeNode(node.metadata.name!),
    onUpdate(old, current) { if (JSON.stringify(noExecute(old.spec?.taints)) !== JSON.stringify(noExecute(current.spec?.taints))) wakeNode(current.metadata.name!); },
  });

  const event = (pod: Pod, text: string): void => context.events.event(
    { apiVersion: 'v1', kind: 'Pod', namespace: pod.metadata.namespace!, name: pod.metadata.name!, uid: pod.metadata.uid! }, 'Normal', 'TaintManagerEviction',
    `${text} Pod ${pod.metadata.namespace}/${pod.metadata.name}`);

  async function reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const { namespace, name } = splitKey(key);
    const pod = allPods.get(name, namespace);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined || !pod.spec?.nodeName) { planned.delete(key); return undefined; }
    const taints = noExecute(allNodes.get(pod.spec.nodeName)?.spec?.taints);
    const bearsMs = taints.length === 0 ? Infinity : tolerationMs(taints, pod.spec.tolerations ?? []);
    let plan = planned.get(key);
    if (plan !== undefined && plan.uid !== pod.metadata.uid) plan = undefined;
    if (bearsMs === Infinity) {
      if (plan !== undefined) event(pod, 'Cancelling deletion of');
      planned.delete(key);
      return undefined;
    }
    const nowMs = clock.monotonicNow();
    const sinceMs = plan?.sinceMs ?? nowMs;
    if (nowMs < sinceMs + bearsMs) {
      planned.set(key, { uid: pod.metadata.uid!, sinceMs });
      return { afterMs: sinceMs + bearsMs - nowMs };
    }
    event(pod, 'Marking for deletion');
    try {
      await markDisrupted(client, pod, DISRUPTION, undefined, clock.now(), signal);
      await client.for(pods, namespace).delete(name, { signal, preconditions: { uid: pod.metadata.uid! } });
      planned.delete(key);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  }

  return { run: loop.run };
}

function noExecute(taints: readonly Taint[] | undefined): Taint[] {
  return (taints ?? []).filter((taint) => taint.effect === 'NoExecute');
}
