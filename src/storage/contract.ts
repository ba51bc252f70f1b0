/**
 * The storage contract: a revisioned key-value store over bytes. Every engine (`memory`, `embedded`, `etcd`) keeps it, and
 * `testing/contract.ts` is the suite that says so.
 *
 * - A **revision** is a positive integer, one per committed write, growing by one across the whole store (etcd: may skip).
 * - A write is **durable before its promise resolves**, and no reader or watcher sees it earlier.
 * - Watches deliver every event after their start revision, in revision order, exactly once, across restarts of the
 *   process, until the revision has been compacted away.
 * - Keys are sorted bytewise (they are ASCII paths: `/registry/pods/default/web`).
 *
 * Revisions are JavaScript numbers: 2^53 is out of reach.
 */

/** A value that is read from the store each time it is asked for; see `RangeOptions.lend`. */
export interface LentValue {
  readonly size: number;
  /** A copy. @throws CorruptError */
  readonly value: Buffer;
  /** Of use until anything else is asked of the store. @throws CorruptError */
  peek(): Buffer;
}

export interface KeyValue {
  readonly key: string;
  /** Never mutated by either side. */
  readonly value: Buffer;
  /** Only in ranges that asked for it, and only from engines that do not hold the value in memory; `value` then reads it. */
  readonly lent?: LentValue;
  /** Revision of the last write to the key: the object's `resourceVersion`. */
  readonly modRevision: number;
  /** Revision at which the key came to be. */
  readonly createRevision: number;
  /** The lease the key dies with; absent when there is none. */
  readonly leaseId?: number;
}

export interface WatchEvent {
  readonly type: 'put' | 'delete';
  readonly key: string;
  /** Put: the new value. Delete: empty. */
  readonly value: Buffer;
  /** The value before this event, when the key existed (needed for selector transitions and DELETED objects). */
  readonly previous: KeyValue | undefined;
  /** The event's own revision. */
  readonly revision: number;
  /** Put that created the key. */
  readonly created: boolean;
}

/** Events of one or more whole revisions, or (empty `events`) a progress mark: all up to `revision` has been delivered. */
export interface WatchBatch {
  readonly events: readonly WatchEvent[];
  readonly revision: number;
}

export interface RangeOptions {
  /** First key, inclusive. */
  readonly start: string;
  /** End, exclusive. `prefixEnd(prefix)` gives the end of a prefix. */
  readonly end: string;
  /** 0 or absent: no limit. */
  readonly limit?: number;
  /** Read as of this revision; absent or 0: the newest. @throws CompactedError, FutureRevisionError */
  readonly revision?: number;
  readonly keysOnly?: boolean;
  /**
   * Values that are not in memory may be lent rather than read: for whoever keeps all of a large range. They stay what they
   * are after later writes and compaction, and end with the engine.
   */
  readonly lend?: boolean;
}

export interface RangeResult {
  readonly items: readonly KeyValue[];
  /** The revision the range was read at. */
  readonly revision: number;
  readonly more: boolean;
  /** Keys in the whole range, limit ignored. */
  readonly count: number;
}

/**
 * One compare-and-swap. Exactly one of `value` (put) and `value: undefined` (delete). Deleting a key that does not exist is
 * no write: the result is `ok: false` without `current`, also when no condition was given.
 */
export interface WriteRequest {
  readonly key: string;
  readonly value: Buffer | undefined;
  /** Required `modRevision` of the key; 0: the key must not exist; absent: no condition. */
  readonly expectedRevision?: number;
  /** The key is deleted when the lease expires. @throws LeaseNotFoundError when there is no such lease (any more). */
  readonly leaseId?: number;
  /** Fencing: checked inside the write's transaction; refused when `guard.key` is not at `guard.modRevision`. */
  readonly guard?: { readonly key: string; readonly modRevision: number };
}

