/** Tells in a pod's status why it is being taken away, before it is. */
import { rfc3339 } from '#base/clock';
import { pods, type Pod, type PodCondition } from '#api/generated/core/v1';
import type { Client } from '#client/client';
import { podCondition } from '#semantics/pod-state';

export interface Disruption { readonly reason: string; readonly message: string }

/** @param phase also sets it, when the pod has not ended. */
export async function markDisrupted(client: Client, pod: Pod, disruption: Disruption | undefined, phase: 'Failed' | undefined, nowMs: number, signal: AbortSignal): Promise<void> {
  const status: { conditions?: PodCondition[]; phase?: string } = {};
  if (disruption !== undefined) {
    const known = podCondition(pod, 'DisruptionTarget');
    if (known?.status !== 'True' || known.reason !== disruption.reason || known.message !== disruption.message) {
      status.conditions = [{
        type: 'DisruptionTarget', status: 'True', ...disruption, ...(pod.metadata.generation !== undefined && { observedGeneration: pod.metadata.generation }),
        lastTransitionTime: known?.status === 'True' && !!known.lastTransitionTime ? known.lastTransitionTime : rfc3339(nowMs),
      }];
    }
  }
  if (phase !== undefined && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed') status.phase = phase;
  if (Object.keys(status).length === 0) return;
  await client.for(pods, pod.metadata.namespace).patch(pod.metadata.name!, 'application/strategic-merge-patch+json', { metadata: { uid: pod.metadata.uid }, status }, { signal, subresource: 'status' });
}
