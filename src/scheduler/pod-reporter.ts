/** What the scheduler tells the world about a pod: its PodScheduled condition, the nominated node, events. */
import type { Pod } from '#api/generated/core/v1';
import { pods } from '#api/generated/core/v1';
import { rfc3339, type Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { Client } from '#client/client';
import type { ActionRecorder } from '#client/events/action-recorder';
import { isNotFound } from '#machinery/status-error';
import { findCondition } from '#semantics/condition';

export interface PodReporter {
  bound(pod: Pod, nodeName: string): void;
  unschedulable(pod: Pod, message: string, nominatedNode: string, signal: AbortSignal): Promise<void>;
  failed(pod: Pod, error: unknown, signal: AbortSignal): Promise<void>;
  /** Marks a victim of preemption and deletes it. */
  evict(victim: Pod, preemptor: Pod, nodeName: string, signal: AbortSignal): Promise<void>;
  clearNomination(pod: Pod, signal: AbortSignal): Promise<void>;
}

export function createPodReporter({ client, recorder, clock, log }: { client: Client; recorder: ActionRecorder; clock: Clock; log: Logger }): PodReporter {
  const regarding = (pod: Pod) => ({
    apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name!, namespace: pod.metadata.namespace!, uid: pod.metadata.uid!, resourceVersion: pod.metadata.resourceVersion!,
  });

  const setCondition = async (pod: Pod, reason: string, message: string, nominatedNode: string, signal: AbortSignal): Promise<void> => {
    const known = findCondition(pod.status?.conditions, 'PodScheduled');
    const same = known?.status === 'False' && known.reason === reason && known.message === message;
    if (same && (nominatedNode === '' || pod.status?.nominatedNodeName === nominatedNode)) return;
    const now = rfc3339(clock.now());
    const condition = {
      type: 'PodScheduled', status: 'False', reason, message, lastProbeTime: null,
      lastTransitionTime: known?.status === 'False' ? known.lastTransitionTime : now,
      ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    };
    try {
      await client.for(pods, pod.metadata.namespace).patch(pod.metadata.name!, 'application/strategic-merge-patch+json', {
        metadata: { uid: pod.metadata.uid }, status: { conditions: [condition], ...(nominatedNode === '' ? {} : { nominatedNodeName: nominatedNode }) },
      }, { subresource: 'status', signal });
    } catch (error) {
      if (signal.aborted || isNotFound(error)) return;
      log.warn('the condition of a pod was not written', { pod: `${pod.metadata.namespace}/${pod.metadata.name}`, error });
    }
  };

  return {
    bound(pod, nodeName) {
      recorder.event(regarding(pod), undefined, 'Normal', 'Scheduled', 'Binding', `Successfully assigned ${pod.metadata.namespace}/${pod.metadata.name} to ${nodeName}`);
    },
    async unschedulable(pod, message, nominatedNode, signal) {
      recorder.event(regarding(pod), undefined, 'Warning', 'FailedScheduling', 'Scheduling', message);
      await setCondition(pod, 'Unschedulable', message, nominatedNode, signal);
    },
    async evict(victim, preemptor, nodeName, signal) {
      const { name, namespace, uid } = victim.metadata;
      const api = client.for(pods, namespace);
      try {
        if (victim.metadata.deletionTimestamp == null) {
          const condition = {
            type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler', lastProbeTime: null, lastTransitionTime: rfc3339(clock.now()),
            message: `${preemptor.spec?.schedulerName ?? 'default-scheduler'}: preempting to accommodate a higher priority pod`,
            ...(victim.metadata.generation === undefined ? {} : { observedGeneration: victim.metadata.generation }),
          };
          await api.patch(name!, 'application/strategic-merge-patch+json', { metadata: { uid }, status: { conditions: [condition] } }, { subresource: 'status', signal });
          await api.delete(name!, { preconditions: { uid: uid! }, signal });
        }
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      recorder.event(regarding(victim), undefined, 'Normal', 'Preempted', 'Preempting', `Preempted by pod ${preemptor.metadata.uid} on node ${nodeName}`);
    },
    async clearNomination(pod, signal) {
      try {
        await client.for(pods, pod.metadata.namespace).patch(pod.metadata.name!, 'application/merge-patch+json', { metadata: { uid: pod.metadata.uid }, status: { nominatedNodeName: null } }, { subresource: 'status', signal });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },
    async failed(pod, error, signal) {
      if (isNotFound(error)) return;
      const message = error instanceof Error ? error.message : String(error);
      recorder.event(regarding(pod), undefined, 'Warning', 'FailedScheduling', 'Scheduling', message);
      await setCondition(pod, 'SchedulerError', message, '', signal);
    },
  };
}
