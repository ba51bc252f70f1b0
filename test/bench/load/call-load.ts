/** Keeps a number of calls in flight for a time, and tells rate and latencies. */
import type { LoadResult } from './http-load.ts';
import { spreadOf } from './spread.ts';

export async function callLoad(options: { readonly inFlight: number; readonly durationMs: number; readonly call: (n: number) => Promise<unknown> }): Promise<LoadResult> {
  const tookMs: number[] = [];
  let next = 0;
  const startMs = performance.now();
  const endMs = startMs + options.durationMs;
  await Promise.all(Array.from({ length: options.inFlight }, async () => {
    while (performance.now() < endMs) {
      const sentMs = performance.now();
      await options.call(next++);
      tookMs.push(performance.now() - sentMs);
    }
  }));
  return { perSecond: tookMs.length / (performance.now() - startMs) * 1000, latencyMs: spreadOf(tookMs) };
}
