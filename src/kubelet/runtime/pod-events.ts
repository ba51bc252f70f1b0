/**
 * Events about pods and their containers, with the subjects that `kubectl describe` looks for.
 */
import type { Pod } from '#api/generated/core/v1';
import { subjectOf, type EventRecorder } from '#client/events/event-recorder';
import { fieldPathOf } from '../translation/container-list.ts';

export type EventType = 'Normal' | 'Warning';

export interface PodEvents {
  pod(pod: Pod, type: EventType, reason: string, message: string): void;
  container(pod: Pod, container: string, type: EventType, reason: string, message: string): void;
}

export function podEvents(recorder: EventRecorder): PodEvents {
  return {
    pod: (pod, type, reason, message) => recorder.event(subjectOf(pod, 'v1', 'Pod'), type, reason, message),
    container: (pod, container, type, reason, message) =>
      recorder.event({ ...subjectOf(pod, 'v1', 'Pod'), fieldPath: fieldPathOf(pod, container) }, type, reason, message),
  };
}
