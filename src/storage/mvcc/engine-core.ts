/**
 * What the engines that hold their key space in this process share: deciding writes, reads at a revision, watches, leases.
 *
 * The core decides and shows; making durable is the engine's business. A write goes `decide` (checks, stages) → the engine
 * makes it durable → `publish`. `decide` and `publish` are synchronous: there is no await between check and use.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '#base/clock';
import { nextTurn } from '#base/turn';
import {
  CorruptError, KEY_LENGTH_MAX, LeaseNotFoundError, TooLargeError, VALUE_BYTES_MAX,
  type KeyValue, type RangeOptions, type RangeResult, type UnavailableError, type WatchEvent, type WriteRequest,
} from '../contract.ts';
import { Keyspace } from './keyspace.ts';
import { Leases, type Lease } from './leases.ts';
import { LentVersion, type VersionReader } from './lent-version.ts';
import type { Version } from './version.ts';
import { WatchHub } from './watch-hub.ts';

/** Values loaded before others get a turn: with 4 µs a value far below 10 ms. */
const RANGE_SLICE_ITEMS = 500;
/** Entries looked at in one step; 0.1 µs each. */
const SCAN_SLICE_ITEMS = 20_000;

/** Of values that were loaded for single reads: what is asked for with every request is not loaded and checked each time. */
const LOADED_BYTES_MAX = 4 << 20;
const LOADED_VALUE_BYTES_MAX = 64 << 10;

const EMPTY = Buffer.alloc(0);

export interface EngineCoreOptions {
  readonly clock: Clock;
  /** The value of a version whose `value` is not held in memory. @throws CorruptError */
  readonly load: (version: Version) => Buffer;
  /** The same, of use until the next call. Default: `load`. */
  readonly peek?: (version: Version) => Buffer;
  readonly expire: (leases: readonly Lease[]) => void;
  /** Whether the event of a version may stay in memory with it; by default always. */
  readonly keepsEvent?: (version: Version) => boolean;
}

/** The outcome of `decide`: staged, or a refusal that may be told once `current` (when given) is published. */
export type Decision =
  | { readonly staged: Version }
  | { readonly staged: undefined; readonly current: Version | undefined; readonly fenced: boolean };

export class EngineCore {
  readonly keyspace = new Keyspace();
  readonly leases: Leases;
  readonly hub: WatchHub;
  readonly #load: (version: Version) => Buffer;
  readonly #loaded = new LRUCache<Version, Buffer>({ maxSize: LOADED_BYTES_MAX, maxEntrySize: LOADED_VALUE_BYTES_MAX, sizeCalculation: ({ length }) => length + 1 });
  readonly #reader: VersionReader;
  readonly #keepsEvent: (version: Version) => boolean;
  #closed: UnavailableError | undefined;

  constructor({ clock, load, peek = load, expire, keepsEvent }: EngineCoreOptions) {
    this.#load = load;
    this.#reader = { valueOf: (version) => this.valueOf(version), peek };
    this.#keepsEvent = keepsEvent ?? (() => true);
    this.leases = new Leases(clock, expire);
    this.hub = new WatchHub(this.keyspace, clock, (version) => this.eventOf(version));
  }

