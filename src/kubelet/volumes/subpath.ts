/**
 * subPath mounts that cannot be led out of the volume by links.
 *
 * Every component is opened from its parent's descriptor without following links; the bind mount is made from the last
 * descriptor, so that swapping a component afterwards changes nothing.
 */
import { constants } from 'node:fs';
import { chmod, open, mkdir, readlink, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mounter } from './mounts.ts';

const O_PATH = 0o10000000;

/** Makes missing directories, then binds `volume/subPath` to `target`. @throws Error when the path leaves the volume. */
export async function bindSubPath(mounter: Mounter, volume: string, subPath: string, target: string, options: { create: boolean }): Promise<void> {
  const parts = subPath.split('/').filter((part) => part !== '' && part !== '.');
  if (subPath.startsWith('/')) throw new Error(`subPath "${subPath}" must be a relative path`);
  if (parts.includes('..')) throw new Error(`subPath "${subPath}" must not contain '..'`);
  let handle = await open(volume, O_PATH | constants.O_DIRECTORY);
  // New directories are as open as the volume itself.
  const making = { create: options.create, mode: (await handle.stat()).mode & 0o7777 };
  try {
    for (const part of parts) {
      const next = await openBelow(handle, part, making, subPath);
      await handle.close();
      handle = next;
    }
    if (await mounter.isMounted(target)) {
      const [mounted, wanted] = await Promise.all([stat(target), handle.stat()]);
      if (mounted.dev === wanted.dev && mounted.ino === wanted.ino) return;
      await mounter.unmount(target);
    }
    await makeTarget(target, (await handle.stat()).isDirectory());
    await mounter.mount(['-c', '--bind', `/proc/${process.pid}/fd/${handle.fd}`, target]);
  } finally {
    await handle.close();
  }
}

async function openBelow(parent: FileHandle, part: string, options: { create: boolean; mode: number }, subPath: string): Promise<FileHandle> {
  const path = `/proc/self/fd/${parent.fd}/${part}`;
  const open1 = (): Promise<FileHandle> => open(path, O_PATH | constants.O_NOFOLLOW);
  const handle = await open1().catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' || !options.create) throw error;
    await mkdir(path).then(() => chmod(path, options.mode), (failure: NodeJS.ErrnoException) => { if (failure.code !== 'EEXIST') throw failure; });
    return open1();
  });
  const found = await handle.stat();
  if (!found.isSymbolicLink()) return handle;
  await handle.close();
  // The kubelet's own atomic volumes are links inside the volume; anything else is refused.
  const resolved = await resolveInside(parent, part);
  if (resolved === undefined) throw new Error(`subPath "${subPath}" not within volume: ${part} is a symbolic link`);
  return resolved;
}

/** Follows `name -> ..data/name` and `..data -> ..2026…`, links that only the atomic writer makes. */
async function resolveInside(parent: FileHandle, part: string): Promise<FileHandle | undefined> {
  const link = await readlink(`/proc/self/fd/${parent.fd}/${part}`);
  const data = await readlink(`/proc/self/fd/${parent.fd}/..data`).catch(() => undefined);
  if (data === undefined || data.includes('/') || !data.startsWith('..') || link !== `..data/${part}`) return undefined;
  const directory = await open(`/proc/self/fd/${parent.fd}/${data}`, O_PATH | constants.O_NOFOLLOW | constants.O_DIRECTORY);
  try {
    const handle = await open(`/proc/self/fd/${directory.fd}/${part}`, O_PATH | constants.O_NOFOLLOW);
    if (!(await handle.stat()).isSymbolicLink()) return handle;
    await handle.close();
    return undefined;
  } finally {
    await directory.close();
  }
}

async function makeTarget(target: string, directory: boolean): Promise<void> {
  await mkdir(join(target, '..'), { recursive: true, mode: 0o750 });
  if (directory) await mkdir(target, { recursive: true, mode: 0o750 });
  else await (await open(target, 'a', 0o640)).close();
}
