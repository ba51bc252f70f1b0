/**
 * What this machine (or node machine) is: size, kernel, ids. Read from /proc, /etc and its cgroup; limits win over hardware.
 */
import { readFile, statfs } from 'node:fs/promises';
import { availableParallelism, cpus, release } from 'node:os';
import type { NodeSystemInfo } from '#api/generated/core/v1';
import type { CgroupHierarchies } from '../cgroups/hierarchies.ts';
import { goArchitecture } from '../images/oci-image.ts';

export interface MachineFacts {
  cpus: number;
  memoryBytes: number;
  hugePages: Readonly<Record<string, string>>;
  info: NodeSystemInfo;
}

/** @param cgroupRoot the group that bounds this node; '' for the root that is visible. */
export async function readMachine(hierarchies: CgroupHierarchies, cgroupRoot: string, versions: { runtime: string; kubelet: string }): Promise<MachineFacts> {
  const total = Number(/^MemTotal:\s+(\d+) kB/m.exec(await read('/proc/meminfo'))?.[1] ?? 0) * 1024;
  const limit = hierarchies.memoryLimit(cgroupRoot === '' ? '/' : cgroupRoot);
  return {
    cpus: cpus().length || availableParallelism(),
    memoryBytes: limit === undefined ? total : Math.min(total, limit),
    hugePages: await hugePages(),
    info: {
      machineID: (await read('/etc/machine-id')).trim(),
      systemUUID: (await read('/sys/class/dmi/id/product_uuid')).trim() || (await read('/etc/machine-id')).trim(),
      bootID: (await read('/proc/sys/kernel/random/boot_id')).trim(),
      kernelVersion: release(),
      osImage: /^PRETTY_NAME="?(.*?)"?$/m.exec(await read('/etc/os-release'))?.[1] ?? 'Linux',
      containerRuntimeVersion: versions.runtime, kubeletVersion: versions.kubelet, kubeProxyVersion: '',
      operatingSystem: 'linux', architecture: goArchitecture(),
    },
  };
}

export interface DiskUse { capacityBytes: number; availableBytes: number; inodes: number; inodesFree: number }

export async function diskUse(path: string): Promise<DiskUse> {
  const found = await statfs(path);
  return { capacityBytes: found.blocks * found.bsize, availableBytes: found.bavail * found.bsize, inodes: found.files, inodesFree: found.ffree };
}

/** Processes now and at most. */
export async function pidUse(): Promise<{ used: number; max: number }> {
  const running = Number(/^\S+ \S+ \S+ \d+\/(\d+)/.exec(await read('/proc/loadavg'))?.[1] ?? 0);
  const pidMax = Number((await read('/proc/sys/kernel/pid_max')).trim()) || 32_768;
  return { used: running, max: pidMax };
}

export async function availableMemory(hierarchies: CgroupHierarchies, cgroupRoot: string, capacityBytes: number): Promise<number> {
  const path = cgroupRoot === '' ? '/' : cgroupRoot;
  const usage = hierarchies.usage(path);
  if (usage !== undefined && hierarchies.memoryLimit(path) !== undefined) return Math.max(0, capacityBytes - usage.workingSetBytes);
  return Number(/^MemAvailable:\s+(\d+) kB/m.exec(await read('/proc/meminfo'))?.[1] ?? 0) * 1024;
}

async function hugePages(): Promise<Record<string, string>> {
  const total = /^HugePages_Total:\s+(\d+)/m.exec(await read('/proc/meminfo'))?.[1];
  const size = /^Hugepagesize:\s+(\d+) kB/m.exec(await read('/proc/meminfo'))?.[1];
  if (total === undefined || size === undefined) return {};
  const mebibytes = Number(size) / 1024;
  return { [`hugepages-${mebibytes}Mi`]: total === '0' ? '0' : `${Number(total) * mebibytes}Mi` };
}

async function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
