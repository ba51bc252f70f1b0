/**
 * One watch: the initial objects if asked for, then events as they come, as framed bytes.
 *
 *     [objects as ADDED] [BOOKMARK initial-events-end] event event … BOOKMARK … (end by timeout, or ERROR)
 *
 * A watch is a position in its resource's event log. While it has nothing to do it is parked and costs one look per event;
 * while its reader is slow it holds no events but those it has handed over. A reader that takes nothing for too long, or that
 * the log has moved past, is given up: the client watches again from the last version it saw.
 */
import type { Clock, Timer } from '#base/clock';
import { nextTurn, TurnQueue } from '#base/turn';
import { newResourceExpired, toStatusError, type StatusError } from '#machinery/status-error';
import { CompactedError, type WatchEvent } from '#storage/contract';
import { selectAll, selects, type DescribedObject, type Selection } from './described.ts';
import type { CacheEvent } from './event-log.ts';
import { tooLargeRevision, type ResourceStore } from './resource-store.ts';
import { WATCHED } from './storage-feed.ts';

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

export interface EventEncoder {
  /** Events encoded alike have the same key and share bytes; undefined: not shared. */
  readonly key: string | undefined;
  /** @param revision of the event: for deletions it is newer than the object's own. */
  event(type: EventType, object: DescribedObject, revision: number): Buffer;
  /** Where it can be done, an event written in place: of what goes out by the thousand, no bytes are made but those that are sent. */
  readonly inPlace?: InPlace | undefined;
  bookmark(revision: number, initialEventsEnd: boolean): Buffer;
  error(error: StatusError): Buffer;
}

export interface InPlace {
  length(type: EventType, object: DescribedObject, revision: number): number;
  /** @returns where it ends. */
  write(target: Buffer, at: number, type: EventType, object: DescribedObject, revision: number): number;
}

export interface WatchRequest {
  readonly selection: Selection;
  /** `recent`: from now on; `initial`: all objects first, at least as new as that (undefined: the newest); a number: events after it. */
  readonly from: { readonly kind: 'recent' } | { readonly kind: 'initial'; readonly atLeast: number | undefined } | { readonly kind: 'after'; readonly revision: number };
  readonly bookmarks: boolean;
  /** Ends the initial objects with a bookmark that says so. */
  readonly markInitialEnd: boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Called once when the reader is too slow: nothing more will come, its connection is to be cut. */
  readonly giveUp?: () => void;
  /** Told of each event with the size of its frame. */
  readonly sent?: (bytes: number) => void;
}

/** Initial objects that are handed over at once. */
const CHUNK_BYTES = 128 * 1024;
/** Of initial objects, bytes after which others get a turn: 2 or 3 ms with their encryption. */
const TURN_BYTES = 1024 * 1024;
/** For the last few. */
const FEW_OBJECTS = 16;
const SMALL_CHUNK_BYTES = 8 * 1024;
/** Changes that are handed over at once: what a reader that has stopped holds, several times over on its way through TLS. */
const FOLLOWING_CHUNK_BYTES = 16 * 1024;
/** Events whose objects are converted together. */
const SEEN_EVENTS_MAX = 100;
const BOOKMARK_INTERVAL_MS = 60_000;
/** A reader that does not take what it was handed for so long is given up. */
export const WATCH_STALL_MS_MAX = 30_000;
/** Of all watches of this process: one event for thousands of them is 50 µs of work for each. */
const WAKES = new TurnQueue(64);

export async function* watchStream(store: ResourceStore, request: WatchRequest, encoder: EventEncoder, clock: Clock): AsyncGenerator<Buffer, void, undefined> {
  const watch = new Watch(store, request, encoder, clock);
  try {
    const { from } = request;
    if (from.kind === 'after') yield* watch.catchUp(from.revision);
    else if (from.kind === 'initial') yield* watch.initial(from.atLeast);
    else await store.feed.waitUntilFresh(request.signal);
    yield* watch.follow();
  } catch (error) {
    if (request.signal.aborted) return;
    yield encoder.error(toStatusError(error));
  } finally {
    watch.close();
  }
}

