/**
 * Loaded before the server under test: measures how long its event loop stands still, and its memory, from inside.
 *
 * Asked over the channel of the parent process it answers `{stallMs, heapMiB, externalMiB}`; `reset` begins anew after that,
 * `collect` (with --expose-gc) collects garbage first. The server itself does not know of it.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 1;
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();

process.on('message', (message) => {
  const stallMs = Math.max(0, delay.max / 1e6 - RESOLUTION_MS);
  if (message === 'reset') delay.reset();
  if (message === 'collect') globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  process.send?.({ stallMs, heapMiB: heapUsed / 2 ** 20, externalMiB: external / 2 ** 20 });
});
process.channel?.unref();
