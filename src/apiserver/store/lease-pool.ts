/** Leases for objects that live for a time, shared by objects that end at about the same time. */
import type { Clock } from '#base/clock';
import type { StorageEngine } from '#storage/contract';

/** An object may live this much longer than asked, at most. */
const SHARE_MS_MAX = 60_000;
const SHARE_FRACTION = 0.05;

export function leasePool(storage: StorageEngine, clock: Clock): (ttlSeconds: number) => Promise<number> {
  const current = new Map<number, { id: Promise<number>; untilMs: number }>();
  return (ttlSeconds) => {
    const nowMs = clock.monotonicNow();
    const shared = current.get(ttlSeconds);
    if (shared !== undefined && nowMs < shared.untilMs) return shared.id;
    const shareMs = Math.min(SHARE_MS_MAX, ttlSeconds * 1000 * SHARE_FRACTION);
    const id = storage.grantLease(ttlSeconds + Math.ceil(shareMs / 1000));
    current.set(ttlSeconds, { id, untilMs: nowMs + shareMs });
    id.catch(() => { current.delete(ttlSeconds); });
    return id;
  };
}
