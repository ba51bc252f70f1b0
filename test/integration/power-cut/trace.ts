/**
 * Records what a program does to some files, by strace, and builds the images a power cut could leave.
 *
 * The model: a write is durable once a sync of its file that began after it has ended, or when it went through a descriptor opened with
 * O_DSYNC. Of everything else each write may be on the disk, or not, or in part, in units of 512-byte sectors.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Random } from '#base/random';

export type TraceStep =
  | { readonly type: 'write'; readonly file: string; readonly offset: number; readonly data: Buffer; readonly synchronous: boolean }
  | { readonly type: 'sync'; readonly file: string; /** Index of the step at which it began. */ readonly began: number }
  | { readonly type: 'output'; readonly text: string };

const SECTOR_BYTES = 512;

/** Runs the command under strace. `names` of files by their paths: one may be made at another path and renamed. */
export function record(command: readonly string[], tracePath: string, names: ReadonlyMap<string, string>): TraceStep[] {
  const run = spawnSync('strace', [
    '-f', '--seccomp-bpf', '-xx', '-s', '16000000', '-o', tracePath,
    '-e', 'trace=openat,close,pwrite64,pwritev,writev,write,lseek,fdatasync,fsync', ...command,
  ], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (run.status !== 0) throw new Error(`the traced program ended with ${run.status ?? run.signal}`);
  return parse(readFileSync(tracePath, 'latin1'), names);
}

const unhex = (text: string): Buffer => Buffer.from(text.replaceAll('\\x', ''), 'hex');

function parse(trace: string, names: ReadonlyMap<string, string>): TraceStep[] {
  const steps: TraceStep[] = [];
  const open = new Map<number, { name: string; synchronous: boolean; position: number }>();
  const unfinished = new Map<string, { text: string; began: number }>();
  for (const line of trace.split('\n')) {
    const [, pid, rest] = /^(\d+) +(.*)$/s.exec(line) ?? [];
    if (pid === undefined || rest === undefined) continue;
    let text = rest;
    let began = steps.length;
    const cut = / <unfinished \.\.\.>$/.exec(text);
    if (cut !== null) { unfinished.set(pid, { text: text.slice(0, cut.index), began }); continue; }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/s.exec(text);
    if (resumed !== null) {
      const first = unfinished.get(pid);
      if (first === undefined) continue;
      text = first.text + resumed[1]!;
      began = first.began;
    }
    take(text, began);
  }
  return steps;

  function take(text: string, began: number): void {
    const call = /^(\w+)\((.*)\) += (-?\d+)/s.exec(text);
    if (call === null) return;
    const [, name, args, answer] = call;
    const result = Number(answer);
    if (result < 0) return;
    if (name === 'openat') {
      const [, hex, flags] = /^AT_FDCWD, "((?:\\x..)*)", ([\w|]+)/.exec(args!) ?? [];
      const opened = hex === undefined ? undefined : names.get(unhex(hex).toString());
      if (opened !== undefined) open.set(result, { name: opened, synchronous: /O_D?SYNC/.test(flags!), position: 0 });
      else open.delete(result);
      return;
    }
    const fd = Number(/^\d+/.exec(args!)?.[0]);
    const file = open.get(fd);
    if (name === 'write' && fd === 1) { steps.push({ type: 'output', text: unhex(/"(.*)"/s.exec(args!)?.[1] ?? '').toString() }); return; }
    if (file === undefined) return;
    if (name === 'close') { open.delete(fd); return; }
    if (name === 'lseek') { file.position = result; return; }
    if (name === 'fdatasync' || name === 'fsync') { steps.push({ type: 'sync', file: file.name, began }); return; }
    const data = Buffer.concat([...args!.matchAll(/"((?:\\x..)*)"/g)].map((match) => unhex(match[1]!))).subarray(0, result);
    const positioned = name === 'pwrite64' || name === 'pwritev';
    const offset = positioned ? Number(/, (\d+)$/.exec(args!)![1]) : file.position;
    if (!positioned) file.position += result;
    steps.push({ type: 'write', file: file.name, offset, data, synchronous: file.synchronous });
  }
}

/**
 * One file as a power cut just after step `cut` could leave it.
 * @param syncs false: the negative control, a disk whose syncs do nothing.
 */
export function imageAt(file: string, steps: readonly TraceStep[], cut: number, random: Random, syncs: boolean): Buffer {
  let durableBefore = 0;
  for (let i = 0; i < cut; i++) {
    const step = steps[i]!;
    if (step.type === 'sync' && step.file === file) durableBefore = Math.max(durableBefore, step.began);
  }
  const size = steps.slice(0, cut + 1).reduce((most, step) => (step.type === 'write' && step.file === file ? Math.max(most, step.offset + step.data.length) : most), 0);
  const image = Buffer.alloc(size);
  let end = 0;
  for (let i = 0; i <= cut; i++) {
    const step = steps[i]!;
    if (step.type !== 'write' || step.file !== file) continue;
    const durable = syncs && (i < durableBefore || (step.synchronous && i < cut));
    const fate = durable ? 'kept' : (['kept', 'dropped', 'torn'] as const)[random.integer(3)]!;
    if (fate === 'dropped') continue;
    for (let at = step.offset; at < step.offset + step.data.length;) {
      const next = Math.min(step.offset + step.data.length, (Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES);
      if (fate === 'kept' || random.integer(2) === 0) {
        step.data.copy(image, at, at - step.offset, next - step.offset);
        end = Math.max(end, next);
      }
      at = next;
    }
  }
  return image.subarray(0, end);
}
