/** Reads a watch in a test: a batch, a number of events, or until something holds; each with a deadline, so that nothing hangs. */
import type { StorageEngine, WatchBatch, WatchEvent } from '../contract.ts';

export interface WatchReader {
  /** The next batch; undefined when the watch has ended. */
  next(): Promise<WatchBatch | undefined>;
  /** The next `count` events, progress marks left out. */
  events(count: number): Promise<WatchEvent[]>;
  until(holds: (batch: WatchBatch) => boolean, nudge: () => void): Promise<WatchBatch>;
}

export function openWatch(engine: StorageEngine, options: Parameters<StorageEngine['watch']>[0], deadlineMs: number): WatchReader {
  const iterator = engine.watch(options)[Symbol.asyncIterator]();
  const held: WatchEvent[] = [];
  const next = async (): Promise<WatchBatch | undefined> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no batch within ${deadlineMs} ms`)), deadlineMs);
    });
    try {
      const result = await Promise.race([iterator.next(), late]);
      return result.done === true ? undefined : result.value;
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    next,
    async events(count) {
      while (held.length < count) {
        const batch = await next();
        if (batch === undefined) throw new Error(`the watch ended after ${held.length} of ${count} events`);
        held.push(...batch.events);
      }
      return held.splice(0, count);
    },
    async until(holds, nudge) {
      for (;;) {
        nudge();
        const batch = await next();
        if (batch === undefined) throw new Error('the watch ended');
        if (holds(batch)) return batch;
      }
    },
  };
}

/** Opens a watch, reads `count` events, closes it. */
export async function collectEvents(
  engine: StorageEngine, range: { start: string; end: string; afterRevision: number }, count: number, deadlineMs: number,
): Promise<WatchEvent[]> {
  const abort = new AbortController();
  const events = await openWatch(engine, { ...range, signal: abort.signal }, deadlineMs).events(count).finally(() => abort.abort());
  return events;
}
