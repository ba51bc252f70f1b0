/**
 * The one watch on the store that feeds every watch cache, so that all of them stand at the same revision.
 *
 * Invariant: when `revision` is R, every cache has applied every event up to R. A reader that must see what is committed
 * asks the engine for the current revision and waits here until the feed has come that far. What this cluster's servers write for
 * themselves moves the revision too and is watched with the rest; for what others write, the engine is asked for progress while
 * somebody waits.
 */
import type { Clock, Timer } from '#base/clock';
import type { Logger } from '#base/log';
import { CompactedError, prefixEnd, type KeyValue, type StorageEngine, type WatchEvent } from '#storage/contract';
import { readRange } from './readable-range.ts';

export interface FeedSink {
  /** `/registry/pods/`. */
  readonly prefix: string;
  /** It can do with values that are read when they are needed. */
  readonly lend?: boolean;
  /** In the order of keys. @param damaged to be told of what turns out to be unreadable. */
  replace(items: readonly KeyValue[], revision: number, damaged: (key: string, error: unknown) => void): void;
  apply(event: WatchEvent): void;
}

export const REGISTRY = '/registry/';
/** All that a cluster writes: `/kubernode/` is what its servers keep for themselves. etcd before 3.4.25 cannot be asked for progress. */
export const WATCHED = { start: '/kubernode/', end: prefixEnd(REGISTRY) } as const;
const RETRY_MS_MIN = 50;
const RETRY_MS_MAX = 2_000;
/** How long a read waits for a revision before it is refused as a future one. */
export const FRESHNESS_WAIT_MS = 3_000;
const LOAD_PAGE_KEYS = 10_000;
/** A load that history overtakes, again and again, is given up: the store compacts faster than it can be read. */
const LOAD_ATTEMPTS_MAX = 10;
/** How often progress is asked for while a reader waits. */
const PROGRESS_INTERVAL_MS = 100;

interface Waiter { readonly revision: number; readonly resolve: (reached: boolean) => void }

export class StorageFeed {
  readonly #engine: StorageEngine;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #sinks = new Map<string, FeedSink>();
  /** Events of sinks that are being loaded. */
  readonly #loading = new Map<string, WatchEvent[]>();
  /** Loads of one sink follow each other: an older one must not end after a newer. */
  readonly #loads = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  #waiters: Waiter[] = [];
  #asking: Timer | undefined;
  #revision = 0;
  #shown = 0;
  #running: Promise<void> | undefined;
  #connected = false;

