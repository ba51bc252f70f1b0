/**
 * How long a failed key waits before its next attempt: per key exponential, over all keys a token bucket, or the
 * longer of several.
 */
import { exponentialMs } from '../backoff.ts';
import type { Clock } from '../clock.ts';

export interface RateLimiter<K> {
  /** The delay before the next attempt; counts one failure. */
  whenMs(key: K): number;
  /** The key succeeded or was given up. */
  forget(key: K): void;
  failures(key: K): number;
}

/** `baseMs × 2^failures`, at most `maxMs`. */
export function exponentialPerKey<K>(baseMs: number, maxMs: number): RateLimiter<K> {
  const counts = new Map<K, number>();
  return {
    whenMs(key) {
      const failures = counts.get(key) ?? 0;
      counts.set(key, failures + 1);
      return exponentialMs(baseMs, maxMs, 2, failures);
    },
    forget: (key) => { counts.delete(key); },
    failures: (key) => counts.get(key) ?? 0,
  };
}

/** A token bucket over all keys: `perSecond` on average, `burst` at once; later ones wait for their token. */
export function tokenBucket<K>(perSecond: number, burst: number, clock: Clock): RateLimiter<K> {
  let tokens = burst;
  let lastMs = clock.monotonicNow();
  return {
    whenMs() {
      const nowMs = clock.monotonicNow();
      tokens = Math.min(burst, tokens + ((nowMs - lastMs) / 1000) * perSecond) - 1;
      lastMs = nowMs;
      return tokens >= 0 ? 0 : (-tokens / perSecond) * 1000;
    },
    forget() {},
    failures: () => 0,
  };
}

export function longestOf<K>(...limiters: RateLimiter<K>[]): RateLimiter<K> {
  return {
    whenMs: (key) => Math.max(...limiters.map((limiter) => limiter.whenMs(key))),
    forget: (key) => { for (const limiter of limiters) limiter.forget(key); },
    failures: (key) => Math.max(...limiters.map((limiter) => limiter.failures(key))),
  };
}

/** Upstream's defaults for controllers. */
export const RETRY_BASE_MS = 5;
export const RETRY_MAX_MS = 1000_000;
export const RETRIES_PER_SECOND = 10;
export const RETRY_BURST = 100;

export function controllerRateLimiter<K>(clock: Clock): RateLimiter<K> {
  return longestOf(exponentialPerKey<K>(RETRY_BASE_MS, RETRY_MAX_MS), tokenBucket<K>(RETRIES_PER_SECOND, RETRY_BURST, clock));
}
