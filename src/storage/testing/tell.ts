/**
 * How a program that is about to be killed tells what it was promised: each line is in the pipe, whole, when `tell` returns.
 * `process.stdout` would hold lines back in the process; a bare `writeSync` fails when the pipe is full because its reader is busy.
 */
import { writeSync } from 'node:fs';

const STDOUT = 1;
const FULL_PIPE_WAIT_MS = 1;
const nobody = new Int32Array(new SharedArrayBuffer(4));

/** Blocks the whole process while the reader is behind. @throws what writing throws, other than that the pipe is full. */
export function tell(line: string, write: (bytes: Buffer) => number = (bytes) => writeSync(STDOUT, bytes)): void {
  let rest = Buffer.from(`${line}\n`);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(write(rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(nobody, 0, 0, FULL_PIPE_WAIT_MS);
    }
  }
}
