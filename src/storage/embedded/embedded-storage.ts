/**
 * The embedded engine: the storage contract in one directory of this machine, on LMDB.
 *
 * Keys, revisions and the shape of history live in memory (about 0.2 KB a key), values on disk but for the newest few MB:
 * a restart reads the heads of all records, not the values. The flow of a write:
 *
 *   decide against the newest staged state → stage → group commit (log, one sync) → publish to readers, watchers → answer
 *                                                                  └ later, with others → LMDB
 *
 * A refusal that depends on something staged waits for it to be durable, so that no answer shows what could still be lost.
 * Failures: a full disk or quota refuses writes and keeps everything else going; any other write error ends the store
 * (`onFailure`): the process must restart, reads what is durable, and goes on.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Timer } from '#base/clock';
import type { Logger } from '#base/log';
import {
  CorruptError, LeaseNotFoundError, NoSpaceError, UnavailableError, type StorageEngine, type WriteRequest, type WriteResult,
} from '../contract.ts';
import { EngineCore } from '../mvcc/engine-core.ts';
import type { Lease } from '../mvcc/leases.ts';
import { LeaseExistsError, type MvccStore } from '../mvcc/mvcc-store.ts';
import { stageTransaction } from '../mvcc/transaction.ts';
import type { Version } from '../mvcc/version.ts';
import { Retention } from '../retention.ts';
import { crc32 } from '../checksum.ts';
import { MAP_BYTES, openDatabase, type EmbeddedDatabase } from './database.ts';
import { DISK_FULL, DiskFullError } from './disk-full-error.ts';
import { diskReserve, type DiskReserve } from './disk-reserve.ts';
import { createStore } from './create.ts';
import { claimDirectory, type StoreDirectory } from './directory.ts';
import { GroupCommit } from './group-commit.ts';
import { loadStore } from './load.ts';
import { logged, recoverLog } from './logged-database.ts';
import { probeFile, type ProbeDepth } from './probe.ts';
import { ResidentValues } from './resident-values.ts';
import { rowBytes } from './row-bytes.ts';

export interface EmbeddedStorageOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Bytes of records, history included, at which puts are refused. */
  readonly quotaBytes?: number;
  /** History younger than this is kept, ms. */
  readonly historyMs?: number;
  /** Revisions of history that are kept at most. */
  readonly historyLimit?: number;
  /** Called once when the store has failed for good; the process should end and start again. */
  readonly onFailure?: (error: UnavailableError) => void;
  /** For tests: wraps the database. */
  readonly wrapDatabase?: (database: EmbeddedDatabase) => EmbeddedDatabase;
}

const QUOTA_BYTES = 8 * 2 ** 30;
const HISTORY_MS = 10 * 60_000;
const HISTORY_LIMIT = 200_000;
const RETENTION_INTERVAL_MS = 30_000;
const LEASE_TTL_SECONDS_MIN = 1;
/** Deletions of an expiring lease that are staged in one step. */
const LEASE_DELETES_MAX = 500;
const RETRY_MS = 1_000;
/** The wall clock of expiry on disk of a lease that is being renewed. */
const WHOLE_AT_START = 0;

export type EmbeddedStorage = StorageEngine & { readonly mvcc: MvccStore };

/** @throws CorruptError when the store is damaged; Error when the directory is in use or of a newer format. */
export async function openEmbeddedStorage(options: EmbeddedStorageOptions): Promise<EmbeddedStorage> {
  const directory = claimDirectory(options.directory);
  let database: EmbeddedDatabase | undefined;
  try {
    if (directory.unclean) await probeFile(directory.dataPath, probeDepth(directory), MAP_BYTES);
    if (!directory.existed) await createStore(directory.dataPath, options.directory);
    const tables = openDatabase(directory.dataPath);
    database = tables;
    const others = database.readers().filter((pid) => pid !== process.pid);
    if (others.length > 0) throw new Error(`the store in ${options.directory} is in use by process ${others.join(', ')}`);
    const reserve = diskReserve(join(options.directory, 'reserve'));
    await reserve.take().catch((error: unknown) => warnOfReserve(options, error));
    const { log: mark } = await recoverLog(tables, options.directory, reserve.admits);
    database = logged(tables, mark, { directory: options.directory, clock: options.clock, admits: reserve.admits });
    return startEngine(options, directory, options.wrapDatabase?.(database) ?? database, reserve);
  } catch (error) {
    await database?.close();
    directory.release(!directory.unclean && directory.existed);
    throw error instanceof CorruptError ? new CorruptError(`${error.message}. ${adviceFor(options.directory)}`) : error;
  }
}

/** A kill cannot damage the file, a machine that went down can; and a store that keeps crashing may be why. */
function probeDepth({ rebooted, crashes }: StoreDirectory): ProbeDepth { return rebooted || crashes > 1 ? 'everything' : 'records'; }

function adviceFor(directory: string): string {
  return `The store in ${directory} was not opened and nothing was changed. Keep a copy of the directory, then restore the latest snapshot `
    + 'into an empty one with: kubernode snapshot restore FILE';
}

