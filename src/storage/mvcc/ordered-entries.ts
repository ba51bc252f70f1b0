/**
 * Keys in byte order, in chunks: a sorted array of sorted arrays.
 *
 * Look-up by key is a hash look-up; insert and remove cost a binary search plus a move inside one chunk of at most
 * `CHUNK_ENTRIES_MAX`; a range costs O(log n + result). Each chunk counts its live entries (those with a visible object),
 * so that counting a range costs O(chunks + 2 chunks), not O(keys).
 */
import type { Version } from './version.ts';

export interface Entry {
  readonly key: string;
  /** The newest version, visible or not yet. */
  newest: Version;
  /** The newest published version is not a deletion. */
  live: boolean;
  chunk: Chunk;
}

export interface Chunk { entries: Entry[]; live: number }

const CHUNK_ENTRIES_MAX = 512;

export class OrderedEntries {
  readonly #byKey = new Map<string, Entry>();
  #chunks: Chunk[] = [];
  #live = 0;

  /** Number of entries, deleted ones that are still history included. */
  get size(): number { return this.#byKey.size; }
  get live(): number { return this.#live; }

  get(key: string): Entry | undefined { return this.#byKey.get(key); }

  /** Adds an entry for a key that is not there yet. */
  add(key: string, newest: Version): Entry {
    const chunk = this.#chunkFor(key);
    const entry: Entry = { key, newest, live: false, chunk };
    const { entries } = chunk;
    if (entries.length === 0 || entries[entries.length - 1]!.key < key) entries.push(entry);
    else entries.splice(lowerBound(entries, key), 0, entry);
    this.#byKey.set(key, entry);
    if (entries.length > CHUNK_ENTRIES_MAX) this.#split(chunk);
    return entry;
  }

  remove(entry: Entry): void {
    this.setLive(entry, false);
    this.#byKey.delete(entry.key);
    const { chunk } = entry;
    chunk.entries.splice(lowerBound(chunk.entries, entry.key), 1);
    if (chunk.entries.length === 0) this.#chunks.splice(this.#chunks.indexOf(chunk), 1);
  }

  setLive(entry: Entry, live: boolean): void {
    if (entry.live === live) return;
    entry.live = live;
    const step = live ? 1 : -1;
    entry.chunk.live += step;
    this.#live += step;
  }

  /** Visits entries with start <= key < end in order until `visit` answers false. */
  visit(start: string, end: string, visit: (entry: Entry) => boolean): void {
    for (let c = this.#chunkIndex(start); c < this.#chunks.length; c++) {
      const { entries } = this.#chunks[c]!;
      for (let i = entries[0]!.key >= start ? 0 : lowerBound(entries, start); i < entries.length; i++) {
        const entry = entries[i]!;
        if (entry.key >= end || !visit(entry)) return;
      }
    }
  }

  /** Live entries with start <= key < end. */
  countLive(start: string, end: string): number {
    let count = 0;
    for (let c = this.#chunkIndex(start); c < this.#chunks.length; c++) {
      const { entries, live } = this.#chunks[c]!;
      if (entries[0]!.key >= end) break;
      if (entries[0]!.key >= start && entries[entries.length - 1]!.key < end) { count += live; continue; }
      for (let i = lowerBound(entries, start); i < entries.length && entries[i]!.key < end; i++) if (entries[i]!.live) count++;
    }
    return count;
  }

  /** Replaces everything by entries in key order: the bulk load. */
  load(sorted: readonly { readonly key: string; readonly newest: Version }[]): void {
    this.#byKey.clear();
    this.#chunks = [];
    this.#live = 0;
    for (let from = 0; from < sorted.length; from += CHUNK_ENTRIES_MAX / 2) {
      const chunk: Chunk = { entries: [], live: 0 };
      for (const { key, newest } of sorted.slice(from, from + CHUNK_ENTRIES_MAX / 2)) {
        const entry: Entry = { key, newest, live: false, chunk };
        chunk.entries.push(entry);
        this.#byKey.set(key, entry);
        this.setLive(entry, !newest.deleted);
      }
      this.#chunks.push(chunk);
    }
  }

  /** The last chunk whose first key is <= key (or the first chunk). */
  #chunkIndex(key: string): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#chunks[middle]!.entries[0]!.key <= key) low = middle + 1; else high = middle;
    }
    return Math.max(0, low - 1);
  }

  #chunkFor(key: string): Chunk {
    const found = this.#chunks[this.#chunkIndex(key)];
    if (found !== undefined) return found;
    const chunk: Chunk = { entries: [], live: 0 };
    this.#chunks.push(chunk);
    return chunk;
  }

  #split(chunk: Chunk): void {
    // Appending in order (the usual case of a growing range) leaves full chunks behind, not half-full ones.
    const at = chunk.entries.length - (chunk === this.#chunks[this.#chunks.length - 1] ? 32 : chunk.entries.length >>> 1);
    const upper: Chunk = { entries: chunk.entries.splice(at), live: 0 };
    for (const entry of upper.entries) {
      entry.chunk = upper;
      if (entry.live) { upper.live++; chunk.live--; }
    }
    this.#chunks.splice(this.#chunks.indexOf(chunk) + 1, 0, upper);
  }
}

function lowerBound(entries: readonly Entry[], key: string): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (entries[middle]!.key < key) low = middle + 1; else high = middle;
  }
  return low;
}