class Watch {
  readonly #store: ResourceStore;
  readonly #request: WatchRequest;
  readonly #encoder: EventEncoder;
  readonly #clock: Clock;
  readonly #stopListening: () => void;
  readonly #deadlineMs: number;
  /** The next event to look at; undefined until the watch has found its place. */
  #position: number | undefined;
  #parked = false;
  #ended = false;
  /** Ends the park. */
  #resume: (() => void) | undefined;
  #untilMs = 0;
  #parkTimer: Timer | undefined;
  #nextBookmarkMs: number;
  /** Events up to this revision have been told, or are not wanted. */
  #after: number;
  /** When the reader was handed what it has not taken yet. */
  #handedMs: number | undefined;
  #stallTimer: Timer | undefined;
  #givenUp = false;

  constructor(store: ResourceStore, request: WatchRequest, encoder: EventEncoder, clock: Clock) {
    this.#store = store;
    this.#request = request;
    this.#encoder = encoder;
    this.#clock = clock;
    this.#deadlineMs = clock.monotonicNow() + request.timeoutMs;
    this.#nextBookmarkMs = clock.monotonicNow() + BOOKMARK_INTERVAL_MS;
    this.#after = request.from.kind === 'after' ? request.from.revision : 0;
    this.#stopListening = store.cache.listen((event) => this.#onEvent(event), () => { this.#ended = true; this.#wake(); });
    request.signal.addEventListener('abort', this.#wake, { once: true });
  }

  close(): void {
    this.#stopListening();
    this.#request.signal.removeEventListener('abort', this.#wake);
    this.#stallTimer?.cancel();
    this.#parkTimer?.cancel();
  }

  /** The reader is given something; `#handedMs` is cleared when it comes for more. */
  #handing(): void {
    this.#handedMs = this.#clock.monotonicNow();
    this.#stallTimer ??= this.#clock.setTimer(WATCH_STALL_MS_MAX, () => this.#lookForStall(), { unref: true });
  }

  #lookForStall(): void {
    this.#stallTimer = undefined;
    if (this.#handedMs === undefined) return;
    const leftMs = this.#handedMs + WATCH_STALL_MS_MAX - this.#clock.monotonicNow();
    if (leftMs <= 0) this.#giveUp();
    else this.#stallTimer = this.#clock.setTimer(leftMs, () => this.#lookForStall(), { unref: true });
  }

  #giveUp(): void {
    if (this.#givenUp) return;
    this.#givenUp = true;
    this.#ended = true;
    this.#request.giveUp?.();
  }

  /** All that matches now; the position is taken in the same step. */
  async *initial(atLeast: number | undefined): AsyncGenerator<Buffer> {
    const { feed, cache } = this.#store;
    const { selection, signal } = this.#request;
    await cache.untilSettled();
    const fresh = atLeast === undefined ? await feed.waitUntilFresh(signal) : await feed.waitFor(Math.max(atLeast, feed.shown), signal);
    if (!fresh) throw tooLargeRevision(atLeast ?? feed.revision, feed.revision);
    const { view } = this.#store;
    const candidates = cache.select(view === undefined ? selection : { ...selectAll(selection.namespace), name: selection.name });
    const revision = cache.currentRevision(feed.revision);
    feed.noteShown(revision);
    this.#position = cache.log.nextSequence;
    const objects = view === undefined ? candidates : (await view.show(candidates, signal)).filter((object) => selects(selection, object));
    const end = this.#request.markInitialEnd ? this.#encoder.bookmark(revision, true) : undefined;
    let sent = 0;
    for (const chunk of this.#chunks(objects, end)) {
      this.#handing();
      yield chunk;
      this.#handedMs = undefined;
      if (signal.aborted) return;
      sent += chunk.length;
      if (sent < TURN_BYTES) continue;
      await nextTurn();
      sent = 0;
    }
  }

