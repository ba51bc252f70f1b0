/**
 * When the change began that an endpoints update carries out: for measuring how long the network takes to follow.
 *
 * The earliest of the pods' readiness changes and the service's creation that are newer than those seen the last time.
 */
import type { Pod, Service } from '#api/generated/core/v1';
import { podCondition } from '#semantics/pod-state';

interface Seen { readonly serviceMs: number; readonly podsMs: ReadonlyMap<string, number> }

export interface TriggerTimes {
  /** RFC 3339; undefined when nothing new was seen. */
  next(key: string, service: Service, pods: readonly Pod[]): string | undefined;
  forget(key: string): void;
}

export function triggerTimes(): TriggerTimes {
  const seen = new Map<string, Seen>();
  return {
    next(key, service, pods) {
      const last = seen.get(key);
      const serviceMs = Date.parse(service.metadata.creationTimestamp ?? '');
      const podsMs = new Map<string, number>();
      let earliest = Infinity;
      for (const pod of pods) {
        const ready = podCondition(pod, 'Ready');
        if (ready?.status !== 'True' || !ready.lastTransitionTime) continue;
        const ms = Date.parse(ready.lastTransitionTime);
        podsMs.set(pod.metadata.name!, ms);
        if (ms > (last?.podsMs.get(pod.metadata.name!) ?? -Infinity)) earliest = Math.min(earliest, ms);
      }
      if (serviceMs > (last?.serviceMs ?? -Infinity)) earliest = Math.min(earliest, serviceMs);
      seen.set(key, { serviceMs, podsMs });
      return earliest === Infinity ? undefined : new Date(earliest).toISOString().replace('.000Z', 'Z');
    },
    forget: (key) => { seen.delete(key); },
  };
}
