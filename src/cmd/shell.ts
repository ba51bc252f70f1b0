/**
 * Runs the system's programs (`ip`, `nft`, `nsenter`, `ctr`, …) and says plainly what failed.
 *
 * Arguments go as a list, never through a shell, so that no name can become a command.
 */
import { spawn } from 'node:child_process';

/** A program is missing or ended with an error; `message` is fit for a user. */
export class CommandError extends Error {
  readonly exitCode: number | undefined;
  readonly stderr: string;
  constructor(message: string, exitCode: number | undefined, stderr: string) {
    super(message);
    this.exitCode = exitCode;
    this.stderr = stderr;
  }
}

/** Debian's package of each program, for the hint. */
const PACKAGES: Readonly<Record<string, string>> = {
  ip: 'iproute2', nft: 'nftables', nsenter: 'util-linux', unshare: 'util-linux', mount: 'mount', umount: 'mount',
  containerd: 'containerd', ctr: 'containerd', runc: 'runc', catatonit: 'catatonit', conntrack: 'conntrack', iptables: 'iptables',
};

/** @returns what the program printed. @throws CommandError */
export function run(program: string, args: readonly string[], options: { input?: string | Buffer; signal?: AbortSignal } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], signal: options.signal });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.stdin.on('error', () => {});
    child.stdin.end(options.input);
    child.on('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'ENOENT' ? new CommandError(missingText(program), undefined, '') : error);
    });
    child.on('close', (code, killedBy) => {
      if (code === 0) { resolve(Buffer.concat(out).toString()); return; }
      const stderr = Buffer.concat(err).toString().trim();
      reject(new CommandError(`${program} ${args.join(' ')}: ${stderr || `ended with ${code ?? killedBy}`}`, code ?? undefined, stderr));
    });
  });
}

/** As `run`, but a failure is an answer: undefined. */
export async function tryRun(program: string, args: readonly string[], options: { input?: string } = {}): Promise<string | undefined> {
  try {
    return await run(program, args, options);
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}

function missingText(program: string): string {
  const name = PACKAGES[program];
  return `${program} is not installed${name === undefined ? '' : `; on Debian: apt-get install ${name}`}`;
}
