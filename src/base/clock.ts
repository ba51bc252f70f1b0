/**
 * Time as a parameter.
 *
 * Everything that reads the time or waits takes a `Clock`; the globals (`Date.now`, `setTimeout`, …) are banned outside
 * `base` and `cmd`. `systemClock` is the real one; `virtual-clock.ts` moves only when told to.
 */

export interface Timer {
  /** Stops the timer; a no-op once it has fired. */
  cancel(): void;
}

export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. May jump. */
  now(): number;
  /** Milliseconds since an arbitrary start; never goes backwards. For measuring and deadlines. */
  monotonicNow(): number;
  /** Calls back once after `delayMs` (0: on the next turn). The timer keeps the process alive unless `unref`. */
  setTimer(delayMs: number, callback: () => void, options?: { unref?: boolean }): Timer;
  /** Resolves after `delayMs`; rejects with `signal.reason` when aborted first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** RFC 3339 with whole seconds, the form of `metav1.Time`. */
export function rfc3339(epochMs: number): string {
  const second = Math.floor(epochMs / 1000);
  if (second !== lastSecond) {
    lastText = `${new Date(epochMs).toISOString().slice(0, 19)}Z`;
    lastSecond = second;
  }
  return lastText;
}

/** Many are made in each second. */
let lastSecond = Number.NaN;
let lastText = '';

/** RFC 3339 with six decimals, the form of `metav1.MicroTime`. */
export function rfc3339Micro(epochMs: number): string {
  const micros = Math.round((epochMs - Math.floor(epochMs)) * 1000);
  return `${new Date(Math.floor(epochMs)).toISOString().slice(0, 23)}${String(micros).padStart(3, '0')}Z`;
}

/** Largest delay that `setTimeout` takes; longer ones are waited for in pieces. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

function setSystemTimer(delayMs: number, callback: () => void, options?: { unref?: boolean }): Timer {
  let handle: NodeJS.Timeout;
  const arm = (leftMs: number): void => {
    const stepMs = Math.min(Math.max(leftMs, 0), TIMEOUT_MS_MAX);
    handle = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : callback()), stepMs);
    if (options?.unref === true) handle.unref();
  };
  arm(delayMs);
  return { cancel: () => clearTimeout(handle) };
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicNow: () => performance.now(),
  setTimer: setSystemTimer,
  sleep: (delayMs, signal) => sleepWith(setSystemTimer, delayMs, signal),
};

/** `Clock.sleep` for any `setTimer`. */
export function sleepWith(setTimer: Clock['setTimer'], delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) { reject(signal.reason); return; }
    const onAbort = (): void => { timer.cancel(); reject(signal!.reason); };
    const timer = setTimer(delayMs, () => { signal?.removeEventListener('abort', onAbort); resolve(); });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
