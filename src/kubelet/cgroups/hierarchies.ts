/**
 * A tree of cgroups, the same on v1 (one directory per controller) and v2 (one directory).
 *
 * Knows files and their values, nothing of pods. Paths are absolute within the hierarchy: `/kubepods/burstable/pod<uid>`.
 * Writes of limits that the kernel lacks (no such file) are skipped; everything else that fails is an error.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface CgroupLimits {
  cpuShares?: number;
  /** µs of CPU time in each period; 0 or less: unlimited. */
  cpuQuotaUs?: number;
  cpuPeriodUs?: number;
  /** -1: unlimited. */
  memoryBytes?: number;
  /** -1: unlimited. */
  pids?: number;
}

export interface CgroupUsage { cpuNanos: number; memoryBytes: number; workingSetBytes: number; rssBytes: number; pids: number; pageFaults: number; majorPageFaults: number }

export interface CgroupHierarchies {
  readonly version: 1 | 2;
  ensure(path: string, limits: CgroupLimits): void;
  setLimits(path: string, limits: CgroupLimits): void;
  exists(path: string): boolean;
  /** Names of the direct children in any hierarchy. */
  children(path: string): string[];
  /** Process ids in the group and below, in any hierarchy. */
  processes(path: string): number[];
  /** Removes the group and the groups below. @throws Error (EBUSY) while processes live in it. */
  remove(path: string): void;
  usage(path: string): CgroupUsage | undefined;
  /** Undefined: unlimited. */
  memoryLimit(path: string): number | undefined;
}

/** v1 counters of memory that mean "no limit" lie above this. */
const UNLIMITED_BYTES = 2 ** 62;
const DEFAULT_PERIOD_US = 100_000;
/** Where processes go that stand in the way. */
const LEAF = 'init';
/** Controllers handed down in v2. */
const V2_CONTROLLERS = ['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids'];

/** @param mount `/sys/fs/cgroup`. */
export function cgroupHierarchies(mount: string): CgroupHierarchies {
  return existsSync(join(mount, 'cgroup.controllers')) ? unified(mount) : perController(mount);
}

function unified(mount: string): CgroupHierarchies {
  const setLimits = (path: string, limits: CgroupLimits): void => {
    const dir = join(mount, path);
    if (limits.cpuShares !== undefined) write(dir, 'cpu.weight', cpuWeight(limits.cpuShares));
    if (limits.cpuQuotaUs !== undefined) write(dir, 'cpu.max', `${limits.cpuQuotaUs > 0 ? limits.cpuQuotaUs : 'max'} ${limits.cpuPeriodUs ?? DEFAULT_PERIOD_US}`);
    if (limits.memoryBytes !== undefined) write(dir, 'memory.max', limits.memoryBytes < 0 ? 'max' : limits.memoryBytes);
    if (limits.pids !== undefined) write(dir, 'pids.max', limits.pids < 0 ? 'max' : limits.pids);
  };
  return {
    version: 2, setLimits,
    ensure: (path, limits) => {
      let at = mount;
      for (const part of path.split('/').filter((name) => name !== '')) {
        const wanted = available(at).filter((name) => V2_CONTROLLERS.includes(name)).map((name) => `+${name}`);
        if (wanted.length > 0) handDown(at, wanted.join(' '));
        at = join(at, part);
        mkdirSync(at, { recursive: true });
      }
      setLimits(path, limits);
    },
    ...directories([mount]),
    usage: (path) => {
      const dir = join(mount, path);
      const memory = read(dir, 'memory.current');
      if (memory === undefined) return undefined;
      const stat = keyed(read(dir, 'memory.stat') ?? '');
      const memoryBytes = Number(memory);
      return {
        cpuNanos: (keyed(read(dir, 'cpu.stat') ?? '').get('usage_usec') ?? 0) * 1000, memoryBytes,
        workingSetBytes: Math.max(0, memoryBytes - (stat.get('inactive_file') ?? 0)), rssBytes: stat.get('anon') ?? 0,
        pids: Number(read(dir, 'pids.current') ?? 0), pageFaults: stat.get('pgfault') ?? 0, majorPageFaults: stat.get('pgmajfault') ?? 0,
      };
    },
    memoryLimit: (path) => limitOf(read(join(mount, path), 'memory.max')),
  };
}

/**
 * A v2 group with processes of its own can hand no controller down (but the root of the machine): they move into a leaf first. That is
 * the case inside a cgroup namespace, where the daemons of a node live in its root.
 */
function handDown(dir: string, controllers: string): void {
  try { write(dir, 'cgroup.subtree_control', controllers); return; } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
  }
  const leaf = join(dir, LEAF);
  mkdirSync(leaf, { recursive: true });
  for (const pid of (read(dir, 'cgroup.procs') ?? '').split('\n').filter((line) => line !== '' && line !== '0')) {
    try { writeFileSync(join(leaf, 'cgroup.procs'), pid); } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it has just ended
    }
  }
  write(dir, 'cgroup.subtree_control', controllers);
}

