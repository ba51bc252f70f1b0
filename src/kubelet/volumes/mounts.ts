/**
 * Mounts and unmounts by mount(8); what is mounted by /proc/self/mountinfo.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';

const COMMAND_TIMEOUT_MS = 30_000;

export interface Mounter {
  /** @throws Error with mount(8)'s words. */
  mount(args: readonly string[]): Promise<void>;
  /** Lazily; what is not mounted is no error. */
  unmount(target: string): Promise<void>;
  /** Mount points at or below the path, deepest first. */
  below(path: string): Promise<string[]>;
  isMounted(path: string): Promise<boolean>;
}

export const systemMounter: Mounter = {
  mount: (args) => run('mount', args),
  unmount: async (target) => {
    try { await run('umount', [target]); } catch (error) {
      if (!(error instanceof Error) || /not mounted|no mount point|not found/.test(error.message)) return;
      await run('umount', ['-l', target]);
    }
  },
  below: async (path) => (await mountPoints()).filter((point) => point === path || point.startsWith(`${path}/`)).reverse(),
  isMounted: async (path) => (await mountPoints()).includes(path),
};

async function mountPoints(): Promise<string[]> {
  return (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').map((line) => unescape(line.split(' ')[4] ?? '')).filter((point) => point !== '');
}

/** The kernel writes blanks and backslashes as octal. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_match, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}

function run(command: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { timeout: COMMAND_TIMEOUT_MS }, (error, stdout, stderr) => {
      if (error === null) resolve();
      else reject(new Error(`${command} failed: ${(stderr || stdout || error.message).trim()}`));
    });
  });
}
