/**
 * Gathers what writers staged into batches and has each made durable with one sync.
 *
 *     writers ──stage──▶ [ staged ] ──one batch in flight──▶ disk ──▶ publish, answer
 *
 * While a batch is on its way the next one gathers, so that the number of syncs does not grow with the number of writers.
 * Invariants: at most one batch is in flight; versions are published in revision order and only after they are durable;
 * a transaction is never split; when a batch fails for want of space everything staged is rolled back and refused, and the rows that were to be removed
 * wait for the next batch; any other failure ends the store (a failed sync must not be repeated as if nothing had been).
 */
import { nextTurn } from '#base/turn';
import { UnavailableError } from '../contract.ts';
import type { Keyspace } from '../mvcc/keyspace.ts';
import type { Version } from '../mvcc/version.ts';
import type { CommitBatch } from './database.ts';
import { DiskFullError } from './disk-full-error.ts';
import { FORMAT_VERSION, type LeaseRow } from './record.ts';

/** Versions and bytes of one batch: bounds the time of one commit. */
const BATCH_VERSIONS_MAX = 4_096;
const BATCH_BYTES_MAX = 16 << 20;
/** Revisions compaction looks at per batch: a few ms. */
const DROPS_PER_BATCH = 1_000;

export interface GroupCommitOptions {
  readonly keyspace: Keyspace;
  readonly commit: (batch: CommitBatch) => Promise<void>;
  /** Shows everything up to `revision` to readers, after it is durable. */
  readonly publish: (revision: number) => void;
  /** Rows left the disk. */
  readonly removed: (versions: readonly Version[]) => void;
  /** Staged versions were taken back. */
  readonly refused: (versions: readonly Version[], error: DiskFullError) => void;
  readonly failed: (error: UnavailableError) => void;
  readonly rows: number;
  readonly lastLeaseId: number;
}