export type WriteResult =
  /** `previous`: what the write replaced; undefined also when that record was damaged. */
  | { readonly ok: true; readonly revision: number; readonly previous: KeyValue | undefined }
  /** The condition did not hold: what stands there instead (undefined: no such key). */
  | { readonly ok: false; readonly current: KeyValue | undefined; readonly revision: number; readonly fenced?: boolean };

export interface StorageStatus {
  readonly engine: string;
  readonly revision: number;
  readonly compactedRevision: number;
  readonly keys: number;
  /** Bytes on disk (memory engine: bytes held). */
  readonly bytes: number;
  readonly quotaBytes: number;
}

export interface StorageEngine {
  get(key: string, options?: { revision?: number; signal?: AbortSignal }): Promise<KeyValue | undefined>;
  range(options: RangeOptions, signal?: AbortSignal): Promise<RangeResult>;
  write(request: WriteRequest, signal?: AbortSignal): Promise<WriteResult>;
  /**
   * Events on keys in [start, end) with a revision > `afterRevision`. Ends when `signal` aborts (without throwing).
   * With `progress`, idle watches yield an empty batch now and then.
   * @throws CompactedError when `afterRevision` is older than the compacted revision.
   */
  watch(options: { start: string; end: string; afterRevision: number; progress?: boolean; signal: AbortSignal }): AsyncIterable<WatchBatch>;
  /** Makes every open watch with `progress` yield an empty batch soon, once it has delivered all committed before this call. */
  requestProgress(): void;
  /** The newest committed revision, as fresh as any write acknowledged before the call. */
  currentRevision(signal?: AbortSignal): Promise<number>;
  /**
   * Forgets history below `revision`: reads at `revision` and later and watches after it still work, and so does what is
   * newest. Going back is a no-op. @throws FutureRevisionError
   */
  compact(revision: number): Promise<void>;
  /** A lease with a time to live; expiry deletes its keys as ordinary deletions. */
  grantLease(ttlSeconds: number): Promise<number>;
  /** Time the lease has left; undefined when there is no such lease (any more). */
  leaseSecondsLeft(leaseId: number): Promise<number | undefined>;
  status(): Promise<StorageStatus>;
  close(): Promise<void>;
}

/** The asked revision has been compacted away. */
export class CompactedError extends Error {
  readonly compactedRevision: number;
  constructor(compactedRevision: number) {
    super(`required revision has been compacted (oldest kept: ${compactedRevision})`);
    this.compactedRevision = compactedRevision;
  }
}

/** The asked revision has not happened yet. */
export class FutureRevisionError extends Error {
  readonly currentRevision: number;
  constructor(currentRevision: number) {
    super(`required revision is a future revision (current: ${currentRevision})`);
    this.currentRevision = currentRevision;
  }
}

/** The lease has expired or never was. */
export class LeaseNotFoundError extends Error {}

/** The key or the value is longer than the store takes. */
export class TooLargeError extends Error {}

/** Longest key, in characters. */
export const KEY_LENGTH_MAX = 2048;

/** Largest value, in bytes: etcd's limit of a request. */
export const VALUE_BYTES_MAX = 1.5 * 1024 * 1024;

/** The store is at its quota: only deletes and compaction are taken. */
export class NoSpaceError extends Error {}

/** The store cannot serve now (closed, disk failed, quorum lost); the request may or may not have been applied if `unknown`. */
export class UnavailableError extends Error {
  readonly unknown: boolean;
  constructor(message: string, options: { cause?: unknown; unknown?: boolean } = {}) {
    super(message, { cause: options.cause });
    this.unknown = options.unknown ?? false;
  }
}

/** A stored record does not match its checksum. */
export class CorruptError extends Error {}

/** The smallest key after every key that starts with `prefix`. */
export function prefixEnd(prefix: string): string {
  for (let i = prefix.length - 1; i >= 0; i--) {
    const code = prefix.charCodeAt(i);
    if (code < 0x7f) return prefix.slice(0, i) + String.fromCharCode(code + 1);
  }
  return '\u{10ffff}';
}
