/**
 * Exponential back-off by key: 10 s, 20 s, … 5 min; forgotten when nothing failed for twice the maximum.
 */
import type { Clock } from '#base/clock';

export interface BackOff {
  /** Milliseconds left to wait when the thing failed at `sinceMs` (epoch); 0: go ahead. */
  remainingMs(key: string, sinceMs: number): number;
  /** The current delay. */
  delayMs(key: string): number;
  /** Counts an attempt: the next one waits longer. */
  next(key: string, sinceMs: number): void;
  reset(key: string): void;
  /** Forgets what expired. */
  sweep(): void;
}

interface Entry { delayMs: number; updatedMs: number }

const BACK_OFF_INITIAL_MS = 10_000;
const BACK_OFF_MAX_MS = 300_000;

export function createBackOff(clock: Clock, initialMs = BACK_OFF_INITIAL_MS, maxMs = BACK_OFF_MAX_MS): BackOff {
  const entries = new Map<string, Entry>();
  const expired = (entry: Entry, atMs: number): boolean => atMs - entry.updatedMs > 2 * maxMs;
  return {
    remainingMs: (key, sinceMs) => {
      const entry = entries.get(key);
      if (entry === undefined || expired(entry, sinceMs)) return 0;
      return Math.max(0, entry.delayMs - (clock.now() - sinceMs));
    },
    delayMs: (key) => entries.get(key)?.delayMs ?? 0,
    next: (key, sinceMs) => {
      const entry = entries.get(key);
      const delayMs = entry === undefined || expired(entry, sinceMs) ? initialMs : Math.min(maxMs, entry.delayMs * 2);
      entries.set(key, { delayMs, updatedMs: clock.now() });
    },
    reset: (key) => { entries.delete(key); },
    sweep: () => { for (const [key, entry] of entries) if (expired(entry, clock.now())) entries.delete(key); },
  };
}
