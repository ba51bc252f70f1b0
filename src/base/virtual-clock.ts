/**
 * A clock that moves only when told to: for tests and for the simulation.
 *
 * Invariant: timers fire in order of their due time, then of their creation; `now()` inside a callback is the due time.
 * Between two timers the microtask queue is drained, so that promises settle as they would in real time.
 */
import { sleepWith, type Clock, type Timer } from './clock.ts';

interface Pending { readonly dueMs: number; readonly order: number; readonly callback: () => void; cancelled: boolean }

export class VirtualClock implements Clock {
  #nowMs: number;
  readonly #startMs: number;
  #order = 0;
  /** Sorted by (dueMs, order). */
  #pending: Pending[] = [];

  /** @param startMs epoch milliseconds; defaults to 2026-01-01T00:00:00Z. */
  constructor(startMs = 1_767_225_600_000) {
    this.#nowMs = startMs;
    this.#startMs = startMs;
  }

  now(): number { return this.#nowMs; }
  monotonicNow(): number { return this.#nowMs - this.#startMs; }

  setTimer(delayMs: number, callback: () => void): Timer {
    const entry: Pending = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback, cancelled: false };
    let low = 0;
    let high = this.#pending.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#pending[middle]!.dueMs <= entry.dueMs) low = middle + 1; else high = middle;
    }
    this.#pending.splice(low, 0, entry);
    return { cancel: () => { entry.cancelled = true; } };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepWith((ms, callback) => this.setTimer(ms, callback), delayMs, signal);
  }

  /** How long until the next timer falls due; undefined when none waits. */
  nextTimerMs(): number | undefined {
    const next = this.#pending.find((entry) => !entry.cancelled);
    return next === undefined ? undefined : Math.max(0, next.dueMs - this.#nowMs);
  }

  /** Number of timers that wait; for leak checks. */
  pendingTimers(): number { return this.#pending.filter((entry) => !entry.cancelled).length; }

  /** Moves time forward by `durationMs`, firing what falls due. */
  async advance(durationMs: number): Promise<void> {
    const untilMs = this.#nowMs + durationMs;
    await settle();
    for (;;) {
      const next = this.#pending[0];
      if (next === undefined || next.dueMs > untilMs) break;
      this.#pending.shift();
      if (next.cancelled) continue;
      this.#nowMs = next.dueMs;
      next.callback();
      await settle();
    }
    this.#nowMs = untilMs;
    await settle();
  }
}

/** Lets promises and immediates that are already due run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => { setImmediate(resolve); });
}
