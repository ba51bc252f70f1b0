/** Servers that a benchmark starts: on loopback, in a directory of their own, gone with the benchmark. */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Also with a full store on a busy machine. */
const START_MS_MAX = 180_000;
const STOP_MS_MAX = 10_000;
const POLL_MS = 20;
const OUTPUT_CHARACTERS_MAX = 20_000;

export interface Child {
  readonly process: ChildProcess;
  /** The end of what it said, for messages. */
  output(): string;
  stop(): Promise<void>;
}

const running = new Set<Child>();

export function start(command: string, words: readonly string[], options: SpawnOptions = {}): Child {
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let text = '';
  const keep = (piece: Buffer): void => { text = (text + piece.toString('utf8')).slice(-OUTPUT_CHARACTERS_MAX); };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  child.on('error', (error) => { text += error.message; });
  const ended = new Promise<void>((resolve) => { child.once('exit', () => resolve()); child.once('error', () => resolve()); });
  const self: Child = {
    process: child,
    output: () => text,
    async stop() {
      running.delete(self);
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
      await ended;
      clearTimeout(timer);
    },
  };
  running.add(self);
  return self;
}

// Also when the benchmark ends by an error.
process.on('exit', () => { for (const child of running) child.process.kill('SIGKILL'); });

export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((child) => child.stop()));
}

/** Waits until `probe` succeeds. @throws Error with the end of the child's output when it dies or the time is over. */
export async function waitUntil(child: Child, what: string, probe: () => Promise<boolean> | boolean, waitMs = START_MS_MAX): Promise<void> {
  const endMs = performance.now() + waitMs;
  for (;;) {
    if (await Promise.resolve().then(probe).catch(() => false)) return;
    const dead = child.process.exitCode !== null || child.process.signalCode !== null;
    if (dead || performance.now() > endMs) throw new Error(`${what} did not start: ${child.output().slice(-2_000)}`);
    await sleep(POLL_MS);
  }
}

export function sleep(ms: number): Promise<void> { return new Promise((resolve) => { setTimeout(resolve, ms); }); }

/** A directory that is removed by `removeDirectory`. */
export function newDirectory(): string { return mkdtempSync(join(tmpdir(), 'kubernode-bench-')); }

export function removeDirectory(directory: string): void { rmSync(directory, { recursive: true, force: true }); }

/** Resident memory in MiB, that of memory-mapped files aside: those pages are the kernel's cache. */
export function memoryMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0) / 1024;
  return of('RssAnon') + of('RssShmem');
}

/** Resident memory in MiB with mapped files, as `ps` shows it. */
export function residentMiB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

/** Processor time a process and its children have used, all threads together. It tells costs apart from what else the machine is doing. */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter((child) => child !== '');
  return children.reduce((sum, child) => sum + cpuMs(Number(child)), (Number(fields[11]) + Number(fields[12])) * 1000 / TICKS_PER_SECOND);
}

const TICKS_PER_SECOND = 100;
