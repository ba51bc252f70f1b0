/** Lists of indexes as jobs write them: `1,3-5,7`, rising, below the number of completions. */
import { quote } from '#machinery/go-print';

export interface Indexes {
  readonly total: number;
  readonly intervals: readonly (readonly [first: number, last: number])[];
}

/** @returns the indexes, or what is wrong with them. */
export function readIndexes(text: string, completions: number): Indexes | string {
  const intervals: [number, number][] = [];
  let total = 0;
  for (const part of text === '' ? [] : text.split(',')) {
    const interval = readInterval(part, completions);
    if (typeof interval === 'string') return interval;
    const before = intervals.at(-1)?.[1];
    if (before !== undefined && before >= interval[0]) return `non-increasing order, previous: ${before}, current: ${interval[0]}`;
    intervals.push(interval);
    total += interval[1] - interval[0] + 1;
  }
  return { total, intervals };
}

function readInterval(text: string, completions: number): [number, number] | string {
  const limits = text.split('-');
  if (limits.length > 2) {
    return `the fragment ${quote(text)} violates the requirement that an index interval can have at most two parts separated by '-'`;
  }
  const numbers: number[] = [];
  for (const limit of limits) {
    if (!/^[+-]?\d+$/.test(limit)) return `cannot convert string to integer for index: ${quote(limit)}`;
    const index = Number(limit);
    if (index >= completions) return `too large index: ${quote(limit)}`;
    numbers.push(index);
  }
  const [first, last = first] = numbers as [number, number?];
  return limits.length === 2 && first >= last ? `non-increasing order, previous: ${first}, current: ${last}` : [first, last];
}

/** @returns the first index in both lists. Intervals that cannot be read are left out. */
export function firstCommonIndex(a: string, b: string, completions: number): number | undefined {
  const read = (text: string): [number, number][] => text.split(',').map((part) => readInterval(part, completions)).filter((part) => typeof part !== 'string');
  for (const [firstA, lastA] of read(a)) {
    for (const [firstB, lastB] of read(b)) if (firstA <= lastB && firstB <= lastA) return Math.max(firstA, firstB);
  }
  return undefined;
}
