/**
 * The recent events of one resource, each with its bytes framed once for all watchers.
 *
 * Watchers hold a position in this log, no queue of their own. Invariant: every event with a revision above
 * `startRevision` is here. What is older than the time to keep and beyond the minimum is dropped from the front; whoever
 * still stood there is too slow and its watch ends.
 */
import { sizeOf, type DescribedObject } from './described.ts';

export interface CacheEvent {
  /** Position in the log, counted from the first event ever. */
  readonly sequence: number;
  readonly revision: number;
  readonly atMs: number;
  /** Undefined: deleted. */
  readonly object: DescribedObject | undefined;
  readonly previous: DescribedObject | undefined;
  /** Framed bytes by event type and encoding. */
  frames: Map<string, Buffer> | undefined;
}

export interface EventLogLimits {
  readonly eventsMin: number;
  readonly eventsMax: number;
  readonly bytesMax: number;
  /** Events younger than this are kept, within the other limits. */
  readonly freshMs: number;
}

export const EVENT_LOG_LIMITS: EventLogLimits = { eventsMin: 100, eventsMax: 102_400, bytesMax: 64 * 1024 * 1024, freshMs: 75_000 };
/** Events whose frames are kept: watchers that read along find them, for others they are made anew. */
const FRAMED_EVENTS_MAX = 512;
/** Dropped entries are cut from the array when there are this many. */
const COMPACT_AT = 1024;

/** What the event keeps in memory: its object, or what a deletion shows of it. */
function heldBytes({ object, previous }: CacheEvent): number {
  const held = object ?? previous;
  return held === undefined ? 0 : sizeOf(held);
}

export class EventLog {
  readonly #limits: EventLogLimits;
  #events: (CacheEvent | undefined)[] = [];
  /** Index of the first kept event in `#events`. */
  #head = 0;
  #nextSequence = 0;
  #bytes = 0;
  #startRevision: number;

  constructor(startRevision: number, limits: EventLogLimits = EVENT_LOG_LIMITS) {
    this.#startRevision = startRevision;
    this.#limits = limits;
  }

  /** Events after this revision are all here. */
  get startRevision(): number { return this.#startRevision; }
  /** Of objects that are held for events; bounded by the limits. */
  get bytes(): number { return this.#bytes; }
  get nextSequence(): number { return this.#nextSequence; }
  get firstSequence(): number { return this.#nextSequence - (this.#events.length - this.#head); }

  append(revision: number, atMs: number, object: DescribedObject | undefined, previous: DescribedObject | undefined): CacheEvent {
    const event: CacheEvent = { sequence: this.#nextSequence++, revision, atMs, object, previous, frames: undefined };
    this.#events.push(event);
    this.#bytes += heldBytes(event);
    const framed = this.#events[this.#events.length - 1 - FRAMED_EVENTS_MAX];
    if (framed !== undefined) framed.frames = undefined;
    this.#trim(atMs);
    return event;
  }

  /** Undefined: dropped, or not there yet. */
  at(sequence: number): CacheEvent | undefined {
    const index = this.#head + sequence - this.firstSequence;
    return index < this.#head ? undefined : this.#events[index];
  }

  /** Position of the first event after `revision`. Only right for revisions at or after `startRevision`. */
  positionAfter(revision: number): number {
    let low = this.#head;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#events[middle]!.revision <= revision) low = middle + 1; else high = middle;
    }
    return this.firstSequence + low - this.#head;
  }

  #trim(nowMs: number): void {
    const { eventsMin, eventsMax, bytesMax, freshMs } = this.#limits;
    for (;;) {
      const count = this.#events.length - this.#head;
      if (count <= 1) break;
      const oldest = this.#events[this.#head]!;
      const wanted = count <= eventsMin || nowMs - oldest.atMs < freshMs;
      if (wanted && count <= eventsMax && this.#bytes <= bytesMax) break;
      this.#events[this.#head++] = undefined;
      this.#bytes -= heldBytes(oldest);
      this.#startRevision = oldest.revision;
    }
    if (this.#head >= COMPACT_AT && this.#head * 2 >= this.#events.length) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
  }
}