  constructor(options: { engine: StorageEngine; clock: Clock; log: Logger }) {
    this.#engine = options.engine;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  get revision(): number { return this.#revision; }
  /** The watch on the store is up. */
  get connected(): boolean { return this.#connected; }
  /** The newest revision that a caller of this server was shown, also by what it wrote: nobody may see less from here on. */
  get shown(): number { return this.#shown; }
  noteShown(revision: number): void { if (revision > this.#shown) this.#shown = revision; }

  async start(): Promise<void> {
    this.#revision = await this.#engine.currentRevision();
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#asking?.cancel();
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(false);
    await this.#running;
  }

  /** Loads the sink and keeps it fed from then on. The feed must have been started. */
  async attach(sink: FeedSink): Promise<void> {
    this.#sinks.set(sink.prefix, sink);
    try {
      await this.#load(sink);
    } catch (error) {
      this.detach(sink);
      throw error;
    }
  }

  detach(sink: FeedSink): void {
    this.#sinks.delete(sink.prefix);
    this.#loading.delete(sink.prefix);
  }

  /** False when the revision was not reached in time. */
  waitFor(revision: number, signal?: AbortSignal): Promise<boolean> | boolean {
    if (this.#revision >= revision) return true;
    if (signal?.aborted === true) return false;
    return new Promise((resolve) => {
      const timer = this.#clock.setTimer(FRESHNESS_WAIT_MS, () => finish(false));
      const onAbort = (): void => finish(false);
      const waiter: Waiter = { revision, resolve: (reached) => finish(reached) };
      const finish = (reached: boolean): void => {
        timer.cancel();
        signal?.removeEventListener('abort', onAbort);
        const at = this.#waiters.indexOf(waiter);
        if (at >= 0) this.#waiters.splice(at, 1);
        resolve(reached);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiters.push(waiter);
      this.#asking ??= this.#clock.setTimer(PROGRESS_INTERVAL_MS, () => this.#askForProgress(), { unref: true });
    });
  }

  #askForProgress(): void {
    this.#asking = undefined;
    if (this.#waiters.length === 0 || this.#stop.signal.aborted) return;
    this.#engine.requestProgress();
    this.#asking = this.#clock.setTimer(PROGRESS_INTERVAL_MS, () => this.#askForProgress(), { unref: true });
  }

  /** Waits until all caches hold what was committed before this call. */
  async waitUntilFresh(signal?: AbortSignal): Promise<boolean> {
    return this.waitFor(await this.#engine.currentRevision(signal), signal);
  }

  #load(sink: FeedSink): Promise<void> {
    const before = this.#loads.get(sink.prefix) ?? Promise.resolve();
    const load = before.catch(() => undefined).then(() => this.#loadNow(sink));
    this.#loads.set(sink.prefix, load);
    return load;
  }

  async #loadNow(sink: FeedSink): Promise<void> {
    const pending: WatchEvent[] = [];
    this.#loading.set(sink.prefix, pending);
    try {
      const { items, revision } = await this.#readAll(sink);
      if (!this.#sinks.has(sink.prefix)) return;
      sink.replace(items, revision, this.#damaged);
      for (const event of pending) sink.apply(event);
    } finally {
      if (this.#loading.get(sink.prefix) === pending) this.#loading.delete(sink.prefix);
    }
  }

  /** All that can be read below the prefix, as of one revision. */
  async #readAll(sink: FeedSink): Promise<{ items: KeyValue[]; revision: number }> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#readPages(sink);
      } catch (error) {
        if (!(error instanceof CompactedError) || attempt === LOAD_ATTEMPTS_MAX) throw error;
      }
    }
  }

  readonly #damaged = (key: string, error: unknown): void => {
    this.#log.error('A stored object cannot be read: it is left out of lists and watches', { key, error });
  };

  async #readPages({ prefix, lend = false }: FeedSink): Promise<{ items: KeyValue[]; revision: number }> {
    const end = prefixEnd(prefix);
    const items: KeyValue[] = [];
    let start = prefix;
    let revision = 0;
    for (;;) {
      const page = await readRange(this.#engine, { start, end, limit: LOAD_PAGE_KEYS, revision, lend }, this.#damaged, this.#stop.signal);
      if (revision === 0) revision = page.revision;
      for (const item of page.items) items.push(item);
      if (!page.more) return { items, revision };
      start = `${page.lastKey}\0`;
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let retryMs = RETRY_MS_MIN;
    while (!signal.aborted) {
      try {
        const batches = this.#engine.watch({ ...WATCHED, afterRevision: this.#revision, progress: true, signal });
        this.#connected = true;
        for await (const { events, revision } of batches) {
          for (const event of events) this.#dispatch(event);
          this.#advance(revision);
          retryMs = RETRY_MS_MIN;
        }
      } catch (error) {
        if (signal.aborted) break;
        this.#log.warn('Watch on the store ended; starting it again', { error });
        if (error instanceof CompactedError) await this.#reload().catch((failure: unknown) => { this.#log.warn('Reload from the store failed', { error: failure }); });
      }
      this.#connected = false;
      if (signal.aborted) break;
      await this.#clock.sleep(retryMs, signal).catch(() => {});
      retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
    }
  }

  /** Events were missed: everything is read anew. */
  async #reload(): Promise<void> {
    const revision = await this.#engine.currentRevision();
    for (const sink of this.#sinks.values()) await this.#load(sink);
    this.#advance(revision);
  }

  #dispatch(event: WatchEvent): void {
    const sink = this.#sinkOf(event.key);
    if (sink === undefined) return;
    const pending = this.#loading.get(sink.prefix);
    if (pending !== undefined) pending.push(event); else sink.apply(event);
  }

  /** Prefixes are one or two segments: `/registry/pods/`, `/registry/example.com/things/`. */
  #sinkOf(key: string): FeedSink | undefined {
    const one = key.indexOf('/', REGISTRY.length);
    if (one < 0) return undefined;
    const found = this.#sinks.get(key.slice(0, one + 1));
    if (found !== undefined) return found;
    const two = key.indexOf('/', one + 1);
    return two < 0 ? undefined : this.#sinks.get(key.slice(0, two + 1));
  }

  #advance(revision: number): void {
    if (revision <= this.#revision) return;
    this.#revision = revision;
    if (this.#waiters.length === 0) return;
    for (const waiter of this.#waiters.filter((entry) => entry.revision <= revision)) waiter.resolve(true);
  }
}
