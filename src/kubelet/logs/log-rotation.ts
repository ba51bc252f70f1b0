/**
 * Rotates container logs that have grown too large: rename, tell the runtime to reopen, compress, keep a few.
 *
 *     0.log → 0.log.20260102-030405 → (at the next rotation) 0.log.20260102-030405.gz
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { RuntimeService } from '../cri/contract.ts';

export interface LogRotationOptions { runtime: RuntimeService; clock: Clock; log: Logger; maxBytes: number; maxFiles: number }

const PERIOD_MS = 10_000;

export async function rotateLogs(options: LogRotationOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await options.clock.sleep(PERIOD_MS, signal).catch(() => undefined);
    if (signal.aborted) return;
    try {
      const containers = await options.runtime.listContainers(undefined, signal);
      for (const container of containers.filter((entry) => entry.state === 'CONTAINER_RUNNING')) {
        const { logPath } = await options.runtime.containerStatus(container.id, signal);
        await rotateOne(options, container.id, logPath);
      }
    } catch (error) {
      if (!signal.aborted) options.log.warn('logs were not rotated', { error: error instanceof Error ? error.message : error });
    }
  }
}

/** @returns whether the log was rotated. */
export async function rotateOne(options: LogRotationOptions, containerId: string, path: string): Promise<boolean> {
  const found = path === '' ? undefined : await stat(path).catch(() => undefined);
  if (found === undefined || found.size < options.maxBytes) return false;
  const dir = dirname(path);
  const prefix = `${basename(path)}.`;
  const old = (await readdir(dir)).filter((name) => name.startsWith(prefix)).sort();
  for (const name of old.filter((entry) => entry.endsWith('.tmp'))) await rm(join(dir, name), { force: true });
  const kept = old.filter((entry) => !entry.endsWith('.tmp'));
  // One is the live file, one the file rotated now.
  for (const name of kept.slice(0, Math.max(0, kept.length - (options.maxFiles - 2)))) await rm(join(dir, name), { force: true });
  for (const name of kept.slice(-Math.max(0, options.maxFiles - 2))) if (!name.endsWith('.gz')) await compress(join(dir, name));
  const rotated = `${path}.${stamp(options.clock.now())}`;
  await rename(path, rotated);
  try { await options.runtime.reopenContainerLog(containerId); } catch (error) {
    // Without a reopen the container goes on writing to the renamed file.
    await rename(rotated, path);
    throw error;
  }
  return true;
}

async function compress(path: string): Promise<void> {
  const temporary = `${path}.tmp`;
  await pipeline(createReadStream(path), createGzip(), createWriteStream(temporary, { mode: 0o640 }));
  await rename(temporary, `${path}.gz`);
  await rm(path, { force: true });
}

function stamp(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
}
