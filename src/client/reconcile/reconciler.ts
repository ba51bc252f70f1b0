/**
 * The one loop: key from the queue → `reconcile(key, signal)` → what next.
 *
 *     returns nothing        done; failures are forgotten
 *     returns { afterMs }    once more after that time; failures are forgotten
 *     throws                 once more after a growing delay
 *     throws TerminalError   logged and dropped until the next event
 *
 * A key is never reconciled twice at the same time. Cancellation is not a failure.
 */
import type { RateLimitedQueue } from '#base/queue/rate-limited-queue';
import type { Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { MetricsRegistry } from '#base/metrics';
import { nextTurn } from '#base/turn';
import { isConflict } from '#machinery/status-error';

export type Result = void | { readonly afterMs: number };

/** The same input will fail again: no use trying before something changes. */
export class TerminalError extends Error {}

export interface ReconcilerOptions<K> {
  readonly name: string;
  readonly queue: RateLimitedQueue<K>;
  reconcile(key: K, signal: AbortSignal): Promise<Result>;
  /** Keys in progress at once. Default 1. */
  readonly workers?: number;
  /** A key is given up after so many failures in a row, until its next event. Default: never. */
  readonly retriesMax?: number;
  readonly log: Logger;
  readonly clock: Clock;
  readonly metrics?: MetricsRegistry;
}

/** Runs until aborted; then waits for the calls in progress. Shuts the queue down. */
export async function runReconciler<K>(options: ReconcilerOptions<K>, signal: AbortSignal): Promise<void> {
  const { queue } = options;
  const outcomes = options.metrics?.counter({ name: 'reconcile_total', help: 'Total number of reconciliations per controller', labels: ['controller', 'result'] });
  const worker = async (): Promise<void> => {
    for (;;) {
      let key: K | undefined;
      try {
        key = await queue.take(signal);
      } catch {
        return;
      }
      if (key === undefined) return;
      await nextTurn(); // many keys that need no I/O must not keep the rest of the process waiting
      const outcome = await attempt(options, key, signal);
      outcomes?.inc([options.name, outcome]);
    }
  };
  try {
    await Promise.all(Array.from({ length: options.workers ?? 1 }, worker));
  } finally {
    queue.shutDown();
  }
}

async function attempt<K>(options: ReconcilerOptions<K>, key: K, signal: AbortSignal): Promise<string> {
  const { queue, log } = options;
  try {
    const result = await options.reconcile(key, signal);
    queue.forget(key);
    if (result === undefined) return 'success';
    queue.addAfter(key, result.afterMs);
    return 'requeue_after';
  } catch (error) {
    if (signal.aborted) return 'cancelled';
    if (error instanceof TerminalError) {
      queue.forget(key);
      log.error('reconciling failed for good', { controller: options.name, key, error });
      return 'terminal';
    }
    if (queue.failures(key) >= (options.retriesMax ?? Infinity)) {
      queue.forget(key);
      log.error('reconciling failed too often, given up until the next change', { controller: options.name, key, error });
      return 'given_up';
    }
    if (isConflict(error)) log.debug('reconciling met a conflict, trying again', { controller: options.name, key });
    else log.warn('reconciling failed, trying again', { controller: options.name, key, error: (error as Error).message });
    queue.addRateLimited(key);
    return 'error';
  } finally {
    queue.done(key);
  }
}