function warnOfReserve({ log, directory }: EmbeddedStorageOptions, error: unknown): void {
  log.warn('there is no room for the reserve that keeps deletes working on a full disk', { directory, error });
}

function startEngine(options: EmbeddedStorageOptions, directory: StoreDirectory, database: EmbeddedDatabase, reserve: DiskReserve): EmbeddedStorage {
  const { clock, log, quotaBytes = QUOTA_BYTES } = options;
  const core = new EngineCore({
    clock,
    load: (version) => database.value(version),
    peek: (version) => database.peek(version),
    expire: (expired) => { for (const lease of expired) void expire(lease); },
    keepsEvent: (version) => resident.holds(version),
  });
  const { keyspace, leases, hub } = core;
  const loaded = loadStore(database, core, clock);
  directory.markOpen();
  const resident = new ResidentValues(keyspace);
  const retention = new Retention({ historyMs: options.historyMs ?? HISTORY_MS, revisionsMax: options.historyLimit ?? HISTORY_LIMIT });
  let usedBytes = loaded.bytes;
  let alarm = false;
  /** Puts are refused without trying, so that deletes work. */
  let diskFull = false;
  let taking = Promise.resolve();
  let closing: Promise<void> | undefined;

  const commits = new GroupCommit({
    keyspace, rows: loaded.rows, lastLeaseId: loaded.lastLeaseId,
    commit: (batch) => database.commit(batch),
    publish(revision) {
      const from = keyspace.published + 1;
      core.publish(revision);
      resident.published(from);
    },
    removed: (versions) => release(versions),
    refused(versions, error) {
      release(versions);
      if (!diskFull) log.error('the disk of the store is full: only deletes are taken', { directory: options.directory, error });
      diskFull = true;
      clock.setTimer(RETRY_MS, lookForRoom, { unref: true });
    },
    failed(error) {
      log.error('the store has failed and must be opened again', { directory: options.directory, error });
      core.close(error);
      options.onFailure?.(error);
    },
  });
  if (keyspace.droppable) commits.start();

  function lookForRoom(): void {
    if (core.closed !== undefined) return;
    if (reserve.roomAgain()) {
      if (diskFull) log.info('the disk of the store has room again: writes are taken', { directory: options.directory });
      diskFull = false;
      taking = reserve.take().catch((error: unknown) => warnOfReserve(options, error));
    } else {
      clock.setTimer(RETRY_MS, lookForRoom, { unref: true });
    }
    commits.start();
  }

  function release(versions: readonly Version[]): void {
    for (const version of versions) usedBytes -= rowBytes(version);
    if (alarm && usedBytes < quotaBytes * 0.98) {
      alarm = false;
      log.info('the store is below its quota again: writes are taken', { usedBytes, quotaBytes });
    }
  }

  /** @throws NoSpaceError */
  function admit(valueBytes: number): void {
    if (diskFull) throw new DiskFullError(DISK_FULL);
    if (usedBytes + valueBytes < quotaBytes) return;
    if (!alarm) {
      alarm = true;
      log.error('the store is at its quota: only deletes are taken', { usedBytes, quotaBytes });
      compactSoon(keyspace.published);
    }
    throw new NoSpaceError(`the store is at its quota of ${quotaBytes} bytes: delete objects, or raise the quota`);
  }

  function stage(version: Version): void {
    if (version.value !== undefined) version.checksum = crc32(version.value);
    usedBytes += rowBytes(version);
  }

  /** A delete that shared its batch with puts when the disk became full is tried again without them. */
  async function write(request: WriteRequest, signal?: AbortSignal): Promise<WriteResult> {
    try {
      return await writeOnce(request, signal);
    } catch (error) {
      if (!(error instanceof DiskFullError) || request.value !== undefined) throw error;
      return await writeOnce(request, signal);
    }
  }

  async function writeOnce(request: WriteRequest, signal?: AbortSignal): Promise<WriteResult> {
    for (;;) {
      signal?.throwIfAborted();
      core.assertOpen();
      if (request.value !== undefined) admit(request.value.length);
      const decision = core.decide(request);
      if (decision.staged !== undefined) {
        const version = decision.staged;
        stage(version);
        const { previous } = core.eventOf(version);
        await untilAborted(commits.durable(version.revision), signal);
        if (alarm) compactSoon(version.revision);
        return { ok: true, revision: version.revision, previous };
      }
      const current = decision.current === undefined ? undefined : core.keyValue(decision.current);
      const fenced = decision.fenced ? { fenced: true } : {};
      if (keyspace.newest === keyspace.published) return { ok: false, current, revision: keyspace.published, ...fenced };
      const settled = await untilAborted(commits.durable(keyspace.newest).then(() => true, (error: unknown) => {
        if (error instanceof DiskFullError) return false;
        throw error;
      }), signal);
      if (settled) return { ok: false, current, revision: keyspace.published, ...fenced };
    }
  }

  async function compactTo(revision: number): Promise<void> {
    if (revision <= keyspace.compacted) return;
    keyspace.compact(revision);
    hub.compacted();
    await commits.compacted().catch((error: unknown) => {
      if (error instanceof DiskFullError) return commits.compacted();
      throw error;
    });
  }

  function compactSoon(revision: number): void {
    compactTo(revision).catch((error: unknown) => { log.warn('compaction will be tried again', { error }); });
  }

  async function expire(lease: Lease): Promise<void> {
    try {
      while (lease.keys.size > 0) {
        await transact((writer) => {
          for (const key of [...lease.keys].slice(0, LEASE_DELETES_MAX)) if (keyspace.newestOf(key)?.leaseId === lease.id) writer.remove(key);
        });
      }
      leases.forget(lease.id);
      await commits.endLease(lease.id);
    } catch (error) {
      if (core.closed === undefined) leases.retry(lease, RETRY_MS);
      else log.debug('an expired lease is left for the next start', { lease: lease.id, error });
    }
  }

  async function transact<T>(plan: Parameters<MvccStore['transact']>[0]): Promise<{ result: T; revision: number }> {
    for (let attempt = 1; ; attempt++) {
      const { result, revision, puts } = stageTransaction(core, plan, { admit, staged: stage, takenBack: release });
      try {
        await commits.durable(revision);
        if (alarm) compactSoon(revision);
        return { result: result as T, revision };
      } catch (error) {
        // As with single writes: deletes that shared their batch with puts go again without them.
        if (!(error instanceof DiskFullError) || puts > 0 || attempt > 1) throw error;
      }
    }
  }

  const mvcc: MvccStore = {
    core,
    transact,
    async grantLease(wanted, ttlSeconds) {
      core.assertOpen();
      if (wanted !== 0 && leases.has(wanted)) throw new LeaseExistsError(`lease ${wanted} exists`);
      let id = wanted;
      while (id === 0 || (wanted === 0 && leases.has(id))) id = commits.nextLeaseId();
      const ttlMs = Math.max(LEASE_TTL_SECONDS_MIN, ttlSeconds) * 1000;
      await commits.storeLease({ id, ttlMs, expiresAt: clock.now() + ttlMs });
      if (leases.has(id)) throw new LeaseExistsError(`lease ${id} exists`);
      leases.add(id, ttlMs);
      return { id, ttlSeconds: ttlMs / 1000 };
    },
    async revokeLease(id) {
      const lease = leases.get(id);
      if (lease === undefined) throw new LeaseNotFoundError(`lease ${id} not found`);
      lease.expired = true;
      try {
        // What is staged with this lease is among its keys once it is published.
        await commits.durable(keyspace.newest);
        await transact((writer) => { for (const key of lease.keys) if (keyspace.newestOf(key)?.leaseId === id) writer.remove(key); });
      } catch (error) {
        lease.expired = false;
        throw error;
      }
      leases.forget(id);
      await commits.endLease(id);
    },
    async renewLease(id) {
      const lease = leases.get(id);
      if (lease === undefined) return undefined;
      leases.renew(lease);
      if (!lease.renewed) {
        await commits.storeLease({ id, ttlMs: lease.ttlMs, expiresAt: WHOLE_AT_START });
        lease.renewed = true;
      }
      return lease.ttlMs / 1000;
    },
    async compact(revision) {
      core.assertOpen();
      await compactTo(revision);
    },
    noSpace: () => alarm || diskFull,
    bytes: async () => ({ file: (await stat(directory.dataPath)).size, used: usedBytes, quota: quotaBytes }),
  };

  let retentionTimer: Timer | undefined;
  const keepRetention = (): void => {
    const target = retention.note(clock.monotonicNow(), keyspace.published);
    compactSoon(target);
    retentionTimer = clock.setTimer(RETENTION_INTERVAL_MS, keepRetention, { unref: true });
  };
  keepRetention();

  async function close(): Promise<void> {
    const inOrder = core.closed === undefined;
    retentionTimer?.cancel();
    core.close(new UnavailableError('storage is closed'));
    await commits.stop();
    await taking;
    await database.close();
    directory.release(inOrder);
  }

  return {
    mvcc,
    async get(key, { revision, signal } = {}) {
      signal?.throwIfAborted();
      return core.get(key, revision);
    },
    range: (rangeOptions, signal) => core.range(rangeOptions, signal),
    write,
    watch: (watchOptions) => hub.watch(watchOptions),
    requestProgress: () => hub.requestProgress(),
    async currentRevision() {
      core.assertOpen();
      return keyspace.published;
    },
    compact: mvcc.compact,
    async grantLease(ttlSeconds) {
      return (await mvcc.grantLease(0, ttlSeconds)).id;
    },
    async leaseSecondsLeft(leaseId) {
      core.assertOpen();
      return leases.secondsLeft(leaseId);
    },
    async status() {
      core.assertOpen();
      return {
        engine: 'embedded', revision: keyspace.published, compactedRevision: keyspace.compacted, keys: keyspace.keys,
        bytes: usedBytes, quotaBytes,
      };
    },
    close: () => (closing ??= close()),
  };
}

/** The write goes on; only the wait ends. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
