/**
 * Reads a container's log file as `kubectl logs` shows it: tail, since, timestamps, limits, follow across rotation.
 *
 * Pieces are yielded as they are read; whoever consumes slowly slows the reading. Following ends when the container has ended
 * and its file is read to the end, or by the signal.
 */
import { watch, type FSWatcher } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '#base/clock';
import { parseCriLine } from './cri-line.ts';
import { tailOffset } from './tail.ts';

export interface LogOptions {
  follow?: boolean | undefined;
  timestamps?: boolean | undefined;
  /** Lines from the end; undefined: all. */
  tailLines?: number | undefined;
  limitBytes?: number | undefined;
  /** Epoch milliseconds; older lines are left out. */
  sinceMs?: number | undefined;
  stream?: 'All' | 'Stdout' | 'Stderr' | undefined;
}

export interface LogSource {
  path: string;
  clock: Clock;
  /** Whether more may be written. */
  isRunning(): Promise<boolean>;
}

const READ_BYTES = 64 * 1024;
const NEWLINE = 0x0a;
/** Without a notice from the file system, new text is looked for this often. */
const POLL_MS = 1_000;
/** A rotated file's successor appears within this. */
const ROTATION_RETRY_MS = 100;

/** @throws Error (ENOENT) when there is no such log. */
export async function* readLog(source: LogSource, options: LogOptions, signal?: AbortSignal): AsyncGenerator<Buffer> {
  const format = formatter(options);
  let handle = await open(source.path, 'r');
  const notices = options.follow === true ? fileNotices(source.path) : undefined;
  try {
    let offset = options.tailLines === undefined ? 0 : await tailOffset(handle, (await handle.stat()).size, options.tailLines);
    let rest: Buffer = Buffer.alloc(0);
    for (;;) {
      signal?.throwIfAborted();
      // Asked before the read: what was written before the end is then seen.
      const running = options.follow === true && await source.isRunning();
      const buffer = Buffer.alloc(READ_BYTES);
      const { bytesRead } = await handle.read(buffer, 0, READ_BYTES, offset);
      if (bytesRead > 0) {
        offset += bytesRead;
        const data = rest.length === 0 ? buffer.subarray(0, bytesRead) : Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
        const end = data.lastIndexOf(NEWLINE) + 1;
        rest = Buffer.from(data.subarray(end));
        const out = format.lines(data.subarray(0, end));
        if (out.length > 0) yield out;
        if (format.isFull()) return;
        continue;
      }
      const next = options.follow === true ? await successor(source.path, handle) : undefined;
      if (next !== undefined) {
        await handle.close();
        handle = next;
        offset = 0;
        rest = Buffer.alloc(0);
        continue;
      }
      if (!running) {
        const out = format.lines(rest);
        if (out.length > 0) yield out;
        return;
      }
      await notices!.wait(source.clock, signal);
    }
  } finally {
    notices?.close();
    await handle.close();
  }
}

/** The new file, when the path no longer leads to the open one. */
async function successor(path: string, handle: FileHandle): Promise<FileHandle | undefined> {
  const [own, now] = await Promise.all([handle.stat(), stat(path).catch(() => undefined)]);
  if (now === undefined || (now.ino === own.ino && now.dev === own.dev)) return undefined;
  return open(path, 'r').catch(() => undefined);
}

function formatter(options: LogOptions): { lines(data: Buffer): Buffer; isFull(): boolean } {
  let left = options.limitBytes ?? Infinity;
  let lineStart = true;
  const wanted = options.stream === 'Stdout' ? 'stdout' : options.stream === 'Stderr' ? 'stderr' : undefined;
  return {
    isFull: () => left <= 0,
    lines: (data) => {
      const pieces: Buffer[] = [];
      for (let at = 0; at < data.length && left > 0;) {
        const next = data.indexOf(NEWLINE, at);
        const end = next === -1 ? data.length : next;
        const line = parseCriLine(data.subarray(at, end));
        at = end + 1;
        if (line === undefined || (wanted !== undefined && line.stream !== wanted)) continue;
        if (options.sinceMs !== undefined && Date.parse(line.time) < options.sinceMs) continue;
        const prefix = options.timestamps === true && lineStart ? Buffer.from(`${line.time} `) : undefined;
        for (const piece of [prefix, line.text, line.partial ? undefined : Buffer.from('\n')]) {
          if (piece === undefined || left <= 0) continue;
          const kept = piece.length > left ? piece.subarray(0, left) : piece;
          pieces.push(kept);
          left -= kept.length;
        }
        lineStart = !line.partial;
      }
      return Buffer.concat(pieces);
    },
  };
}

interface Notices { wait(clock: Clock, signal?: AbortSignal): Promise<void>; close(): void }

/** Wakes at each change of the file or its directory, or after the poll period. */
function fileNotices(path: string): Notices {
  let wake: (() => void) | undefined;
  let pending = false;
  const onChange = (): void => { pending = true; wake?.(); };
  const watchers: FSWatcher[] = [];
  for (const target of [path, dirname(path)]) {
    try {
      const watcher = watch(target, onChange);
      watcher.on('error', () => watcher.close());
      watchers.push(watcher);
    } catch { /* polled instead */ }
  }
  return {
    wait: async (clock, signal) => {
      if (!pending) {
        const stop = new AbortController();
        const either = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
        await new Promise<void>((resolve) => {
          wake = resolve;
          clock.sleep(watchers.length === 0 ? ROTATION_RETRY_MS : POLL_MS, either).then(resolve, () => resolve());
        });
        wake = undefined;
        stop.abort();
      }
      pending = false;
    },
    close: () => { for (const watcher of watchers) watcher.close(); },
  };
}
