/**
 * Keeps a process running after the command that started it has gone: a few lines of /bin/sh (under 1 MB) that start it again when it
 * ends, with a pause that grows while it keeps failing.
 *
 * Files in the run directory: `<name>.supervisor` (pid of the shell), `<name>.pid` (pid of the process as the shell sees it).
 * `stop` tells the shell, which passes SIGTERM to all it started and starts nothing again; after a grace all of them get SIGKILL.
 */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from './machine/wait-until.ts';

const STOP_GRACE_MS = 10_000;

/** $1 pid file of the process, the rest the command. A run of over 60 s resets the pause. */
const SUPERVISOR = `
pidfile=$1; shift
pause=0.1
child=
trap 'trap "" TERM; kill -TERM 0; wait; exit 0' TERM
while :; do
  started=$(date +%s)
  "$@" & child=$!
  echo "$child" > "$pidfile"
  wait "$child"
  echo "$(date -Is) process ended with $?: starting it again in $pause s"
  [ $(( $(date +%s) - started )) -gt 60 ] && pause=0.1
  sleep "$pause" & wait $!
  case $pause in 0.1) pause=0.5;; 0.5) pause=1;; 1) pause=2;; *) pause=5;; esac
done
`;

export interface Supervised {
  /** Pid of the process now; undefined while it is down. */
  pid(): number | undefined;
  supervisorPid(): number | undefined;
}

export function supervised(runDir: string, name: string): Supervised {
  return {
    pid: () => behindNsenter(readLivePid(join(runDir, `${name}.pid`))),
    supervisorPid: () => readLivePid(join(runDir, `${name}.supervisor`)),
  };
}

/** Starts `command` unless it is being supervised already. @returns whether it was started. */
export function startSupervised(options: { runDir: string; logDir: string; name: string; command: readonly string[]; env?: Readonly<Record<string, string>> }): boolean {
  const { runDir, logDir, name, command } = options;
  if (supervised(runDir, name).supervisorPid() !== undefined) return false;
  mkdirSync(runDir, { recursive: true, mode: 0o700 });
  mkdirSync(logDir, { recursive: true, mode: 0o700 });
  const log = openSync(join(logDir, `${name}.log`), 'a', 0o600);
  const child = spawn('/bin/sh', ['-c', `echo $$ > "$0"; ${SUPERVISOR}`, join(runDir, `${name}.supervisor`), join(runDir, `${name}.pid`), ...command], {
    detached: true, stdio: ['ignore', log, log], cwd: '/', env: { ...process.env, ...options.env },
  });
  child.unref();
  closeSync(log);
  return true;
}

export async function stopSupervised(runDir: string, name: string): Promise<void> {
  const { supervisorPid } = supervised(runDir, name);
  const shell = supervisorPid();
  if (shell !== undefined) {
    process.kill(shell, 'SIGTERM');
    const gone = await waitUntil(() => supervisorPid() === undefined, { timeoutMs: STOP_GRACE_MS, what: name, quiet: true });
    if (!gone) killGroup(shell);
  }
  rmSync(join(runDir, `${name}.supervisor`), { force: true });
  rmSync(join(runDir, `${name}.pid`), { force: true });
}

/** A process in a machine stands behind the `nsenter` that entered it. */
function behindNsenter(pid: number | undefined): number | undefined {
  if (pid === undefined) return undefined;
  try {
    if (readFileSync(`/proc/${pid}/comm`, 'utf8').trim() !== 'nsenter') return pid;
    const child = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);
    return child > 0 ? child : undefined;
  } catch {
    return undefined;
  }
}

/** The supervisor leads a process group of its own: everything it started. */
function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // Ended meanwhile.
  }
}

function readLivePid(path: string): number | undefined {
  if (!existsSync(path)) return undefined;
  const pid = Number(readFileSync(path, 'utf8').trim());
  if (!Number.isInteger(pid) || pid <= 1) return undefined;
  try {
    const state = /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return state === 'Z' ? undefined : pid;
  } catch {
    return undefined;
  }
}
