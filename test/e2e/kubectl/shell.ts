/**
 * One shell for one transcript: variables, working directory and background jobs last from command to command. Between two commands
 * the shell writes a mark to both outputs; what came before it is the command's answer.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { Answer } from './transcript.ts';

export interface Shell {
  /** @throws Error when the command does not end in time; the shell is gone then. */
  run(command: string): Promise<Answer>;
  stop(): Promise<void>;
}

const COMMAND_MS_MAX = 60_000;

export function openShell(directory: string, env: NodeJS.ProcessEnv): Shell {
  const child = spawn('sh', { cwd: directory, env, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  const closed = new Promise<void>((resolve) => { child.on('close', () => resolve()); });
  let stdout = '';
  let stderr = '';
  let heard: () => void = () => undefined;
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => { stdout += chunk; heard(); });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => { stderr += chunk; heard(); });
  child.stdin.on('error', () => undefined);
  child.on('close', () => heard());

  const end = (): void => {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  };

  return {
    run: (command) => new Promise((resolve, reject) => {
      const mark = randomUUID();
      const timer = setTimeout(() => {
        end();
        reject(new Error(`no answer after ${COMMAND_MS_MAX} ms to: ${command}\n${stdout}\n${stderr}`));
      }, COMMAND_MS_MAX);
      heard = () => {
        const found = new RegExp(String.raw`^([\s\S]*)${mark} (\d+)\n`).exec(stdout);
        const errors = stderr.indexOf(mark);
        const ended = found !== null && errors !== -1;
        if (!ended && child.exitCode === null && child.signalCode === null) return;
        clearTimeout(timer);
        heard = () => undefined;
        if (!ended) return reject(new Error(`the shell ended: ${command}\n${stdout}\n${stderr}`));
        const answer = { stdout: found[1]!, stderr: stderr.slice(0, errors), code: Number(found[2]) };
        stdout = '';
        stderr = '';
        resolve(answer);
      };
      child.stdin.write(`{\n${command}\n} </dev/null\nprintf '${mark} %d\\n' $?; printf ${mark} >&2\n`);
    }),
    async stop() {
      end();
      await closed;
    },
  };
}