interface Waiter { readonly resolve: () => void; readonly reject: (error: Error) => void }

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #keyspace: Keyspace;
  /** By revision. */
  #waiters: (Waiter & { readonly revision: number })[] = [];
  #leases: (Waiter & { readonly row: LeaseRow })[] = [];
  #lineWaiters: Waiter[] = [];
  #endedLeases: number[] = [];
  /** Dropped from memory, not yet from the disk. */
  #removals: Version[] = [];
  #rows: number;
  #lastLeaseId: number;
  #active = false;
  /** `start` was called since the last batch was taken. */
  #asked = false;
  #running = Promise.resolve();
  #stopped = false;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
    this.#keyspace = options.keyspace;
    this.#rows = options.rows;
    this.#lastLeaseId = options.lastLeaseId;
  }

  /** Resolves once `revision` is durable and published. @throws DiskFullError, UnavailableError */
  durable(revision: number): Promise<void> {
    if (revision <= this.#keyspace.published) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ revision, resolve, reject });
      this.start();
    });
  }

  /** An id that no lease has had; ids that clients chose are for the caller to leave out. */
  nextLeaseId(): number { return ++this.#lastLeaseId; }

  /** Stores a lease. */
  storeLease(row: LeaseRow): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.#leases.push({ row, resolve, reject });
      this.start();
    });
  }

  /** Resolves once it is durable that there is no such lease. */
  endLease(id: number): Promise<void> {
    this.#endedLeases.push(id);
    return this.compacted();
  }

  /** Resolves once the compacted line is durable; the rows below it go in the batches that follow. */
  compacted(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#lineWaiters.push({ resolve, reject });
      this.start();
    });
  }

  /** Begins to work when there is something to do. */
  start(): void {
    if (this.#stopped) return;
    this.#asked = true;
    if (this.#active) return;
    this.#active = true;
    this.#running = this.#run();
  }

  /** Finishes what is under way and takes nothing more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    this.#rejectAll(new UnavailableError('storage is closed', { unknown: true }));
  }

  #hasWork(): boolean {
    return this.#keyspace.newest > this.#keyspace.published || this.#leases.length > 0 || this.#endedLeases.length > 0
      || this.#lineWaiters.length > 0 || this.#keyspace.droppable || this.#removals.length > 0;
  }

  async #run(): Promise<void> {
    try {
      while (this.#hasWork() && await this.#commitNext());
    } finally {
      // In the same step as the look for work: a writer that comes now starts the next run. One that came after the last
      // batch was taken, such as the retry of what a full disk refused, is not forgotten.
      this.#active = false;
      if (this.#asked && this.#hasWork()) this.start();
    }
  }

  /** One batch; false ends the run. */
  async #commitNext(): Promise<boolean> {
    // Whoever writes in this turn shares the batch.
    await nextTurn();
    if (this.#stopped && this.#keyspace.newest === this.#keyspace.published && this.#leases.length === 0 && this.#lineWaiters.length === 0) return false;
    this.#asked = false;
    const batch = this.#take();
    const others: Waiter[] = [...this.#leases, ...this.#lineWaiters.splice(0)];
    const leases = this.#leases.splice(0).map((lease) => lease.row);
    const endedLeases = this.#endedLeases.splice(0);
    try {
      await this.#options.commit({ ...batch, leases, endedLeases });
    } catch (error) {
      this.#endedLeases.push(...endedLeases);
      for (const waiter of others) waiter.reject(error as Error);
      if (error instanceof DiskFullError) this.#refuse(error); else this.#fail(error as Error);
      return false;
    }
    this.#rows = batch.state.rows;
    this.#removals.splice(0, batch.removed.length);
    this.#options.removed(batch.removed);
    const last = batch.versions[batch.versions.length - 1];
    if (last !== undefined) this.#options.publish(last.revision);
    for (const waiter of others) waiter.resolve();
    this.#answer();
    return true;
  }

  #take(): Required<Pick<CommitBatch, 'versions' | 'removed' | 'state'>> {
    const versions: Version[] = [];
    let bytes = 0;
    for (let r = this.#keyspace.published + 1, until = 0; r <= this.#keyspace.newest; r++) {
      if (r > until && (versions.length >= BATCH_VERSIONS_MAX || bytes >= BATCH_BYTES_MAX)) break;
      const version = this.#keyspace.version(r)!;
      until = version.modRevision;
      versions.push(version);
      bytes += version.size;
    }
    if (this.#removals.length < DROPS_PER_BATCH) this.#removals.push(...this.#keyspace.dropSome(DROPS_PER_BATCH));
    const removed = this.#removals.slice();
    const { compacted, dropped, published } = this.#keyspace;
    const revision = versions.length > 0 ? versions[versions.length - 1]!.revision : published;
    const rows = this.#rows + versions.length - removed.length;
    return { versions, removed, state: { format: FORMAT_VERSION, revision, compacted, dropped, rows, lastLeaseId: this.#lastLeaseId } };
  }

  /** No space: nothing of the batch is on disk. Later versions depend on the numbers of earlier ones, so all go. */
  #refuse(error: DiskFullError): void {
    const versions: Version[] = [];
    for (let r = this.#keyspace.published + 1; r <= this.#keyspace.newest; r++) versions.push(this.#keyspace.version(r)!);
    this.#keyspace.rollback();
    this.#options.refused(versions, error);
    this.#rejectWaiters(error);
  }

  #fail(error: Error): void {
    this.#stopped = true;
    this.#keyspace.rollback();
    const reason = error instanceof UnavailableError ? error : new UnavailableError(`the store has failed: ${error.message}`, { cause: error, unknown: true });
    this.#options.failed(reason);
    this.#rejectAll(reason);
  }

  #answer(): void {
    const { published } = this.#keyspace;
    let done = 0;
    while (done < this.#waiters.length && this.#waiters[done]!.revision <= published) this.#waiters[done++]!.resolve();
    this.#waiters.splice(0, done);
  }

  #rejectWaiters(error: Error): void { for (const waiter of this.#waiters.splice(0)) waiter.reject(error); }

  #rejectAll(error: Error): void {
    this.#rejectWaiters(error);
    for (const waiter of [...this.#leases.splice(0), ...this.#lineWaiters.splice(0)]) waiter.reject(error);
  }
}