  get closed(): UnavailableError | undefined { return this.#closed; }

  /** @throws UnavailableError when closed. */
  assertOpen(): void { if (this.#closed !== undefined) throw this.#closed; }

  close(reason: UnavailableError): void {
    this.#closed = reason;
    this.leases.close();
    this.hub.close(reason);
  }

  /** @throws TooLargeError, LeaseNotFoundError */
  decide(request: WriteRequest): Decision {
    const { key, value, expectedRevision, leaseId = 0, guard } = request;
    if (key.length > KEY_LENGTH_MAX) throw new TooLargeError(`key is longer than ${KEY_LENGTH_MAX} characters`);
    if (value !== undefined && value.length > VALUE_BYTES_MAX) throw new TooLargeError(`value is larger than ${VALUE_BYTES_MAX} bytes`);
    const current = this.keyspace.newestOf(key);
    if (guard !== undefined && (this.keyspace.newestOf(guard.key)?.modRevision ?? 0) !== guard.modRevision) {
      return { staged: undefined, current, fenced: true };
    }
    const found = current?.modRevision ?? 0;
    if (expectedRevision !== undefined && found !== expectedRevision) return { staged: undefined, current, fenced: false };
    if (value === undefined && current === undefined) return { staged: undefined, current, fenced: false };
    if (leaseId !== 0 && this.leases.get(leaseId) === undefined) throw new LeaseNotFoundError(`lease ${leaseId} not found`);
    return { staged: this.keyspace.stage(key, value, leaseId) };
  }

  /** Makes staged versions up to `revision` visible to readers and watchers. */
  publish(revision: number): void {
    const from = this.keyspace.published + 1;
    this.keyspace.publish(revision);
    for (let r = from; r <= revision; r++) {
      const version = this.keyspace.version(r)!;
      const before = version.previous?.leaseId ?? 0;
      if (before !== 0) this.leases.detach(before, version.key);
      if (version.leaseId !== 0) this.leases.attach(version.leaseId, version.key);
    }
    this.hub.published(from);
  }

  valueOf(version: Version): Buffer {
    if (version.deleted) return EMPTY;
    return version.value ?? this.#load(version);
  }

  keyValue(version: Version): KeyValue {
    return describe(version, this.valueOf(version));
  }

  /** The version before, when the key existed then. A damaged one counts as none: it must be possible to replace or delete it. */
  previousOf(version: Version): KeyValue | undefined {
    const previous = versionBefore(version);
    if (previous === undefined) return undefined;
    try {
      return this.keyValue(previous);
    } catch (error) {
      if (error instanceof CorruptError) return undefined;
      throw error;
    }
  }

  eventOf(version: Version): WatchEvent {
    if (version.event !== undefined) return version.event;
    const event: WatchEvent = {
      type: version.deleted ? 'delete' : 'put', key: version.key, value: this.valueOf(version), previous: this.previousOf(version),
      revision: version.modRevision, created: version.createRevision === version.modRevision,
    };
    if (this.#keepsEvent(version)) version.event = event;
    return event;
  }

  get(key: string, asked: number | undefined): KeyValue | undefined {
    this.assertOpen();
    const version = this.keyspace.at(key, this.keyspace.readRevision(asked));
    return version === undefined ? undefined : describe(version, this.#sharedValueOf(version));
  }

  /** The same buffer for all who read it. */
  #sharedValueOf(version: Version): Buffer {
    if (version.deleted || version.value !== undefined) return this.valueOf(version);
    let value = this.#loaded.get(version);
    if (value === undefined) {
      value = this.#load(version);
      this.#loaded.set(version, value);
    }
    return value;
  }

  /** Reads in slices, at one revision that stays readable meanwhile. */
  async range(options: RangeOptions, signal?: AbortSignal): Promise<RangeResult> {
    signal?.throwIfAborted();
    this.assertOpen();
    const revision = this.keyspace.readRevision(options.revision);
    const { start, end, keysOnly, lend } = options;
    const limit = options.limit === undefined || options.limit <= 0 ? Infinity : options.limit;
    const count = this.keyspace.count(start, end, revision);
    const unpin = this.keyspace.pin(revision);
    const items: KeyValue[] = [];
    let loaded = 0;
    try {
      let from = start;
      while (items.length < limit) {
        const want = Math.min(limit - items.length, SCAN_SLICE_ITEMS);
        const versions = this.keyspace.scan(from, end, revision, want);
        for (const version of versions) {
          const lent = lend === true && version.value === undefined;
          items.push(keysOnly === true ? describe(version, EMPTY) : lent ? this.#lend(version) : this.keyValue(version));
          if (keysOnly !== true && !lent && version.value === undefined && ++loaded % RANGE_SLICE_ITEMS === 0) await this.#giveTurn(signal);
        }
        if (versions.length < want) break;
        from = `${versions[versions.length - 1]!.key}\0`;
        if (items.length < limit) await this.#giveTurn(signal);
      }
    } finally {
      unpin();
    }
    return { items, revision, more: items.length < count, count };
  }

  #lend(version: Version): KeyValue {
    const { key, modRevision, createRevision, leaseId } = version;
    const lent = version.lent ??= new LentVersion(version, this.#reader);
    return { key, modRevision, createRevision, lent, get value() { return lent.value; }, ...(leaseId === 0 ? {} : { leaseId }) };
  }

  async #giveTurn(signal: AbortSignal | undefined): Promise<void> {
    await nextTurn();
    signal?.throwIfAborted();
    this.assertOpen();
  }
}

/** What stood there before the version's transaction; undefined when nothing did, or it is forgotten. */
export function versionBefore({ previous, modRevision }: Version): Version | undefined {
  let before = previous;
  while (before !== undefined && before.modRevision === modRevision) before = before.previous;
  return before === undefined || before.deleted ? undefined : before;
}

function describe({ key, modRevision, createRevision, leaseId }: Version, value: Buffer): KeyValue {
  const found = { key, value, modRevision, createRevision };
  return leaseId === 0 ? found : { ...found, leaseId };
}