  /** The objects as they were added, and an end. */
  *#chunks(objects: readonly DescribedObject[], end: Buffer | undefined): Generator<Buffer> {
    const { inPlace } = this.#encoder;
    let chunk = Buffer.alloc(0);
    let at = 0;
    for (let i = 0; i <= objects.length; i++) {
      const object = objects[i];
      if (object === undefined && end === undefined) break;
      const frame = object === undefined ? end : inPlace === undefined ? this.#encoder.event('ADDED', object, object.revision) : undefined;
      const need = frame?.length ?? inPlace!.length('ADDED', object!, object!.revision);
      if (at + need > chunk.length) {
        if (at > 0) yield chunk.subarray(0, at);
        chunk = Buffer.allocUnsafe(Math.max(need, objects.length - i > FEW_OBJECTS ? CHUNK_BYTES : SMALL_CHUNK_BYTES));
        at = 0;
      }
      at = frame === undefined ? inPlace!.write(chunk, at, 'ADDED', object!, object!.revision) : at + frame.copy(chunk, at);
    }
    if (at > 0) yield chunk.subarray(0, at);
  }

  /** Events after `revision` that the log has dropped (or never had, after a restart) come from the engine's history. */
  async *catchUp(revision: number): AsyncGenerator<Buffer> {
    const { cache, engine } = this.#store;
    if (revision < cache.log.startRevision) {
      const stop = new AbortController();
      const deadline = this.#clock.setTimer(this.#request.timeoutMs, () => stop.abort(), { unref: true });
      const signal = AbortSignal.any([stop.signal, this.#request.signal]);
      try {
        // Everything is watched, so that the log's own start comes by.
        for await (const batch of engine.watch({ ...WATCHED, afterRevision: revision, progress: true, signal })) {
          const chunk = await this.#chunkOf(batch.events);
          this.#after = Math.max(this.#after, batch.revision);
          this.#store.feed.noteShown(this.#after);
          if (chunk.length > 0) {
            this.#handing();
            yield chunk;
            this.#handedMs = undefined;
          }
          if (this.#after >= cache.log.startRevision) break;
          engine.requestProgress();
        }
      } catch (error) {
        if (error instanceof CompactedError) throw newResourceExpired(`too old resource version: ${revision} (${error.compactedRevision})`);
        throw error;
      } finally {
        deadline.cancel();
        stop.abort();
      }
    }
    // The engine may be ahead of the log: what comes there later and was told here is left out by `#after`.
    this.#position = cache.log.positionAfter(this.#after);
  }

  /** The engine's own events as frames. */
  async #chunkOf(events: readonly WatchEvent[]): Promise<Buffer> {
    const { cache, prefix } = this.#store;
    const own = events.filter(({ key }) => key.startsWith(prefix));
    const objects = own.flatMap((event) => [
      event.type === 'put' ? cache.describeStored({ key: event.key, value: event.value, modRevision: event.revision, createRevision: 0 }) : undefined,
      event.previous === undefined ? undefined : cache.describeStored(event.previous),
    ]);
    const shown = await this.#seen(objects);
    return Buffer.concat(own.flatMap(({ revision }, index) => this.#frame(shown[2 * index], shown[2 * index + 1], revision, undefined) ?? []));
  }

  async *follow(): AsyncGenerator<Buffer> {
    const { signal } = this.#request;
    this.#position ??= this.#store.cache.log.nextSequence;
    while (!signal.aborted && !this.#ended) {
      const chunk = this.#store.view === undefined ? this.#drain() : await this.#drainSeen();
      if (chunk === undefined) return;
      if (chunk.length > 0) {
        this.#handing();
        yield chunk;
        this.#handedMs = undefined;
        continue;
      }
      // Conversion takes time, in which more may have come.
      if (this.#position < this.#store.cache.log.nextSequence) continue;
      const nowMs = this.#clock.monotonicNow();
      if (nowMs >= this.#deadlineMs) return;
      if (this.#request.bookmarks && nowMs >= this.#nextBookmarkMs) {
        this.#nextBookmarkMs = nowMs + BOOKMARK_INTERVAL_MS;
        yield this.#encoder.bookmark(Math.max(this.#after, this.#store.cache.currentRevision(this.#store.feed.revision)), false);
        continue;
      }
      const untilMs = Math.min(this.#deadlineMs, this.#request.bookmarks ? this.#nextBookmarkMs : Infinity);
      await this.#park(untilMs);
    }
  }

  /** Frames from the position on; empty: none; undefined: the log has moved past the position. */
  #drain(): Buffer | undefined {
    const { log } = this.#store.cache;
    const pieces: Buffer[] = [];
    let bytes = 0;
    while (this.#position! < log.nextSequence && bytes < FOLLOWING_CHUNK_BYTES) {
      const event = log.at(this.#position!);
      if (event === undefined) return undefined;
      this.#position!++;
      const frame = this.#frame(event.object, event.previous, event.revision, event);
      if (frame === undefined) continue;
      pieces.push(frame);
      bytes += frame.length;
    }
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, bytes);
  }

  /** The same where the objects must be seen in another version first. */
  async #drainSeen(): Promise<Buffer | undefined> {
    const { log } = this.#store.cache;
    const events: CacheEvent[] = [];
    while (this.#position! < log.nextSequence && events.length < SEEN_EVENTS_MAX) {
      const event = log.at(this.#position!);
      if (event === undefined) return undefined;
      this.#position!++;
      if (this.#concerns(event)) events.push(event);
    }
    const shown = await this.#seen(events.flatMap(({ object, previous }) => [object, previous]));
    const pieces = events.flatMap((event, index) => this.#frame(shown[2 * index], shown[2 * index + 1], event.revision, event) ?? []);
    return Buffer.concat(pieces);
  }

  async #seen(objects: readonly (DescribedObject | undefined)[]): Promise<readonly (DescribedObject | undefined)[]> {
    const { view } = this.#store;
    if (view === undefined) return objects;
    const shown = [...await view.show(objects.filter((object) => object !== undefined), this.#request.signal)];
    return objects.map((object) => (object === undefined ? undefined : shown.shift()));
  }

  /** What is selected by labels or fields shows in the version that is seen. */
  #concerns({ object, previous }: CacheEvent): boolean {
    const { selection } = this.#request;
    const wanted = this.#store.view === undefined ? selection : { ...selectAll(selection.namespace), name: selection.name };
    return (object !== undefined && selects(wanted, object)) || (previous !== undefined && selects(wanted, previous));
  }

  #frame(object: DescribedObject | undefined, previous: DescribedObject | undefined, revision: number, event: CacheEvent | undefined): Buffer | undefined {
    const frame = this.#framed(object, previous, revision, event);
    if (frame !== undefined) this.#request.sent?.(frame.length);
    return frame;
  }

  #framed(object: DescribedObject | undefined, previous: DescribedObject | undefined, revision: number, event: CacheEvent | undefined): Buffer | undefined {
    const { selection } = this.#request;
    if (revision <= this.#after) return undefined;
    const now = object !== undefined && selects(selection, object);
    const before = previous !== undefined && selects(selection, previous);
    if (!now && !before) return undefined;
    const type: EventType = !now ? 'DELETED' : before ? 'MODIFIED' : 'ADDED';
    const { key } = this.#encoder;
    if (event === undefined || key === undefined) return this.#encoder.event(type, now ? object : previous!, revision);
    const name = `${type} ${key}`;
    const shared = event.frames?.get(name);
    if (shared !== undefined) return shared;
    const frame = this.#encoder.event(type, now ? object : previous!, revision);
    (event.frames ??= new Map()).set(name, frame);
    return frame;
  }

  #onEvent(event: CacheEvent): void {
    if (!this.#parked) {
      if (this.#handedMs !== undefined && this.#position! < this.#store.cache.log.firstSequence) this.#giveUp();
      return;
    }
    if (!this.#concerns(event)) return;
    this.#parked = false;
    this.#position = event.sequence;
    WAKES.add(this.#wake);
  }

  /** Until an event that concerns this watch, the end of the request, or that time. */
  #park(untilMs: number): Promise<void> {
    this.#untilMs = untilMs;
    this.#parkTimer ??= this.#timer();
    return new Promise((resolve) => {
      this.#resume = resolve;
      this.#parked = true;
    });
  }

  /** Outlives many parks, whose ends only move on: a timer for each would cost as much as the event. */
  #timer(): Timer {
    return this.#clock.setTimer(Math.max(0, this.#untilMs - this.#clock.monotonicNow()), () => {
      this.#parkTimer = undefined;
      if (!this.#parked) return;
      if (this.#clock.monotonicNow() >= this.#untilMs) this.#wake();
      else this.#parkTimer = this.#timer();
    }, { unref: true });
  }

  readonly #wake = (): void => {
    const resume = this.#resume;
    this.#resume = undefined;
    if (this.#parked) {
      this.#parked = false;
      this.#position = this.#store.cache.log.nextSequence;
    }
    resume?.();
  };
}
