/**
 * What the engines that hold their key space in this process offer beyond the contract: whole transactions and leases with
 * ids of the client's, as etcd's API has them. `etcd-face/` is the user.
 */
import type { EngineCore } from './engine-core.ts';
import type { Version } from './version.ts';

export interface TransactionWriter {
  /** @throws NoSpaceError, TooLargeError, LeaseNotFoundError */
  put(key: string, value: Buffer, leaseId: number): Version;
  /** Deletes a key that exists. */
  remove(key: string): Version;
}

export interface MvccStore {
  /** Reads and watches. */
  readonly core: EngineCore;
  /**
   * Runs `plan` in one synchronous step. It reads what is newest, staged writes included (`keyspace.newestOf`, `keyspace.scan` at
   * revision Infinity); what it writes becomes one revision, which `modRevision` of its versions says once this resolves. That
   * is when all it has seen and written is durable. When it throws, nothing is written.
   * @returns what it answered, and the revision of the store after it.
   */
  transact<T>(plan: (writer: TransactionWriter) => T): Promise<{ readonly result: T; readonly revision: number }>;
  /** @param id 0: the store chooses. @throws LeaseExistsError */
  grantLease(id: number, ttlSeconds: number): Promise<{ readonly id: number; readonly ttlSeconds: number }>;
  /** Deletes the lease and its keys. @throws LeaseNotFoundError */
  revokeLease(id: number): Promise<void>;
  /** Its whole time to live from now on, in seconds; undefined when there is no such lease. */
  renewLease(id: number): Promise<number | undefined>;
  /** As the contract's. @throws FutureRevisionError */
  compact(revision: number): Promise<void>;
  /** Puts are refused for want of space. */
  noSpace(): boolean;
  /** Of the store on disk and of what is used of it. */
  bytes(): Promise<{ readonly file: number; readonly used: number; readonly quota: number }>;
}

export class LeaseExistsError extends Error {}
