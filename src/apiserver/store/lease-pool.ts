/** Leases for objects that live for a time, shared by objects that end at about the same time. */
import type { Clock } from '#base/clock';
import type { MetricsRegistry } from '#base/metrics';
import type { StorageEngine } from '#storage/contract';

/** An object may live this much longer than asked, at most. */
const SHARE_MS_MAX = 60_000;
const SHARE_FRACTION = 0.05;
const COUNT_BUCKETS = [10, 50, 100, 500, 1_000, 2_500, 5_000];

export function leasePool(storage: StorageEngine, clock: Clock, metrics: MetricsRegistry): (ttlSeconds: number) => Promise<number> {
  const counts = metrics.histogram({ name: 'etcd_lease_object_counts', buckets: COUNT_BUCKETS, help: 'Number of objects attached to a single etcd lease.' });
  const current = new Map<number, { id: Promise<number>; untilMs: number; objects: number }>();
  return (ttlSeconds) => {
    const nowMs = clock.monotonicNow();
    const shared = current.get(ttlSeconds);
    if (shared !== undefined && nowMs < shared.untilMs) {
      shared.objects++;
      return shared.id;
    }
    // It gets no more.
    if (shared !== undefined) counts.observe(shared.objects);
    const shareMs = Math.min(SHARE_MS_MAX, ttlSeconds * 1000 * SHARE_FRACTION);
    const id = storage.grantLease(ttlSeconds + Math.ceil(shareMs / 1000));
    current.set(ttlSeconds, { id, untilMs: nowMs + shareMs, objects: 1 });
    id.catch(() => { current.delete(ttlSeconds); });
    return id;
  };
}
