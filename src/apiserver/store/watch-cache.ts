/**
 * The watch cache of one stored resource: the newest version of each object by key, indexes, and the log of recent events.
 *
 * Fed by `StorageFeed` only, in the order of revisions, each event in one synchronous step. Readers that must not be stale
 * wait at the feed first. Objects stay bytes; see `described.ts` for what is pulled out of them.
 *
 * A large load is settled in the background: each object is read once, to see that it can be and by what it is selected. Until that
 * is done, readers of more than one object wait (`untilSettled`).
 */
import { nextTurn } from '#base/turn';
import { CorruptError, type KeyValue, type WatchEvent } from '#storage/contract';
import { describe, selects, StoredObject, unsettled, type DescribedObject, type Describer, type Selection } from './described.ts';
import { EventLog, type CacheEvent, type EventLogLimits } from './event-log.ts';
import { PastStates, type PastState } from './past-states.ts';
import { SortedMap } from './sorted-map.ts';
import { SelectorIndex } from './selector-index.ts';
import type { FeedSink } from './storage-feed.ts';

/** Called for each event; must not throw. */
export type EventListener = (event: CacheEvent) => void;

export interface CachePage {
  /** Matching objects in the order of their keys. */
  readonly items: readonly DescribedObject[];
  /** Objects of the namespace behind the last of them, matching or not. */
  readonly behind: number;
}

/** Loads up to this size are settled at once. */
const SETTLED_AT_ONCE_MAX = 500;
/** Objects that are settled before others get a turn: with 20 µs each, a few ms. */
const SETTLE_SLICE_OBJECTS = 100;
/** Of a selection by index, the objects that are looked at one by one anyway. */
const INDEX_MIN = 64;

export class WatchCache implements FeedSink {
  readonly prefix: string;
  readonly lend: boolean;
  readonly #describer: Describer;
  readonly #now: () => number;
  readonly #limits: EventLogLimits | undefined;
  readonly #objects = new SortedMap<DescribedObject>();
  /** Of the last load; done when undefined. */
  #settling: Promise<void> | undefined;
  #damaged: (key: string, error: unknown) => void = () => undefined;
  readonly #index = new SelectorIndex();
  readonly #listeners = new Set<EventListener>();
  readonly #resets = new Set<() => void>();
  readonly #past = new PastStates();
  #log: EventLog;
  #loadedRevision = 0;
  /** For the metrics. */
  readonly counts = { received: 0, dispatched: 0, loads: 0 };

  /** @param options.lend the store may keep the bytes, where it can. */
  constructor(options: { prefix: string; describer: Describer; now: () => number; limits?: EventLogLimits; lend?: boolean }) {
    this.prefix = options.prefix;
    this.lend = options.lend ?? false;
    this.#describer = { ...options.describer, lost: (object, error) => this.#lose(object, error) };
    this.#now = options.now;
    this.#limits = options.limits;
    this.#log = new EventLog(0, options.limits);
  }

