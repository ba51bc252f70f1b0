/**
 * The memory engine: the storage contract without a disk, for tests and for clusters that live as long as their process.
 *
 * A write is decided, visible and answered in one synchronous step. History is bounded by count: the engine compacts itself.
 */
import type { Clock } from '#base/clock';
import { UnavailableError, type StorageEngine, type WriteRequest, type WriteResult } from '../contract.ts';
import { EngineCore } from '../mvcc/engine-core.ts';
import type { Lease } from '../mvcc/leases.ts';

export interface MemoryStorageOptions {
  readonly clock: Clock;
  /** Revisions of history that are kept at most. */
  readonly historyLimit?: number;
}

const HISTORY_LIMIT = 100_000;
/** Revisions dropped with one write: twice what one write adds, so that dropping keeps up. */
const DROPS_PER_WRITE = 2;
const LEASE_TTL_SECONDS_MIN = 1;

export function createMemoryStorage({ clock, historyLimit = HISTORY_LIMIT }: MemoryStorageOptions): StorageEngine {
  let bytes = 0;
  let lastLeaseId = 0;
  const core = new EngineCore({
    clock,
    load: (version) => { throw new Error(`value of ${version.key} at ${version.revision} is gone`); },
    expire,
  });
  const { keyspace, leases, hub } = core;

  function apply(request: WriteRequest): WriteResult {
    const decision = core.decide(request);
    if (decision.staged === undefined) {
      const current = decision.current === undefined ? undefined : core.keyValue(decision.current);
      return { ok: false, current, revision: keyspace.published, ...(decision.fenced ? { fenced: true } : {}) };
    }
    const version = decision.staged;
    bytes += version.size;
    const { previous } = core.eventOf(version);
    core.publish(version.revision);
    if (keyspace.historyLength > historyLimit) moveCompaction(version.revision - historyLimit);
    drop(DROPS_PER_WRITE);
    return { ok: true, revision: version.revision, previous };
  }

  function drop(budget: number): void {
    for (const version of keyspace.dropSome(budget)) bytes -= version.size;
  }

  function moveCompaction(revision: number): void {
    keyspace.compact(revision);
    hub.compacted();
  }

  function expire(expired: readonly Lease[]): void {
    for (const lease of expired) {
      for (const key of [...lease.keys]) apply({ key, value: undefined });
      leases.forget(lease.id);
    }
  }

  return {
    async get(key, options) {
      options?.signal?.throwIfAborted();
      return core.get(key, options?.revision);
    },
    range: (options, signal) => core.range(options, signal),
    async write(request, signal) {
      signal?.throwIfAborted();
      core.assertOpen();
      return apply(request);
    },
    watch: (options) => hub.watch(options),
    requestProgress: () => hub.requestProgress(),
    async currentRevision() {
      core.assertOpen();
      return keyspace.published;
    },
    async compact(revision) {
      core.assertOpen();
      moveCompaction(revision);
      drop(Infinity);
    },
    async grantLease(ttlSeconds) {
      core.assertOpen();
      lastLeaseId++;
      leases.add(lastLeaseId, Math.max(LEASE_TTL_SECONDS_MIN, ttlSeconds) * 1000);
      return lastLeaseId;
    },
    async leaseSecondsLeft(leaseId) {
      core.assertOpen();
      return leases.secondsLeft(leaseId);
    },
    async status() {
      return { engine: 'memory', revision: keyspace.published, compactedRevision: keyspace.compacted, keys: keyspace.keys, bytes, quotaBytes: 0 };
    },
    async close() {
      core.close(new UnavailableError('storage is closed'));
    },
  };
}
