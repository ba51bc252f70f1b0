/**
 * The audit log as a file of JSON lines, turned over by size: `audit.log`, `audit-2026-05-01T10-20-30.000.log`, …
 *
 * Lines are written in order through one descriptor, readable by the owner only. When writing fails, events are counted
 * and dropped, and the log says so once until it works again.
 */
import { createWriteStream, mkdirSync, openSync, readdirSync, renameSync, statSync, unlinkSync, type WriteStream } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import type { Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { AuditSink } from './audit-log.ts';

export interface FileSinkOptions {
  readonly path: string;
  /** Bytes after which the file is turned over. Default 100 MiB. */
  readonly bytesMax?: number;
  /** Old files that are kept. Default 10. */
  readonly filesMax?: number;
  readonly clock: Clock;
  readonly log: Logger;
}

const BYTES_MAX = 100 * 1024 * 1024;
const FILES_MAX = 10;
/** Of lines that wait for the disk; beyond it events are dropped. */
const WAITING_BYTES_MAX = 64 * 1024 * 1024;

/** @throws Error when the file cannot be made at first. */
export function fileSink(options: FileSinkOptions): AuditSink & { close(): Promise<void> } {
  const { path, clock, log } = options;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  let stream = open();
  let bytes = sizeOf(path);
  let dropped = 0;
  let failing = false;

  /** Opened at once, so that turning over finds the file. */
  function open(): WriteStream {
    const opened = createWriteStream(path, { fd: openSync(path, 'a', 0o600) });
    opened.on('error', fail);
    return opened;
  }

  function fail(error: unknown): void {
    if (!failing) log.error('Audit log cannot be written', { path, error });
    failing = true;
  }

  function turnOver(): void {
    const stamp = new Date(clock.now()).toISOString().replaceAll(':', '-').replace('Z', '');
    const extension = extname(path);
    const stem = basename(path, extension);
    renameSync(path, join(dirname(path), `${stem}-${stamp}${extension}`));
    const old = readdirSync(dirname(path)).filter((name) => name.startsWith(`${stem}-`) && name.endsWith(extension)).sort();
    for (const name of old.slice(0, Math.max(0, old.length - (options.filesMax ?? FILES_MAX)))) unlinkSync(join(dirname(path), name));
    stream.end();
    stream = open();
    bytes = 0;
  }

  /** Has a stream to write to. @throws Error */
  function prepare(size: number): void {
    if (failing) {
      stream.destroy();
      stream = open();
      failing = false;
    }
    if (bytes > 0 && bytes + size > (options.bytesMax ?? BYTES_MAX)) turnOver();
  }

  return {
    write(line) {
      const size = Buffer.byteLength(line);
      try {
        prepare(size);
      } catch (error) {
        fail(error);
      }
      if (failing || stream.writableLength > WAITING_BYTES_MAX) {
        if (dropped++ === 0) log.error('Audit events are dropped', { path });
        return;
      }
      if (dropped > 0) { log.warn('Audit events were dropped', { path, dropped }); dropped = 0; }
      bytes += size;
      stream.write(line);
    },
    close: () => new Promise((resolve) => { if (stream.destroyed) resolve(); else stream.end(() => resolve()); }),
  };
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}