  get log(): EventLog { return this.#log; }
  /** The revision of what is here: the feed's, or that of the load when it was ahead. */
  currentRevision(feedRevision: number): number { return Math.max(feedRevision, this.#loadedRevision); }
  get size(): number { return this.#objects.size; }

  /** The whole state at one revision; watches in progress end, because events may have been missed. */
  replace(items: readonly KeyValue[], revision: number, damaged: (key: string, error: unknown) => void = () => undefined): void {
    this.#index.clear();
    this.#damaged = damaged;
    const objects = items.map((item) => unsettled(item.key.slice(this.prefix.length), item, this.#describer));
    this.#objects.load(objects.map(({ key }) => key), objects);
    this.#loadedRevision = revision;
    this.counts.loads++;
    this.#log = new EventLog(revision, this.#limits);
    this.#settling = undefined;
    if (objects.length <= SETTLED_AT_ONCE_MAX) for (const object of objects) this.#settle(object);
    else this.#settling = this.#settleInTurns(objects, this.#log);
    for (const reset of [...this.#resets]) reset();
  }

  /** Undefined: all has been read once. Until then what cannot be read may still be among the objects, and searches are slow. */
  untilSettled(): Promise<void> | undefined {
    return this.#settling?.then(() => this.untilSettled());
  }

  async #settleInTurns(objects: readonly StoredObject[], load: EventLog): Promise<void> {
    for (let from = 0; from < objects.length; from += SETTLE_SLICE_OBJECTS) {
      await nextTurn();
      // Loaded anew.
      if (this.#log !== load) return;
      for (const object of objects.slice(from, from + SETTLE_SLICE_OBJECTS)) if (this.#objects.get(object.key) === object) this.#settle(object);
    }
    this.#settling = undefined;
  }

  /** Nobody has been shown it yet: when it cannot be read, it was never here. */
  #settle(object: StoredObject): boolean {
    try {
      object.settle();
      this.#index.add(object);
      return true;
    } catch (error) {
      this.#objects.delete(object.key);
      if (error instanceof CorruptError) this.#damaged(this.prefix + object.key, error);
      return false;
    }
  }

  apply(event: WatchEvent): void {
    if (event.revision <= this.#loadedRevision) return;
    this.counts.received++;
    const key = event.key.slice(this.prefix.length);
    const previous = this.get(key);
    if (event.type === 'delete') {
      if (previous === undefined) return;
      this.#remove(previous);
      this.#publish(this.#log.append(event.revision, this.#now(), undefined, previous));
      return;
    }
    const object = this.#describe(event.key, event.value, event.revision);
    if (object === undefined) {
      // Not to be shown as it was before: to lists and watches it is gone.
      if (previous === undefined) return;
      this.#remove(previous);
      this.#publish(this.#log.append(event.revision, this.#now(), undefined, previous));
      return;
    }
    if (previous !== undefined) this.#index.remove(previous);
    this.#put(object);
    this.#publish(this.#log.append(event.revision, this.#now(), object, previous));
  }

  get(key: string): DescribedObject | undefined {
    const object = this.#objects.get(key);
    if (object === undefined || this.#settling === undefined || !(object instanceof StoredObject)) return object;
    return this.#settle(object) ? object : undefined;
  }

  /** Matching objects in the order of their keys; `after` is exclusive and relative to the prefix. */
  select(selection: Selection, after = ''): DescribedObject[] {
    const found: DescribedObject[] = [];
    if (selection.name !== undefined && (selection.namespace !== '' || !this.#describer.namespaced)) {
      const object = this.get(selection.namespace === '' ? selection.name : `${selection.namespace}/${selection.name}`);
      if (object !== undefined && object.key > after && selects(selection, object)) found.push(object);
      return found;
    }
    const keys = this.#candidates(selection);
    if (keys !== undefined) {
      for (const key of keys) {
        const object = this.#objects.get(key)!;
        if (key > after && selects(selection, object)) found.push(object);
      }
      return found.sort((a, b) => (a.key < b.key ? -1 : 1));
    }
    this.#objects.scan(...rangeOf(selection, after), (object) => {
      if (selection.everything || selects(selection, object)) found.push(object);
    });
    return found;
  }

  /** The state that is shown now, to be asked for by its revision later. */
  present(revision: number): PastState { return this.#past.note(revision, this.#log, this.#now()); }

  /** The state at a revision at which a list began; undefined: not known any more. */
  past(revision: number): PastState | undefined { return this.#past.at(revision, this.#log, this.#now()); }

  /** Up to `limit` matching objects of a state; `after` is exclusive. Looks at little more than it gives. */
  page(state: PastState, selection: Selection, after: string, limit: number): CachePage {
    const { changed } = state;
    const [start, end] = rangeOf(selection, after);
    const was = [...changed.values()].filter((object): object is DescribedObject => object !== undefined && object.key >= start && (end === '' || object.key < end) && selects(selection, object))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    const items: DescribedObject[] = [];
    let next = 0;
    const take = (object: DescribedObject): boolean => {
      while (next < was.length && was[next]!.key < object.key && items.length < limit) items.push(was[next++]!);
      if (items.length < limit && !changed.has(object.key) && selects(selection, object)) items.push(object);
      return items.length < limit;
    };
    if (this.#candidates(selection) === undefined && selection.name === undefined) this.#objects.scan(start, end, take);
    else for (const object of this.select(selection, after)) if (!take(object)) break;
    while (next < was.length && items.length < limit) items.push(was[next++]!);
    return { items, behind: items.length < limit ? 0 : this.#countAt(state, `${items.at(-1)!.key}\0`, end) };
  }

  /** Keys in a range of a state. */
  #countAt({ changed }: PastState, start: string, end: string): number {
    let count = this.#objects.count(start, end);
    for (const [key, object] of changed) {
      if (key < start || (end !== '' && key >= end)) continue;
      count += (object === undefined ? 0 : 1) - (this.#objects.get(key) === undefined ? 0 : 1);
    }
    return count;
  }

  /** Whether anything stands behind a key, of the selection's namespace: pages end without looking whether it matches. */
  hasAfter(selection: Selection, key: string): boolean {
    if (selection.name !== undefined && (selection.namespace !== '' || !this.#describer.namespaced)) return false;
    let found = false;
    this.#objects.scan(`${key}\0`, selection.namespace === '' ? '' : `${selection.namespace}0`, () => {
      found = true;
      return false;
    });
    return found;
  }

  listen(listener: EventListener, reset: () => void): () => void {
    this.#listeners.add(listener);
    this.#resets.add(reset);
    return () => { this.#listeners.delete(listener); this.#resets.delete(reset); };
  }

  /** For versions that are read from the store's history rather than from here; undefined: undecodable. */
  describeStored(item: KeyValue): DescribedObject | undefined {
    return this.#describe(item.key, item.value, item.modRevision);
  }

  #describe(key: string, bytes: Buffer, revision: number): DescribedObject | undefined {
    // An undecodable object is left out of lists here; GET answers with the error, and it can be deleted by name.
    try { return describe(key.slice(this.prefix.length), bytes, revision, this.#describer); } catch { return undefined; }
  }

  /** Whoever reads it now gets an error; who comes later reads the others. */
  #lose(object: DescribedObject, error: unknown): void {
    this.#damaged(this.prefix + object.key, error);
    if (this.#objects.get(object.key) === object) this.#remove(object);
  }

  #publish(event: CacheEvent): void {
    this.counts.dispatched++;
    for (const listener of this.#listeners) listener(event);
  }

  /** The smallest index set that holds every match; undefined when a scan is as good. */
  #candidates(selection: Selection): ReadonlySet<string> | undefined {
    if (selection.everything || this.#settling !== undefined) return undefined;
    const best = this.#index.candidates(selection);
    return best !== undefined && (best.size < INDEX_MIN || best.size * 4 < this.#objects.size) ? best : undefined;
  }

  #put(object: DescribedObject): void {
    this.#objects.set(object.key, object);
    this.#index.add(object);
  }

  #remove(object: DescribedObject): void {
    this.#index.remove(object);
    this.#objects.delete(object.key);
  }
}

/** Of keys: [start, end). */
function rangeOf({ namespace }: Selection, after: string): [start: string, end: string] {
  const [start, end] = namespace === '' ? ['', ''] : [`${namespace}/`, `${namespace}0`];
  const first = after === '' ? start : `${after}\0`;
  return [first > start ? first : start, end];
}
