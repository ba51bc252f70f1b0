/**
 * Exponential backoff with jitter: how long to wait before the next attempt of one thing.
 *
 * The delay grows by `factor` up to `maxMs`; after `resetAfterMs` without an attempt it starts again at `baseMs`.
 * It only computes; whoever retries does the waiting.
 */
import type { Clock } from './clock.ts';
import type { Random } from './random.ts';

export interface BackoffOptions {
  readonly baseMs: number;
  readonly maxMs: number;
  /** Default 2. */
  readonly factor?: number;
  /** Adds up to this share of the delay, at random. Default 0.2. */
  readonly jitter?: number;
  /** Default: never. */
  readonly resetAfterMs?: number;
}

export interface Backoff {
  /** The next delay; each call counts as one failed attempt. */
  nextMs(): number;
  /** The attempt succeeded: start over. */
  reset(): void;
}

export function createBackoff(options: BackoffOptions, clock: Clock, random: Random): Backoff {
  const factor = options.factor ?? 2;
  const jitter = options.jitter ?? 0.2;
  let attempts = 0;
  let lastMs = -Infinity;
  return {
    nextMs() {
      const nowMs = clock.monotonicNow();
      if (nowMs - lastMs > (options.resetAfterMs ?? Infinity)) attempts = 0;
      lastMs = nowMs;
      const delayMs = exponentialMs(options.baseMs, options.maxMs, factor, attempts++);
      return delayMs * (1 + jitter * random.next());
    },
    reset() { attempts = 0; },
  };
}

/** `baseMs × factor^attempts`, at most `maxMs`: 5, 10, 20, … for base 5. */
export function exponentialMs(baseMs: number, maxMs: number, factor: number, attempts: number): number {
  return Math.min(maxMs, baseMs * factor ** Math.min(attempts, 64));
}
