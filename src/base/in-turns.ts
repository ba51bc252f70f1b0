/**
 * Many pieces of asynchronous work, a few at a time, each few on a turn of the event loop of its own: so that work that
 * never waits for I/O does not keep everybody else waiting.
 */
import { nextTurn } from './turn.ts';

/** Pieces in progress at once. */
export const AT_ONCE = 8;

/** Like `Promise.allSettled(items.map(work))`, with at most `atOnce` in progress. */
export async function inTurns<T, R>(items: readonly T[], work: (item: T, index: number) => Promise<R>, atOnce = AT_ONCE): Promise<PromiseSettledResult<R>[]> {
  const results: PromiseSettledResult<R>[] = [];
  for (let from = 0; from < items.length; from += atOnce) {
    if (from > 0) await nextTurn();
    results.push(...await Promise.allSettled(items.slice(from, from + atOnce).map((item, i) => work(item, from + i))));
  }
  return results;
}
