/** Polls a condition of the outside world until it holds or time is up. */

export class WaitTimeoutError extends Error {}

/** @throws WaitTimeoutError `timed out waiting for …` unless `quiet` (then resolves false). */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  options: { timeoutMs: number; what: string; intervalMs?: number; quiet?: boolean },
): Promise<boolean> {
  const deadlineMs = performance.now() + options.timeoutMs;
  for (;;) {
    if (await condition()) return true;
    if (performance.now() >= deadlineMs) {
      if (options.quiet === true) return false;
      throw new WaitTimeoutError(`timed out after ${Math.round(options.timeoutMs / 1000)} s waiting for ${options.what}`);
    }
    await new Promise((resolve) => { setTimeout(resolve, options.intervalMs ?? 20); });
  }
}
