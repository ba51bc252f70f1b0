/** The one `kubernode server` or `agent` of a data directory: its pid in `run/main.pid`. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { clusterPaths } from './layout.ts';
import { UserError } from './terminal.ts';

/** Undefined when none runs; a number that another program has by now is none. */
export function foregroundProcess(dataDir: string): number | undefined {
  const pid = Number(textOf(pidPath(dataDir)));
  return pid > 1 && /kubernode|main\.ts/.test(textOf(`/proc/${pid}/cmdline`)) ? pid : undefined;
}

/** @throws UserError when another one runs. */
export function claimForeground(dataDir: string): void {
  const other = foregroundProcess(dataDir);
  if (other !== undefined && other !== process.pid) throw new UserError(`process ${other} runs on ${dataDir} already: stop it first, or name another --data-dir`);
  mkdirSync(clusterPaths(resolve(dataDir)).run, { recursive: true, mode: 0o700 });
  writeFileSync(pidPath(dataDir), `${process.pid}\n`, { mode: 0o600 });
}

function pidPath(dataDir: string): string { return join(clusterPaths(resolve(dataDir)).run, 'main.pid'); }

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
