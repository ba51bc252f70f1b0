/**
 * All versions of all keys that are still history, and the line between what is visible and what is only staged.
 *
 *     compacted            published            newest
 *  ───────┬────────────────────┬───────────────────┬──▶ revisions
 *    one version per key   every version       staged: decided, not yet durable; seen by writers only
 *
 * Writers decide against the newest version of a key (`newest`); readers see revision `published` or older. A staged tail
 * can be rolled back. Revisions in (compacted, newest] are contiguous: each has exactly one version.
 *
 * A transaction of several writes takes as many revisions, and all of it is seen at the last one (`seal`): the others are never
 * newest for anybody, and a read, a watch or a compaction at one of them is one before the transaction (`boundary`).
 *
 * Compaction is in two steps: the line moves at once, the dropping of versions is done in slices by `dropSome`, never
 * past the oldest pinned read.
 */
import { CompactedError, FutureRevisionError } from '../contract.ts';
import { OrderedEntries } from './ordered-entries.ts';
import type { Version } from './version.ts';

/** The revision of an empty store, as etcd: lists of nothing carry resourceVersion "1". */
export const FIRST_REVISION = 1;

export class Keyspace {
  readonly #entries = new OrderedEntries();
  /** Versions of revisions #logStart, #logStart + 1, …: at least those in (dropped, newest]. */
  #log: Version[] = [];
  #logStart = FIRST_REVISION + 1;
  #published = FIRST_REVISION;
  #compacted = 0;
  /** Versions at and below this revision have been dropped when superseded. #dropped <= #compacted. */
  #dropped = 0;
  readonly #pins = new Map<number, number>();

