/**
 * A map with string keys in order: chunks of sorted keys, so that inserting into 100,000 keys moves a few hundred only.
 *
 * Keys are ASCII, so JavaScript's order is the order of bytes.
 */

const CHUNK_KEYS_MAX = 512;

interface Chunk<V> { keys: string[]; values: V[] }

export class SortedMap<V> {
  readonly #byKey = new Map<string, V>();
  /** Never empty chunks; the last key of each is smaller than the first of the next. */
  #chunks: Chunk<V>[] = [];

  get size(): number { return this.#byKey.size; }
  get(key: string): V | undefined { return this.#byKey.get(key); }

  set(key: string, value: V): void {
    const known = this.#byKey.has(key);
    this.#byKey.set(key, value);
    if (this.#chunks.length === 0) { this.#chunks.push({ keys: [key], values: [value] }); return; }
    const index = this.#chunkOf(key);
    const chunk = this.#chunks[index]!;
    const at = lowerBound(chunk.keys, key);
    if (known) { chunk.values[at] = value; return; }
    chunk.keys.splice(at, 0, key);
    chunk.values.splice(at, 0, value);
    if (chunk.keys.length <= CHUNK_KEYS_MAX) return;
    // Appending in order is the usual case: leave the left half full then.
    const cut = at === chunk.keys.length - 1 ? CHUNK_KEYS_MAX : CHUNK_KEYS_MAX >> 1;
    this.#chunks.splice(index + 1, 0, { keys: chunk.keys.splice(cut), values: chunk.values.splice(cut) });
  }

  /** Replaces everything, in order as it is given: keys grow. */
  load(keys: readonly string[], values: readonly V[]): void {
    this.clear();
    for (let from = 0; from < keys.length; from += CHUNK_KEYS_MAX) {
      const chunk = { keys: keys.slice(from, from + CHUNK_KEYS_MAX), values: values.slice(from, from + CHUNK_KEYS_MAX) };
      this.#chunks.push(chunk);
      for (let i = 0; i < chunk.keys.length; i++) this.#byKey.set(chunk.keys[i]!, chunk.values[i]!);
    }
  }

  delete(key: string): void {
    if (!this.#byKey.delete(key)) return;
    const index = this.#chunkOf(key);
    const chunk = this.#chunks[index]!;
    const at = lowerBound(chunk.keys, key);
    chunk.keys.splice(at, 1);
    chunk.values.splice(at, 1);
    if (chunk.keys.length === 0) this.#chunks.splice(index, 1);
  }

  clear(): void {
    this.#byKey.clear();
    this.#chunks = [];
  }

  /** Values of keys in [start, end) in order; `visit` returns false to stop. An empty `end` means to the end. */
  scan(start: string, end: string, visit: (value: V) => boolean | void): void {
    if (this.#chunks.length === 0) return;
    let at = -1;
    for (let index = this.#chunkOf(start); index < this.#chunks.length; index++) {
      const { keys, values } = this.#chunks[index]!;
      for (at = at < 0 ? lowerBound(keys, start) : 0; at < keys.length; at++) {
        if (end !== '' && keys[at]! >= end) return;
        if (visit(values[at]!) === false) return;
      }
    }
  }

  /** Keys in [start, end); an empty `end` means to the end. */
  count(start: string, end: string): number {
    if (this.#chunks.length === 0) return 0;
    const first = this.#chunkOf(start);
    const last = end === '' ? this.#chunks.length - 1 : this.#chunkOf(end);
    let count = 0;
    for (let index = first; index <= last; index++) {
      const { keys } = this.#chunks[index]!;
      const to = index === last && end !== '' ? lowerBound(keys, end) : keys.length;
      count += to - (index === first ? lowerBound(keys, start) : 0);
    }
    return Math.max(0, count);
  }

  values(): IterableIterator<V> { return this.#byKey.values(); }

  /** The chunk that holds the key, or where it belongs. */
  #chunkOf(key: string): number {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#chunks[middle]!.keys[0]! <= key) low = middle; else high = middle - 1;
    }
    return low;
  }
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < key) low = middle + 1; else high = middle;
  }
  return low;
}
