/** A binary heap with look-up by key: push, pop and remove in O(log n). */

export class KeyedHeap<T> {
  readonly #items: T[] = [];
  readonly #positions = new Map<string, number>();
  readonly #key: (item: T) => string;
  readonly #less: (a: T, b: T) => boolean;

  constructor(key: (item: T) => string, less: (a: T, b: T) => boolean) {
    this.#key = key;
    this.#less = less;
  }

  get size(): number { return this.#items.length; }
  get(key: string): T | undefined { const i = this.#positions.get(key); return i === undefined ? undefined : this.#items[i]; }
  peek(): T | undefined { return this.#items[0]; }
  values(): readonly T[] { return this.#items; }

  /** Adds the item, or replaces the one of its key. */
  push(item: T): void {
    const at = this.#positions.get(this.#key(item));
    if (at !== undefined) {
      this.#items[at] = item;
      this.#down(this.#up(at));
      return;
    }
    this.#items.push(item);
    this.#positions.set(this.#key(item), this.#items.length - 1);
    this.#up(this.#items.length - 1);
  }

  pop(): T | undefined {
    const first = this.#items[0];
    if (first !== undefined) this.remove(this.#key(first));
    return first;
  }

  remove(key: string): T | undefined {
    const at = this.#positions.get(key);
    if (at === undefined) return undefined;
    const item = this.#items[at]!;
    const last = this.#items.pop()!;
    this.#positions.delete(key);
    if (at < this.#items.length) {
      this.#items[at] = last;
      this.#positions.set(this.#key(last), at);
      this.#down(this.#up(at));
    }
    return item;
  }

  #up(start: number): number {
    let at = start;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!this.#less(this.#items[at]!, this.#items[parent]!)) break;
      this.#swap(at, parent);
      at = parent;
    }
    return at;
  }

  #down(start: number): void {
    let at = start;
    for (;;) {
      const left = 2 * at + 1;
      let least = at;
      if (left < this.#items.length && this.#less(this.#items[left]!, this.#items[least]!)) least = left;
      if (left + 1 < this.#items.length && this.#less(this.#items[left + 1]!, this.#items[least]!)) least = left + 1;
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #swap(a: number, b: number): void {
    const items = this.#items;
    [items[a], items[b]] = [items[b]!, items[a]!];
    this.#positions.set(this.#key(items[a]!), a);
    this.#positions.set(this.#key(items[b]!), b);
  }
}
