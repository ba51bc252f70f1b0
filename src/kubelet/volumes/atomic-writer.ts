/**
 * Writes a set of files into a volume so that readers see all of the old or all of the new.
 *
 *     volume/..2026_01_02_03_04_05.123456/app/key    a fresh directory with everything
 *     volume/..data -> ..2026_…                      swapped by one rename
 *     volume/app -> ..data/app                       what users open
 *
 * Nothing is written when nothing changed.
 */
import { lstat, mkdir, readdir, readFile, readlink, rename, rm, symlink, writeFile, chmod, chown } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '#base/clock';
import type { Random } from '#base/random';

export interface PayloadFile { content: Buffer; mode: number; uid?: number }
/** By path relative to the volume. */
export type Payload = ReadonlyMap<string, PayloadFile>;

const DATA = '..data';
const DATA_NEW = '..data_tmp';
const PATH_CHARS_MAX = 4096;

/** @throws Error for a path that would leave the volume. @returns whether anything was written. */
export async function writeAtomically(dir: string, payload: Payload, options: { clock: Clock; random: Random; prepare?(dir: string): Promise<void> }): Promise<boolean> {
  for (const path of payload.keys()) checkPath(path);
  const old = await readlink(join(dir, DATA)).catch(() => undefined);
  if (old !== undefined && await matches(join(dir, old), payload)) {
    await linkUsers(dir, payload);
    return false;
  }
  const fresh = `..${stamp(options.clock.now())}.${options.random.integer(1_000_000_000)}`;
  const target = join(dir, fresh);
  await mkdir(target, { mode: 0o755 });
  await chmod(target, 0o755);
  for (const [path, file] of payload) await writeOne(target, path, file);
  await options.prepare?.(target);
  await symlink(fresh, join(dir, DATA_NEW)).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    await rm(join(dir, DATA_NEW));
    await symlink(fresh, join(dir, DATA_NEW));
  });
  await rename(join(dir, DATA_NEW), join(dir, DATA));
  await linkUsers(dir, payload);
  await removeStale(dir, fresh, payload);
  return true;
}

async function writeOne(root: string, path: string, file: PayloadFile): Promise<void> {
  const full = join(root, path);
  await mkdir(dirname(full), { recursive: true, mode: 0o755 });
  await writeFile(full, file.content, { mode: file.mode });
  await chmod(full, file.mode); // past the umask
  if (file.uid !== undefined) await chown(full, file.uid, -1);
}

/** Each first path component becomes a link. */
async function linkUsers(dir: string, payload: Payload): Promise<void> {
  for (const name of topNames(payload)) {
    const link = join(dir, name);
    const current = await readlink(link).catch(() => undefined);
    if (current === `${DATA}/${name}`) continue;
    await symlink(`${DATA}/${name}`, link).catch((error: NodeJS.ErrnoException) => { if (error.code !== 'EEXIST') throw error; });
  }
}

async function removeStale(dir: string, fresh: string, payload: Payload): Promise<void> {
  const wanted = topNames(payload);
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    if (entry.name === DATA || entry.name === fresh) continue;
    if (entry.name.startsWith('..')) await rm(join(dir, entry.name), { recursive: true, force: true });
    else if (entry.isSymbolicLink() && !wanted.has(entry.name)) await rm(join(dir, entry.name));
  }
}

function topNames(payload: Payload): Set<string> {
  return new Set([...payload.keys()].map((path) => path.split('/')[0]!));
}

async function matches(dir: string, payload: Payload): Promise<boolean> {
  const found = await filesBelow(dir, '').catch(() => undefined);
  if (found === undefined || found.length !== payload.size) return false;
  for (const path of found) {
    const file = payload.get(path);
    if (file === undefined || !file.content.equals(await readFile(join(dir, path)))) return false;
    // Ownership changes may have widened the mode; only missing bits count.
    if (((await lstat(join(dir, path))).mode & file.mode) !== file.mode) return false;
  }
  return true;
}

async function filesBelow(dir: string, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(join(dir, prefix), { withFileTypes: true })) {
    const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory()) found.push(...await filesBelow(dir, path)); else found.push(path);
  }
  return found;
}

function checkPath(path: string): void {
  const parts = path.split('/');
  if (path === '' || path.startsWith('/')) throw new Error(`invalid path: must be relative path: ${path}`);
  if (parts.includes('..')) throw new Error(`invalid path: must not contain '..': ${path}`);
  if (parts[0]!.startsWith('..')) throw new Error(`invalid path: must not start with '..': ${path}`);
  if (path.length > PATH_CHARS_MAX) throw new Error(`invalid path: must be less than or equal to ${PATH_CHARS_MAX} characters`);
}

function stamp(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 19).replace(/[-T:]/g, '_');
}
