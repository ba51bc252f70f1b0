/**
 * The cgroup of one node machine, in every hierarchy this host has: one (v2) or one per controller (v1, hybrid).
 *
 * Only directories below the given name are made or removed; nothing else of the host's trees is touched.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const CGROUP_ROOT = '/sys/fs/cgroup';

export interface CgroupMount {
  /** `/sys/fs/cgroup/memory`. */
  readonly path: string;
  readonly version: 1 | 2;
  /** v1: mount options (`cpu`, `name=systemd`). */
  readonly options: string;
}

/** The hierarchies mounted below /sys/fs/cgroup, from the text of /proc/self/mounts. */
export function parseCgroupMounts(mounts: string): CgroupMount[] {
  const found: CgroupMount[] = [];
  for (const line of mounts.split('\n')) {
    const [, path, type, options] = line.split(' ');
    if (path === undefined || !path.startsWith(CGROUP_ROOT)) continue;
    if (type === 'cgroup2') found.push({ path, version: 2, options: '' });
    if (type === 'cgroup') {
      const names = (options ?? '').split(',').filter((word) => !['rw', 'ro', 'relatime', 'nosuid', 'nodev', 'noexec', 'xattr', 'clone_children', 'seclabel'].includes(word) && !word.startsWith('release_agent'));
      found.push({ path, version: 1, options: names[0]?.startsWith('name=') === true ? `none,${names[0]}` : names.join(',') });
    }
  }
  return found;
}

export function cgroupMounts(): CgroupMount[] {
  return parseCgroupMounts(readFileSync('/proc/self/mounts', 'utf8'));
}

/** Makes the cgroup `name` in every hierarchy; idempotent. */
export function createCgroup(name: string, mounts: readonly CgroupMount[]): void {
  for (const mount of mounts) {
    const path = join(mount.path, name);
    mkdirSync(path, { recursive: true });
    if (mount.version === 2 && mount.path === CGROUP_ROOT) enableControllers(mount.path);
    if (existsSync(join(path, 'cpuset.cpus')) && mount.version === 1) {
      for (const file of ['cpuset.cpus', 'cpuset.mems']) writeFileSync(join(path, file), readFileSync(join(mount.path, file)));
    }
  }
}

function enableControllers(root: string): void {
  const available = readFileSync(join(root, 'cgroup.controllers'), 'utf8').trim().split(' ').filter((word) => word !== '');
  try {
    writeFileSync(join(root, 'cgroup.subtree_control'), available.map((word) => `+${word}`).join(' '));
  } catch {
    // Already enabled, or held by the init system, which then has enabled what it wants delegated.
  }
}

/** All processes in the cgroup and below. */
export function cgroupProcesses(name: string, mounts: readonly CgroupMount[]): number[] {
  const pids = new Set<number>();
  const visit = (path: string): void => {
    if (!existsSync(path)) return;
    for (const line of readProcs(path)) pids.add(Number(line));
    for (const child of readdirSync(path)) if (isDirectory(join(path, child))) visit(join(path, child));
  };
  for (const mount of mounts) visit(join(mount.path, name));
  return [...pids];
}

function readProcs(path: string): string[] {
  try {
    return readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter((line) => line !== '' && line !== '0');
  } catch {
    return [];
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Removes the cgroup and all below it, leaves first. It must hold no process. @returns paths that would not go. */
export function removeCgroup(name: string, mounts: readonly CgroupMount[]): string[] {
  const left: string[] = [];
  const remove = (path: string): void => {
    if (!existsSync(path)) return;
    for (const child of readdirSync(path)) if (isDirectory(join(path, child))) remove(join(path, child));
    try {
      rmdirSync(path);
    } catch {
      left.push(path);
    }
  };
  for (const mount of mounts) remove(join(mount.path, name));
  return left;
}
