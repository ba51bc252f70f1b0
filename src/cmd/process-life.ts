/** The life of a component process: start, serve until told to end, stop within bounds. */
import type { Logger } from '#base/log';
import { reportFailure, UserError } from './terminal.ts';

const STOP_MS_MAX = 20_000;

/** Resolves after a clean stop; a failure to start or stop ends the process with an error. */
export async function runUntilSignal(log: Logger, life: { start(signal: AbortSignal): Promise<void>; stop(): Promise<void> }): Promise<void> {
  const stopping = new AbortController();
  const asked = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => { stopping.abort(new Error(`process got ${signal}`)); resolve(); });
  });
  // A fault that nobody handles leaves the process in an unknown state: end, and be started again.
  process.on('unhandledRejection', (error) => { log.error('a promise was rejected and nobody cared', { error }); process.exit(70); });
  process.on('uncaughtException', (error) => { log.error('an exception was not caught', { error }); process.exit(70); });
  try {
    await life.start(stopping.signal);
    await asked;
  } catch (error) {
    if (!stopping.signal.aborted) {
      if (error instanceof UserError) reportFailure(error);
      else log.error('the process could not start', { error });
      process.exit(1);
    }
  }
  const forced = setTimeout(() => { log.error('stopping took too long', { limitMs: STOP_MS_MAX }); process.exit(1); }, STOP_MS_MAX);
  await life.stop();
  clearTimeout(forced);
  process.exit(0);
}
