/** The `workqueue_*` metrics of one queue, as an observer of it. */
import type { Clock } from '../clock.ts';
import type { MetricsRegistry, Sample } from '../metrics.ts';
import type { QueueObserver } from './work-queue.ts';

const SECONDS_BUCKETS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10];

/** Of each registry: queue → when the keys were taken that are being worked on. */
const registries = new WeakMap<MetricsRegistry, Map<string, ReadonlyMap<unknown, number>>>();

function takenTimes(metrics: MetricsRegistry, clock: Clock): Map<string, ReadonlyMap<unknown, number>> {
  const known = registries.get(metrics);
  if (known !== undefined) return known;
  const queues = new Map<string, ReadonlyMap<unknown, number>>();
  registries.set(metrics, queues);
  const each = (read: (ages: readonly number[]) => number) => () => {
    const nowMs = clock.monotonicNow();
    return [...queues].map(([name, taken]): Sample => [[name], read([...taken.values()].map((ms) => (nowMs - ms) / 1000))]);
  };
  metrics.observed({ name: 'workqueue_unfinished_work_seconds', labels: ['name'], help: 'How many seconds of work has been done that is in progress and hasn\'t been observed by work_duration.' }, each((ages) => ages.reduce((sum, age) => sum + age, 0)));
  metrics.observed({ name: 'workqueue_longest_running_processor_seconds', labels: ['name'], help: 'How many seconds has the longest running processor for workqueue been running.' }, each((ages) => ages.reduce((longest, age) => Math.max(longest, age), 0)));
  return queues;
}

export function queueMetrics<K>(name: string, metrics: MetricsRegistry, clock: Clock): QueueObserver<K> & { retried(key: K): void } {
  const labels = ['name'];
  const own = [name];
  const depth = metrics.gauge({ name: 'workqueue_depth', help: 'Current depth of workqueue', labels });
  const adds = metrics.counter({ name: 'workqueue_adds_total', help: 'Total number of adds handled by workqueue', labels });
  const retries = metrics.counter({ name: 'workqueue_retries_total', help: 'Total number of retries handled by workqueue', labels });
  const waited = metrics.histogram({ name: 'workqueue_queue_duration_seconds', help: 'How long in seconds an item stays in workqueue before being requested.', labels, buckets: SECONDS_BUCKETS });
  retries.inc(own, 0);
  depth.add(0, own);
  const worked = metrics.histogram({ name: 'workqueue_work_duration_seconds', help: 'How long in seconds processing an item from workqueue takes.', labels, buckets: SECONDS_BUCKETS });
  const running = takenTimes(metrics, clock);
  const addedMs = new Map<K, number>();
  const takenMs = new Map<K, number>();
  running.set(name, takenMs);
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
