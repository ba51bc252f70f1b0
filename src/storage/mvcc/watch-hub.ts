/**
 * Watches as cursors: a watcher holds a revision, not a queue, so that a slow one costs nothing but the history it may
 * still read, and one that falls behind compaction is told so.
 *
 * Invariant: a watcher never passes `keyspace.published`, it passes each revision once, and a transaction is never split.
 */
import type { Clock } from '#base/clock';
import { nextTurn } from '#base/turn';
import { CompactedError, type UnavailableError, type WatchBatch, type WatchEvent } from '../contract.ts';
import type { Keyspace } from './keyspace.ts';
import type { Version } from './version.ts';

export interface WatchOptions {
  readonly start: string;
  readonly end: string;
  readonly afterRevision: number;
  readonly progress?: boolean;
  readonly signal: AbortSignal;
  /** Given a function that makes this watch report, once, how far it is when it has delivered all up to then. */
  readonly opened?: (askProgress: () => void) => void;
}

/** Events of some shape, of one or more whole revisions; empty: a progress mark. */
export interface ShapedBatch<T> { readonly events: readonly T[]; readonly revision: number }

/** Events handed out at once: bounds the synchronous step of a watcher that catches up. */
const BATCH_EVENTS_MAX = 256;
const BATCH_BYTES_MAX = 1 << 20;
/** Revisions looked at without an event before others get a turn. */
const SCAN_REVISIONS_MAX = 20_000;
/** How often an idle watch with `progress` reports how far it is. */
const PROGRESS_INTERVAL_MS = 5_000;

interface Watcher {
  readonly options: WatchOptions;
  /** All up to this revision has been delivered or does not concern this watcher. */
  cursor: number;
  /** Set while it waits. */
  wake: (() => void) | undefined;
  progressAsked: boolean;
}

export class WatchHub {
  readonly #keyspace: Keyspace;
  readonly #clock: Clock;
  readonly #eventOf: (version: Version) => WatchEvent;
  readonly #watchers = new Set<Watcher>();
  #closed: UnavailableError | undefined;

  /** @param eventOf makes (or finds) the event of a version. */
  constructor(keyspace: Keyspace, clock: Clock, eventOf: (version: Version) => WatchEvent) {
    this.#keyspace = keyspace;
    this.#clock = clock;
    this.#eventOf = eventOf;
  }

  get size(): number { return this.#watchers.size; }

  /** To be called after each publish, with the first revision that became visible. */
  published(from: number): void {
    for (const watcher of this.#watchers) {
      if (watcher.wake === undefined) continue;
      if (this.#concerns(watcher, from)) watcher.wake();
      else watcher.cursor = Math.max(watcher.cursor, this.#keyspace.published);
    }
  }

  /** Makes every watch with `progress` report the current revision once it has delivered all up to it. */
  requestProgress(): void {
    for (const watcher of this.#watchers) {
      if (watcher.options.progress !== true) continue;
      watcher.progressAsked = true;
      watcher.wake?.();
    }
  }

  /** Wakes everybody, so that those behind the compacted revision learn it. */
  compacted(): void { for (const watcher of this.#watchers) watcher.wake?.(); }

  close(reason: UnavailableError): void {
    this.#closed = reason;
    for (const watcher of this.#watchers) watcher.wake?.();
  }

  watch(options: WatchOptions): AsyncGenerator<WatchBatch, void, undefined> { return this.watchAs(options, this.#eventOf); }

  /** @param shape what the watcher gets of a version, made when it is delivered; undefined: nothing. */
  async *watchAs<T>(options: WatchOptions, shape: (version: Version) => T | undefined): AsyncGenerator<ShapedBatch<T>, void, undefined> {
    const { signal } = options;
    if (this.#closed !== undefined) throw this.#closed;
    if (options.afterRevision < this.#keyspace.compacted) throw new CompactedError(this.#keyspace.compacted);
    const watcher: Watcher = { options, cursor: this.#keyspace.boundary(options.afterRevision), wake: undefined, progressAsked: false };
    this.#watchers.add(watcher);
    options.opened?.(() => {
      watcher.progressAsked = true;
      watcher.wake?.();
    });
    const onAbort = (): void => watcher.wake?.();
    signal.addEventListener('abort', onAbort);
    let reported = options.afterRevision;
    try {
      while (!signal.aborted) {
        if (this.#closed !== undefined) throw this.#closed;
        if (watcher.cursor < this.#keyspace.compacted) throw new CompactedError(this.#keyspace.compacted);
        const batch = this.#collect(options, watcher.cursor, shape);
        watcher.cursor = batch.revision;
        if (batch.events.length > 0) {
          reported = batch.revision;
          yield batch;
        } else if (watcher.cursor < this.#keyspace.published) {
          await nextTurn();
        } else if (watcher.progressAsked) {
          watcher.progressAsked = false;
          reported = watcher.cursor;
          yield { events: [], revision: watcher.cursor };
        } else if (await this.#wait(watcher) && watcher.cursor > reported) {
          watcher.progressAsked = true;
        }
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#watchers.delete(watcher);
    }
  }

  #collect<T>(options: WatchOptions, cursor: number, shape: (version: Version) => T | undefined): ShapedBatch<T> {
    const events: T[] = [];
    const { published } = this.#keyspace;
    const until = cursor + SCAN_REVISIONS_MAX;
    let bytes = 0;
    let revision = cursor;
    while (revision < published) {
      const full = revision >= until || events.length >= BATCH_EVENTS_MAX || bytes >= BATCH_BYTES_MAX;
      if (full && this.#keyspace.boundary(revision) === revision) break;
      revision++;
      const version = this.#keyspace.version(revision);
      if (version === undefined || version.key < options.start || version.key >= options.end) continue;
      const event = shape(version);
      if (event === undefined) continue;
      events.push(event);
      bytes += version.size;
    }
    return { events, revision };
  }

  #concerns(watcher: Watcher, from: number): boolean {
    for (let r = from; r <= this.#keyspace.published; r++) {
      const { key } = this.#keyspace.version(r)!;
      if (key >= watcher.options.start && key < watcher.options.end) return true;
    }
    return false;
  }

  /** Resolves when there may be something to do; true when the progress interval has passed. Never misses a revision:
   *  nothing is awaited between the look at the log and the moment `wake` is set. */
  #wait(watcher: Watcher): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = watcher.options.progress === true
        ? this.#clock.setTimer(PROGRESS_INTERVAL_MS, () => done(true), { unref: true }) : undefined;
      const done = (idle: boolean): void => {
        watcher.wake = undefined;
        timer?.cancel();
        resolve(idle);
      };
      watcher.wake = () => done(false);
    });
  }
}
