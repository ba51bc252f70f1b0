/** The `workqueue_*` metrics of one queue, as an observer of it. */
import type { Clock } from '../clock.ts';
import type { MetricsRegistry } from '../metrics.ts';
import type { QueueObserver } from './work-queue.ts';

const SECONDS_BUCKETS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10];

export function queueMetrics<K>(name: string, metrics: MetricsRegistry, clock: Clock): QueueObserver<K> & { retried(key: K): void } {
  const labels = ['name'];
  const own = [name];
  const depth = metrics.gauge({ name: 'workqueue_depth', help: 'Current depth of workqueue', labels });
  const adds = metrics.counter({ name: 'workqueue_adds_total', help: 'Total number of adds handled by workqueue', labels });
  const retries = metrics.counter({ name: 'workqueue_retries_total', help: 'Total number of retries handled by workqueue', labels });
  const waited = metrics.histogram({ name: 'workqueue_queue_duration_seconds', help: 'How long in seconds an item stays in workqueue before being requested.', labels, buckets: SECONDS_BUCKETS });
  const worked = metrics.histogram({ name: 'workqueue_work_duration_seconds', help: 'How long in seconds processing an item from workqueue takes.', labels, buckets: SECONDS_BUCKETS });
  const addedMs = new Map<K, number>();
  const takenMs = new Map<K, number>();
  return {
    added(key) { adds.inc(own); depth.add(1, own); addedMs.set(key, clock.monotonicNow()); },
    taken(key) {
      const nowMs = clock.monotonicNow();
      depth.add(-1, own);
      waited.observe((nowMs - (addedMs.get(key) ?? nowMs)) / 1000, own);
      addedMs.delete(key);
      takenMs.set(key, nowMs);
    },
    finished(key) {
      const nowMs = clock.monotonicNow();
      worked.observe((nowMs - (takenMs.get(key) ?? nowMs)) / 1000, own);
      takenMs.delete(key);
    },
    retried() { retries.inc(own); },
  };
}
