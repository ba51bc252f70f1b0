/** An engine whose watches tell everything late: the delay of each batch is drawn when it comes, and none overtakes another. */
import type { Clock } from '#base/clock';
import type { StorageEngine, WatchBatch } from '#storage/contract';

export function withLaggingWatch(engine: StorageEngine, clock: Clock, delayMs: () => number): StorageEngine {
  return {
    ...engine,
    async *watch(options) {
      const held: { readonly batch: WatchBatch; readonly dueMs: number }[] = [];
      let wake: (() => void) | undefined;
      let ended: { readonly error?: unknown } | undefined;
      let lastDueMs = 0;
      void (async () => {
        try {
          for await (const batch of engine.watch(options)) {
            lastDueMs = Math.max(lastDueMs, clock.monotonicNow() + delayMs());
            held.push({ batch, dueMs: lastDueMs });
            wake?.();
          }
          ended = {};
        } catch (error) {
          ended = { error };
        }
        wake?.();
      })();
      for (;;) {
        const next = held.shift();
        if (next === undefined) {
          if (ended !== undefined) { if (ended.error !== undefined) throw ended.error; return; }
          await new Promise<void>((resolve) => { wake = resolve; });
          continue;
        }
        const waitMs = next.dueMs - clock.monotonicNow();
        if (waitMs > 0) await clock.sleep(waitMs, options.signal).catch(() => undefined);
        if (options.signal.aborted) return;
        yield next.batch;
      }
    },
  };
}
