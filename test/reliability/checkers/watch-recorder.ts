/** Watches on an engine whose batches are kept for the checker; they begin anew where they were when they end. */
import { CompactedError, type StorageEngine, type WatchBatch } from '#storage/contract';
import type { WatchRecord } from './watch-rules.ts';

export interface RecordedWatch {
  /** Resolves when the change at `last` (what concerns it by `revision`) has come, or the time is over; then the watch ends. */
  finish(revision: number, last: number, withinMs: number): Promise<WatchRecord>;
  /** Why it ended by itself. */
  readonly failure: () => Error | undefined;
}

export function recordWatch(engine: StorageEngine, name: string, range: { start: string; end: string; afterRevision: number }): RecordedWatch {
  const batches: WatchBatch[] = [];
  const stop = new AbortController();
  let failure: Error | undefined;
  let at = range.afterRevision;
  const reading = (async () => {
    try {
      for await (const batch of engine.watch({ ...range, progress: true, signal: stop.signal })) {
        batches.push(batch);
        at = batch.revision;
      }
    } catch (error) {
      failure = error as Error;
    }
  })();
  return {
    failure: () => failure,
    async finish(revision, last, withinMs) {
      const untilMs = performance.now() + withinMs;
      while (at < last && failure === undefined && performance.now() < untilMs) {
        engine.requestProgress();
        await new Promise((resolve) => { setTimeout(resolve, 5); });
      }
      stop.abort();
      await reading;
      // Told of a compaction it may be short; else all must be there.
      return { name, ...range, batches, ...(failure instanceof CompactedError ? {} : { completeTo: revision }) };
    },
  };
}
