/**
 * What a command says: progress to the terminal (one changing line a stage), plain lines when piped, errors that say what to do.
 */

export interface Progress {
  /** Runs one named stage and prints how long it took. */
  stage<T>(title: string, work: () => Promise<T>): Promise<T>;
  /** A line of its own. */
  note(text: string): void;
}

/** An error whose message is all a user needs: no stack is shown. */
export class UserError extends Error {}

const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const SPINNER_INTERVAL_MS = 100;

/** @param stream progress goes to standard error, so that standard output stays the command's answer. */
export function terminalProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  const live = stream.isTTY;
  return {
    async stage(title, work) {
      const startedMs = performance.now();
      let frame = 0;
      const draw = (): void => { stream.write(`\r\x1b[K${SPINNER[frame++ % SPINNER.length]} ${title} ${seconds(startedMs)}`); };
      const timer = live ? setInterval(draw, SPINNER_INTERVAL_MS) : undefined;
      try {
        const result = await work();
        stream.write(`${live ? '\r\x1b[K' : ''}✓ ${title} ${seconds(startedMs)}\n`);
        return result;
      } catch (error) {
        stream.write(`${live ? '\r\x1b[K' : ''}✗ ${title} ${seconds(startedMs)}\n`);
        throw error;
      } finally {
        clearInterval(timer);
      }
    },
    note: (text) => { stream.write(`${text}\n`); },
  };
}

function seconds(sinceMs: number): string {
  return `(${((performance.now() - sinceMs) / 1000).toFixed(2)} s)`;
}

/** A port that is taken or not allowed, in words; any other failure as it is. @param flag what chooses the address. */
export function listenFailure(error: unknown, address: string, flag: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return new UserError(`${address} is in use by another process: stop it, or choose another with ${flag}`);
  if (code === 'EACCES') return new UserError(`${address} needs more rights: run as root, or choose a port from 1024 up with ${flag}`);
  if (code === 'EADDRNOTAVAIL') return new UserError(`${address} is no address of this machine: choose another with ${flag}`);
  return error;
}

/** Prints a failure and sets the exit code. */
export function reportFailure(error: unknown): void {
  if (error instanceof UserError || (error instanceof Error && error.constructor.name === 'CommandError')) process.stderr.write(`kubernode: ${error.message}\n`);
  else process.stderr.write(`kubernode: ${error instanceof Error ? error.stack ?? error.message : String(error)}\n`);
  process.exitCode = 1;
}
