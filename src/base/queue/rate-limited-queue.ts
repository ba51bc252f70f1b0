/**
 * The queue that controllers use: a work queue whose failed keys come back after a growing delay.
 *
 *     const queue = rateLimitedQueue('deployment', clock);
 *     queue.add('default/web');
 */
import type { Clock } from '../clock.ts';
import { delayingQueue, type DelayingQueue } from './delaying-queue.ts';
import { controllerRateLimiter, type RateLimiter } from './rate-limiter.ts';
import { WorkQueue, type QueueObserver } from './work-queue.ts';

export interface RateLimitedQueue<K = string> extends DelayingQueue<K> {
  readonly name: string;
  /** Adds the key after the delay its failures have earned. */
  addRateLimited(key: K): void;
  /** Forgets the failures of a key. */
  forget(key: K): void;
  failures(key: K): number;
}

export interface RateLimitedQueueOptions<K> {
  readonly limiter?: RateLimiter<K>;
  readonly observer?: QueueObserver<K> & { retried?(key: K): void };
}

export function rateLimitedQueue<K = string>(name: string, clock: Clock, options: RateLimitedQueueOptions<K> = {}): RateLimitedQueue<K> {
  const limiter = options.limiter ?? controllerRateLimiter<K>(clock);
  const queue = delayingQueue(new WorkQueue<K>(options.observer), clock);
  return {
    ...queue,
    name,
    addRateLimited(key) {
      options.observer?.retried?.(key);
      queue.addAfter(key, limiter.whenMs(key));
    },
    forget: (key) => limiter.forget(key),
    failures: (key) => limiter.failures(key),
  };
}
