/**
 * The memory engine: the storage contract without a disk, for tests and for clusters that live as long as their process.
 *
 * A write is decided, visible and answered in one synchronous step. History is bounded by count: the engine compacts itself.
 */
import type { Clock } from '#base/clock';
import { LeaseNotFoundError, UnavailableError, type StorageEngine, type WriteRequest, type WriteResult } from '../contract.ts';
import { EngineCore } from '../mvcc/engine-core.ts';
import type { Lease } from '../mvcc/leases.ts';
import { LeaseExistsError, type MvccStore } from '../mvcc/mvcc-store.ts';
import { stageTransaction } from '../mvcc/transaction.ts';

export interface MemoryStorageOptions {
  readonly clock: Clock;
  /** Revisions of history that are kept at most. */
  readonly historyLimit?: number;
}

const HISTORY_LIMIT = 100_000;
/** Revisions dropped with one write: twice what one write adds, so that dropping keeps up. */
const DROPS_PER_WRITE = 2;
const LEASE_TTL_SECONDS_MIN = 1;

export function createMemoryStorage({ clock, historyLimit = HISTORY_LIMIT }: MemoryStorageOptions): StorageEngine & { readonly mvcc: MvccStore } {
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
    publish(1);
    return { ok: true, revision: version.revision, previous };
  }

  function publish(writes: number): void {
    core.publish(keyspace.newest);
    if (keyspace.historyLength > historyLimit) moveCompaction(keyspace.published - historyLimit);
    drop(DROPS_PER_WRITE * writes);
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

  function newLease(id: number, ttlSeconds: number): Lease {
    return leases.add(id, Math.max(LEASE_TTL_SECONDS_MIN, ttlSeconds) * 1000);
  }

  function nextLeaseId(): number {
    do lastLeaseId++; while (leases.get(lastLeaseId) !== undefined);
    return lastLeaseId;
  }

  const mvcc: MvccStore = {
    core,
    async transact(plan) {
      const { result, revision, writes } = stageTransaction(core, plan, {
        admit: () => undefined,
        staged: (version) => { bytes += version.size; },
        takenBack: (versions) => { for (const version of versions) bytes -= version.size; },
      });
      if (writes > 0) publish(writes);
      return { result, revision };
    },
    async grantLease(id, ttlSeconds) {
      core.assertOpen();
      if (id !== 0 && leases.get(id) !== undefined) throw new LeaseExistsError(`lease ${id} exists`);
      const lease = newLease(id === 0 ? nextLeaseId() : id, ttlSeconds);
      return { id: lease.id, ttlSeconds: lease.ttlMs / 1000 };
    },
    async revokeLease(id) {
      const lease = leases.get(id);
      if (lease === undefined) throw new LeaseNotFoundError(`lease ${id} not found`);
      await mvcc.transact((writer) => { for (const key of [...lease.keys]) writer.remove(key); });
      leases.forget(id);
    },
    async renewLease(id) {
      const lease = leases.get(id);
      if (lease === undefined) return undefined;
      leases.renew(lease);
      return lease.ttlMs / 1000;
    },
    async compact(revision) {
      core.assertOpen();
      moveCompaction(revision);
      drop(Infinity);
    },
    noSpace: () => false,
    bytes: async () => ({ file: bytes, used: bytes, quota: 0 }),
  };

  return {
    mvcc,
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
    compact: mvcc.compact,
    async grantLease(ttlSeconds) {
      core.assertOpen();
      return newLease(nextLeaseId(), ttlSeconds).id;
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
