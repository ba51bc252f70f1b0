/** From what informers show to the scheduler's cache, queue and the events that wake waiting pods. */
import type { Node, Pod } from '#api/generated/core/v1';
import { semanticEqual } from '#machinery/deep-equal';
import type { Informer } from '#client/informer-contract';
import type { ClusterEvent } from './framework/plugin.ts';
import { podInfo } from './framework/pod-info.ts';
import { isFinished, isMine, type Scheduler } from './scheduler.ts';

export function watchPods(informer: Informer<Pod>, scheduler: Scheduler, schedulerName: string): void {
  const { cache, queue, nominator } = scheduler;
  const assigned = (pod: Pod): boolean => (pod.spec?.nodeName ?? '') !== '' && !isFinished(pod);

  const release = (pod: Pod): void => {
    if (assigned(pod)) {
      cache.removePod(pod);
      queue.onEvent('assigned-pod/delete');
    } else {
      queue.delete(pod.metadata.uid!);
    }
    nominator.remove(pod.metadata.uid!);
  };

  informer.addHandlers({
    onAdd(pod) {
      if (assigned(pod)) {
        cache.setPod(pod);
        queue.onEvent('assigned-pod/add');
      } else if (isMine(pod, schedulerName)) {
        nominator.nominate(podInfo(pod), pod.status?.nominatedNodeName ?? '');
        queue.add(pod);
      }
    },
    onUpdate(old, pod) {
      if (old.metadata.uid !== pod.metadata.uid) {
        release(old);
        this.onAdd!(pod, false);
        return;
      }
      if (assigned(pod)) {
        queue.delete(pod.metadata.uid!);
        nominator.remove(pod.metadata.uid!);
        cache.setPod(pod);
        for (const event of assignedPodEvents(old, pod, assigned(old))) queue.onEvent(event);
      } else if (assigned(old)) {
        cache.removePod(old);
        queue.onEvent('assigned-pod/delete');
      } else if (isMine(pod, schedulerName)) {
        if (old.metadata.resourceVersion === pod.metadata.resourceVersion || cache.isAssumed(pod.metadata.uid!)) return;
        nominator.nominate(podInfo(pod), pod.status?.nominatedNodeName ?? '');
        if (!onlyStatusChanged(old, pod)) queue.update(pod, gatesChanged(old, pod) ? 'unscheduled-pod/gates' : 'unscheduled-pod/update');
      } else {
        queue.delete(pod.metadata.uid!);
      }
    },
    onDelete: release,
  });
}

function assignedPodEvents(old: Pod, pod: Pod, wasAssigned: boolean): ClusterEvent[] {
  if (!wasAssigned) return ['assigned-pod/add'];
  const events: ClusterEvent[] = [];
  if (!semanticEqual(old.metadata.labels, pod.metadata.labels)) events.push('assigned-pod/label');
  if (!semanticEqual(old.spec?.containers.map((c) => c.resources), pod.spec?.containers.map((c) => c.resources))) events.push('assigned-pod/scale-down');
  return events;
}

function gatesChanged(old: Pod, pod: Pod): boolean {
  return (old.spec?.schedulingGates ?? []).length !== (pod.spec?.schedulingGates ?? []).length;
}

/** The scheduler's own condition must not wake the pod it was written for. */
function onlyStatusChanged(old: Pod, pod: Pod): boolean {
  return semanticEqual(old.spec, pod.spec) && semanticEqual(old.metadata.labels, pod.metadata.labels) && old.metadata.deletionTimestamp === pod.metadata.deletionTimestamp;
}

export function watchNodes(informer: Informer<Node>, scheduler: Scheduler): void {
  const { cache, queue } = scheduler;
  informer.addHandlers({
    onAdd(node) {
      cache.setNode(node);
      queue.onEvent('node/add');
    },
    onUpdate(old, node) {
      const events = nodeEvents(old, node);
      if (events.length === 0 && semanticEqual(old.status?.images, node.status?.images)) return;
      cache.setNode(node);
      for (const event of events) queue.onEvent(event);
    },
    onDelete(node) {
      cache.removeNode(node.metadata.name!);
      queue.onEvent('node/delete');
    },
  });
}

function nodeEvents(old: Node, node: Node): ClusterEvent[] {
  const events: ClusterEvent[] = [];
  if (!semanticEqual(old.status?.allocatable, node.status?.allocatable)) events.push('node/allocatable');
  if (!semanticEqual(old.metadata.labels, node.metadata.labels)) events.push('node/label');
  if (!semanticEqual(old.metadata.annotations, node.metadata.annotations)) events.push('node/annotation');
  if (!semanticEqual(old.spec?.taints, node.spec?.taints) || old.spec?.unschedulable !== node.spec?.unschedulable) events.push('node/taint');
  const conditions = (of: Node): string => (of.status?.conditions ?? []).map((condition) => `${condition.type}=${condition.status}`).join();
  if (conditions(old) !== conditions(node)) events.push('node/condition');
  return events;
}
