/** Sets of completion indexes as text: `0,2-5,7`. Pure; kept sorted and merged. */

type Interval = readonly [first: number, last: number];

export class IndexSet {
  readonly #intervals: readonly Interval[];

  private constructor(intervals: readonly Interval[]) {
    this.#intervals = intervals;
  }

  static empty(): IndexSet { return new IndexSet([]); }

  /** What is not a number is left out, as are indexes from `completions` on. */
  static parse(text: string | undefined, completions: number): IndexSet {
    const intervals: Interval[] = [];
    for (const part of (text ?? '').split(',')) {
      const match = /^(\d+)(?:-(\d+))?$/.exec(part);
      if (match === null || Number(match[1]) >= completions) continue;
      intervals.push([Number(match[1]), Math.min(Number(match[2] ?? match[1]), completions - 1)]);
    }
    return new IndexSet(merge(intervals));
  }

  static of(indexes: Iterable<number>): IndexSet {
    return new IndexSet(merge(Array.from(indexes, (index) => [index, index] as const)));
  }

  union(other: IndexSet): IndexSet { return new IndexSet(merge([...this.#intervals, ...other.#intervals])); }
  with(indexes: Iterable<number>): IndexSet { return this.union(IndexSet.of(indexes)); }
  size(): number { return this.#intervals.reduce((sum, [first, last]) => sum + last - first + 1, 0); }
  has(index: number): boolean { return this.#intervals.some(([first, last]) => first <= index && index <= last); }

  toString(): string {
    return this.#intervals.map(([first, last]) => (first === last ? `${first}` : last === first + 1 ? `${first},${last}` : `${first}-${last}`)).join(',');
  }

  /** The lowest `count` indexes below `completions` that are not in the set. */
  firstMissing(count: number, completions: number): number[] {
    const missing: number[] = [];
    let candidate = 0;
    for (const [first, last] of [...this.#intervals, [completions, completions] as const]) {
      for (; candidate < Math.min(first, completions) && missing.length < count; candidate++) missing.push(candidate);
      candidate = Math.max(candidate, last + 1);
    }
    return missing;
  }
}

function merge(intervals: readonly Interval[]): Interval[] {
  const merged: [number, number][] = [];
  for (const [first, last] of [...intervals].sort((a, b) => a[0] - b[0])) {
    const previous = merged.at(-1);
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else merged.push([first, last]);
  }
  return merged;
}
