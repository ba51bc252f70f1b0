/**
 * The state of a resource at past revisions, for the later pages of a list: what has changed since, laid over what is now.
 *
 *     now      a@9  b@12  c@3          changed since 10:  b was b@4,  d was d@7,  a did not change
 *     at 10    a@9  b@4   c@3  d@7
 *
 * A past state is made when a list begins and costs nothing then; each later look takes in the events that have come since. It
 * lives as long as the log holds those events, for a limited time: a reader that takes longer asks the store's history, which
 * tells when that is compacted.
 */
import type { DescribedObject } from './described.ts';
import type { EventLog } from './event-log.ts';

export interface PastState {
  readonly revision: number;
  /** By key, what stood there; undefined: nothing. Keys that are not here are as they are now. */
  readonly changed: ReadonlyMap<string, DescribedObject | undefined>;
}

interface Entry { readonly revision: number; readonly atMs: number; readonly log: EventLog; readonly changed: Map<string, DescribedObject | undefined>; nextSequence: number }

const STATES_MAX = 64;
const AGE_MS_MAX = 120_000;
/** A state that differs from now in more objects is left to the store's history. */
const CHANGED_MAX = 20_000;

export class PastStates {
  /** Oldest first. */
  readonly #entries = new Map<number, Entry>();

  /** Remembers the state that is shown now. */
  note(revision: number, log: EventLog, nowMs: number): PastState {
    const known = this.#entries.get(revision);
    if (known !== undefined && known.log === log) return known;
    const entry: Entry = { revision, atMs: nowMs, log, changed: new Map(), nextSequence: log.nextSequence };
    this.#entries.set(revision, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= STATES_MAX) break;
      this.#entries.delete(oldest);
    }
    return entry;
  }

  /** Undefined: not known (any more). */
  at(revision: number, log: EventLog, nowMs: number): PastState | undefined {
    const entry = this.#entries.get(revision);
    if (entry === undefined) return undefined;
    if (nowMs - entry.atMs > AGE_MS_MAX || entry.log !== log || !takeIn(entry)) {
      this.#entries.delete(revision);
      return undefined;
    }
    return entry;
  }
}

/** False: events are missing, or it has become too much. */
function takeIn(entry: Entry): boolean {
  const { log, changed } = entry;
  for (; entry.nextSequence < log.nextSequence; entry.nextSequence++) {
    const event = log.at(entry.nextSequence);
    if (event === undefined) return false;
    const { key } = (event.object ?? event.previous)!;
    if (!changed.has(key)) changed.set(key, event.previous);
  }
  return changed.size <= CHANGED_MAX;
}