function perController(mount: string): CgroupHierarchies {
  const all = hierarchiesOf(mount);
  const of = (controller: string, path: string): string => join(mount, controller, path);
  const setLimits = (path: string, limits: CgroupLimits): void => {
    if (limits.cpuShares !== undefined) write(of('cpu', path), 'cpu.shares', limits.cpuShares);
    if (limits.cpuPeriodUs !== undefined) write(of('cpu', path), 'cpu.cfs_period_us', limits.cpuPeriodUs);
    if (limits.cpuQuotaUs !== undefined) write(of('cpu', path), 'cpu.cfs_quota_us', limits.cpuQuotaUs > 0 ? limits.cpuQuotaUs : -1);
    if (limits.memoryBytes !== undefined) write(of('memory', path), 'memory.limit_in_bytes', limits.memoryBytes);
    if (limits.pids !== undefined) write(of('pids', path), 'pids.max', limits.pids < 0 ? 'max' : limits.pids);
  };
  return {
    version: 1, setLimits,
    ensure: (path, limits) => {
      for (const dir of all) mkdirSync(join(dir, path), { recursive: true });
      inheritCpuset(of('cpuset', ''), path);
      setLimits(path, limits);
    },
    ...directories(all),
    usage: (path) => {
      const memory = read(of('memory', path), 'memory.usage_in_bytes');
      if (memory === undefined) return undefined;
      const stat = keyed(read(of('memory', path), 'memory.stat') ?? '');
      const memoryBytes = Number(memory);
      return {
        cpuNanos: Number(read(of('cpuacct', path), 'cpuacct.usage') ?? 0), memoryBytes,
        workingSetBytes: Math.max(0, memoryBytes - (stat.get('total_inactive_file') ?? 0)), rssBytes: stat.get('total_rss') ?? 0,
        pids: Number(read(of('pids', path), 'pids.current') ?? 0), pageFaults: stat.get('total_pgfault') ?? 0, majorPageFaults: stat.get('total_pgmajfault') ?? 0,
      };
    },
    memoryLimit: (path) => limitOf(read(of('memory', path), 'memory.limit_in_bytes')),
  };
}

/** One entry per hierarchy: co-mounted controllers are links to the same directory. */
function hierarchiesOf(mount: string): string[] {
  const names = existsSync(mount) ? readdirSync(mount) : [];
  return [...new Set(names.filter((name) => existsSync(join(mount, name, 'cgroup.procs'))).map((name) => realpathSync(join(mount, name))))];
}

function directories(mounts: readonly string[]): Pick<CgroupHierarchies, 'exists' | 'children' | 'processes' | 'remove'> {
  const at = (path: string): string[] => mounts.map((mount) => join(mount, path)).filter((dir) => existsSync(dir));
  return {
    exists: (path) => at(path).length > 0,
    children: (path) => [...new Set(at(path).flatMap(subdirectories))],
    processes: (path) => [...new Set(at(path).flatMap(processesBelow))],
    remove: (path) => { for (const dir of at(path)) removeTree(dir); },
  };
}

/** A fresh cpuset is empty and takes no process: give each level its parent's CPUs and memory nodes. */
function inheritCpuset(root: string, path: string): void {
  let parent = root;
  for (const part of path.split('/').filter((name) => name !== '')) {
    const dir = join(parent, part);
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      if (read(dir, file) === '') write(dir, file, read(parent, file) ?? '');
    }
    parent = dir;
  }
}

function processesBelow(dir: string): number[] {
  const own = (read(dir, 'cgroup.procs') ?? '').split('\n').filter((line) => line !== '').map(Number);
  return [...own, ...subdirectories(dir).flatMap((name) => processesBelow(join(dir, name)))];
}

function removeTree(dir: string): void {
  for (const name of subdirectories(dir)) removeTree(join(dir, name));
  try { rmdirSync(dir); } catch (error) { if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error; }
}

function subdirectories(dir: string): string[] {
  try {
    return readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function available(dir: string): string[] {
  return (read(dir, 'cgroup.controllers') ?? '').split(/\s+/).filter((name) => name !== '');
}

function read(dir: string, file: string): string | undefined {
  try { return readFileSync(join(dir, file), 'utf8').trim(); } catch { return undefined; }
}

function write(dir: string, file: string, value: string | number): void {
  if (existsSync(join(dir, file))) writeFileSync(join(dir, file), String(value));
}

function keyed(text: string): Map<string, number> {
  return new Map(text.split('\n').map((line) => line.split(' ')).filter((parts) => parts.length === 2).map(([key, value]) => [key!, Number(value)]));
}

function limitOf(text: string | undefined): number | undefined {
  const value = Number(text);
  return text === undefined || text === 'max' || !Number.isFinite(value) || value >= UNLIMITED_BYTES ? undefined : value;
}

/** runc's conversion of shares (2–262144) to weight (1–10000). */
export function cpuWeight(shares: number): number {
  return shares <= 0 ? 0 : Math.floor(1 + ((Math.min(262_144, Math.max(2, shares)) - 2) * 9_999) / 262_142);
}
