/**
 * Keeps the newest published values in memory up to a budget: watchers and readers of what has just been written do not
 * go to the file. Oldest out first; a value that is also held elsewhere costs nothing more.
 */
import type { Keyspace } from '../mvcc/keyspace.ts';
import type { Version } from '../mvcc/version.ts';

const RESIDENT_BYTES_MAX = 32 << 20;
/** What a version's event costs beside the value. */
const EVENT_OVERHEAD_BYTES = 200;
/** Slots at the head of the queue that may be empty before it is moved up. */
const SLACK_MAX = 4_096;

export class ResidentValues {
  readonly #keyspace: Keyspace;
  /** Published versions in revision order; those before #head are out. */
  #queue: Version[] = [];
  /** Bytes of each, as counted when it came in. */
  #costs: number[] = [];
  #head = 0;
  #bytes = 0;
  /** Versions at and below this revision are not held. */
  #evicted: number;

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
    this.#evicted = keyspace.published;
  }

  holds(version: Version): boolean { return version.revision > this.#evicted; }

  /** To be called after each publish with the first new revision. */
  published(from: number): void {
    for (let r = from; r <= this.#keyspace.published; r++) {
      const version = this.#keyspace.version(r)!;
      const cost = this.#costOf(version);
      this.#queue.push(version);
      this.#costs.push(cost);
      this.#bytes += cost;
    }
    while (this.#bytes > RESIDENT_BYTES_MAX) this.#evict(this.#head++);
    if (this.#head > SLACK_MAX) {
      this.#queue.splice(0, this.#head);
      this.#costs.splice(0, this.#head);
      this.#head = 0;
    }
  }

  #evict(at: number): void {
    const version = this.#queue[at]!;
    this.#bytes -= this.#costs[at]!;
    this.#evicted = version.revision;
    version.value = undefined;
    version.event = undefined;
  }

  /** Its event holds what was there before too; that costs when nothing else holds it. */
  #costOf({ size, previous }: Version): number {
    const before = previous === undefined || previous.revision > this.#evicted ? 0 : previous.size;
    return EVENT_OVERHEAD_BYTES + size + before;
  }
}