  get published(): number { return this.#published; }
  get newest(): number { return this.#logStart + this.#log.length - 1; }
  get compacted(): number { return this.#compacted; }
  get dropped(): number { return this.#dropped; }
  /** Live keys. */
  get keys(): number { return this.#entries.live; }
  /** Versions above the compacted revision. */
  get historyLength(): number { return this.#published - Math.max(this.#compacted, this.#logStart - 1); }

  /** The version writers decide against; undefined when the key does not exist. */
  newestOf(key: string): Version | undefined {
    const version = this.#entries.get(key)?.newest;
    return version === undefined || version.deleted ? undefined : version;
  }

  /** Appends a version with the next revision; `value` undefined deletes. */
  stage(key: string, value: Buffer | undefined, leaseId: number): Version {
    const entry = this.#entries.get(key);
    const revision = this.newest + 1;
    const before = entry?.newest;
    const version: Version = {
      key, revision, modRevision: revision, value, leaseId, deleted: value === undefined, size: value?.length ?? 0, checksum: 0,
      createRevision: value === undefined ? 0 : before === undefined || before.deleted ? revision : before.createRevision,
      writes: value === undefined ? 0 : before === undefined || before.deleted ? 1 : before.writes + 1,
      previous: before, lent: undefined, event: undefined,
    };
    if (entry === undefined) this.#entries.add(key, version); else entry.newest = version;
    this.#log.push(version);
    return version;
  }

  /** Makes one transaction of what was staged after revision `after`, in the same synchronous step. */
  seal(after: number): void {
    const last = this.newest;
    for (let r = after + 1; r < last; r++) {
      const version = this.version(r)!;
      if (version.createRevision === version.revision) version.createRevision = last;
      version.modRevision = last;
    }
  }

  /** The newest revision at or before `revision` that is not within a transaction. */
  boundary(revision: number): number {
    let found = revision;
    for (let version = this.version(found); version !== undefined && version.modRevision > revision; version = this.version(found)) found--;
    return found;
  }

  /** Makes all versions up to `revision` visible. */
  publish(revision: number): void {
    for (let r = this.#published + 1; r <= revision; r++) {
      const version = this.version(r)!;
      this.#entries.setLive(this.#entries.get(version.key)!, !version.deleted);
    }
    this.#published = revision;
  }

  /** Takes back everything that was staged after `revision`; by default, all that is not published. */
  rollback(revision = this.#published): void {
    while (this.newest > revision) {
      const version = this.#log.pop()!;
      const entry = this.#entries.get(version.key)!;
      const before = version.previous;
      const gone = before === undefined || (before.deleted && before.revision <= this.#dropped);
      if (gone) this.#entries.remove(entry); else entry.newest = before;
    }
  }

  /** The version with that very revision, when it is still in the log. */
  version(revision: number): Version | undefined { return this.#log[revision - this.#logStart]; }

  /**
   * The revision to read at: 0 stands for the newest published one.
   * @throws CompactedError, FutureRevisionError
   */
  readRevision(asked: number | undefined): number {
    if (asked === undefined || asked === 0) return this.#published;
    if (asked > this.#published) throw new FutureRevisionError(this.#published);
    if (asked < this.#compacted) throw new CompactedError(this.#compacted);
    return this.boundary(asked);
  }

  /** What the key was at `revision`; undefined when it did not exist. */
  at(key: string, revision: number): Version | undefined { return versionAt(this.#entries.get(key)?.newest, revision); }

  /** Up to `limit` versions visible at `revision` with start <= key < end. */
  scan(start: string, end: string, revision: number, limit: number): Version[] {
    const found: Version[] = [];
    this.#entries.visit(start, end, (entry) => {
      const version = versionAt(entry.newest, revision);
      if (version !== undefined) found.push(version);
      return found.length < limit;
    });
    return found;
  }

  /** Keys visible at `revision` with start <= key < end. */
  count(start: string, end: string, revision: number): number {
    let count = this.#entries.countLive(start, end);
    for (let r = this.#published; r > revision; r--) {
      const version = this.version(r)!;
      if (version.key < start || version.key >= end) continue;
      if (version.deleted) count++;
      else if (version.createRevision === version.modRevision) count--;
    }
    return count;
  }

  /** Keeps `revision` readable until the returned function is called, compaction or not. */
  pin(revision: number): () => void {
    this.#pins.set(revision, (this.#pins.get(revision) ?? 0) + 1);
    return () => {
      const left = this.#pins.get(revision)! - 1;
      if (left === 0) this.#pins.delete(revision); else this.#pins.set(revision, left);
    };
  }

  /** Moves the line; never back, never past what is published. */
  compact(revision: number): void {
    if (revision > this.#published) throw new FutureRevisionError(this.#published);
    this.#compacted = Math.max(this.#compacted, this.boundary(revision));
  }

  /** Drops versions that compaction made unreachable, looking at up to `budget` revisions. Returns what was dropped. */
  dropSome(budget: number): Version[] {
    const dropped: Version[] = [];
    let until = Math.min(this.#compacted, this.#dropped + budget);
    for (const pinned of this.#pins.keys()) until = Math.min(until, pinned);
    const from = Math.max(this.#dropped + 1, this.#logStart);
    for (let r = from; r <= until; r++) {
      const version = this.version(r)!;
      if (version.previous !== undefined && !version.previous.deleted) {
        const { previous } = version;
        previous.lent?.keep();
        previous.lent = undefined;
        previous.value = undefined;
        dropped.push(previous);
      }
      version.previous = undefined;
      version.event = undefined;
      if (!version.deleted) continue;
      dropped.push(version);
      const entry = this.#entries.get(version.key);
      if (entry?.newest === version) this.#entries.remove(entry);
    }
    if (until > this.#dropped) this.#dropped = until;
    this.#trimLog();
    return dropped;
  }

  /** More to drop, unless a pin holds it. */
  get droppable(): boolean {
    if (this.#dropped >= this.#compacted) return false;
    for (const pinned of this.#pins.keys()) if (pinned <= this.#dropped) return false;
    return true;
  }

  /**
   * Replaces everything by versions in revision order, as read from a journal.
   * @throws Error when history above `dropped` has a gap.
   */
  load(versions: Iterable<Version>, lines: { dropped: number; compacted: number; published: number }): void {
    const { dropped, compacted, published } = lines;
    const newest = new Map<string, Version>();
    this.#log = [];
    this.#logStart = Math.max(dropped, FIRST_REVISION) + 1;
    for (const version of versions) {
      version.previous = newest.get(version.key);
      newest.set(version.key, version);
      if (version.revision < this.#logStart) continue;
      if (version.revision !== this.newest + 1) throw new Error(`revision ${this.newest + 1} is missing before ${version.revision}`);
      this.#log.push(version);
    }
    if (this.newest !== published) throw new Error(`the last revision is ${this.newest}, not ${published}`);
    this.#published = published;
    this.#compacted = compacted;
    this.#dropped = dropped;
    const sorted = [...newest].map(([key, version]) => ({ key, newest: version })).sort((a, b) => (a.key < b.key ? -1 : 1));
    this.#entries.load(sorted);
  }

  /** Forgets log slots below the dropped line, rarely, so that it costs nothing per revision. */
  #trimLog(): void {
    const dead = this.#dropped + 1 - this.#logStart;
    if (dead < 1024 || dead < this.#log.length / 2) return;
    this.#log.splice(0, dead);
    this.#logStart += dead;
  }
}

function versionAt(newest: Version | undefined, revision: number): Version | undefined {
  let version = newest;
  while (version !== undefined && version.modRevision > revision) version = version.previous;
  return version === undefined || version.deleted ? undefined : version;
}
