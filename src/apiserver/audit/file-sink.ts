/**
 * The audit log as a file of JSON lines, turned over by size: `audit.log`, `audit-2026-05-01T10-20-30.000.log`, …
 *
 * Lines are written in order through one descriptor, readable by the owner only. When writing fails, events are counted
 * and dropped, and the log says so once until it works again.
 */
import { createWriteStream, mkdirSync, readdirSync, renameSync, statSync, unlinkSync, type WriteStream } from 'node:fs';
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

export function fileSink(options: FileSinkOptions): AuditSink & { close(): Promise<void> } {
  const { path, clock, log } = options;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  let stream = open(path);
  let bytes = sizeOf(path);
  let dropped = 0;
  let failing = false;

  function open(file: string): WriteStream {
    const opened = createWriteStream(file, { flags: 'a', mode: 0o600 });
    opened.on('error', (error) => {
      if (!failing) log.error('Audit log cannot be written', { path, error });
      failing = true;
    });
    return opened;
  }

  function turnOver(): void {
    const stamp = new Date(clock.now()).toISOString().replaceAll(':', '-').replace('Z', '');
    const extension = extname(path);
    const stem = basename(path, extension);
    stream.end();
    renameSync(path, join(dirname(path), `${stem}-${stamp}${extension}`));
    const old = readdirSync(dirname(path)).filter((name) => name.startsWith(`${stem}-`) && name.endsWith(extension)).sort();
    for (const name of old.slice(0, Math.max(0, old.length - (options.filesMax ?? FILES_MAX)))) unlinkSync(join(dirname(path), name));
    stream = open(path);
    bytes = 0;
  }

  return {
    write(line) {
      if (stream.destroyed || failing) { stream.destroy(); stream = open(path); failing = false; }
      if (stream.writableLength > WAITING_BYTES_MAX) {
        if (dropped++ === 0) log.error('Audit events are dropped: the disk is too slow', { path });
        return;
      }
      if (dropped > 0) { log.warn('Audit events were dropped', { path, dropped }); dropped = 0; }
      const size = Buffer.byteLength(line);
      if (bytes > 0 && bytes + size > (options.bytesMax ?? BYTES_MAX)) turnOver();
      bytes += size;
      stream.write(line);
    },
    close: () => new Promise((resolve) => { stream.end(() => resolve()); }),
  };
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}
