/**
 * Ranges of sizes and costs, and arithmetic on them that stops at the largest 64-bit number.
 */

export interface Range { readonly min: number; readonly max: number }
export type CostEstimate = Range;

export const UNBOUNDED = 2 ** 64;
export const UNKNOWN: Range = { min: 0, max: UNBOUNDED };

export const exactly = (value: number): Range => ({ min: value, max: value });
const cap = (value: number): number => (value >= UNBOUNDED ? UNBOUNDED : value);

export function add(...ranges: readonly Range[]): Range {
  return ranges.reduce((sum, range) => ({ min: cap(sum.min + range.min), max: cap(sum.max + range.max) }), exactly(0));
}

export function multiply(a: Range, b: Range): Range {
  return { min: cap(a.min * b.min), max: cap(a.max * b.max) };
}

/** Rounded up. */
export function scale(range: Range, factor: number): Range {
  return { min: cap(Math.ceil(range.min * factor)), max: cap(Math.ceil(range.max * factor)) };
}

export function union(a: Range, b: Range): Range {
  return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
}
