/**
 * What eviction looks at: free memory, disk, inodes and process ids, each with its capacity.
 */
import type { KubeletConfig } from '../config.ts';
import type { ImageService } from '../cri/contract.ts';
import type { DiskUse } from '../node/machine.ts';

export type SignalName = 'memory.available' | 'nodefs.available' | 'nodefs.inodesFree' | 'imagefs.available' | 'imagefs.inodesFree' | 'pid.available';
export interface SignalValue { available: number; capacity: number }
export type Signals = Partial<Record<SignalName, SignalValue>>;

export interface SignalSources {
  config: KubeletConfig;
  images: ImageService;
  memoryCapacityBytes: number;
  availableMemory(): Promise<number>;
  diskUse(path: string): Promise<DiskUse>;
  pidUse(): Promise<{ used: number; max: number }>;
}

export async function readSignals(sources: SignalSources): Promise<Signals> {
  const node = await sources.diskUse(sources.config.rootDir);
  const [filesystem] = await sources.images.imageFilesystem().catch(() => []);
  const image = filesystem === undefined ? undefined : await sources.diskUse(filesystem.mountpoint).catch(() => undefined);
  const pids = await sources.pidUse();
  return {
    'memory.available': { available: await sources.availableMemory(), capacity: sources.memoryCapacityBytes },
    ...disk('nodefs', node), ...(image === undefined ? {} : disk('imagefs', image)),
    'pid.available': { available: pids.max - pids.used, capacity: pids.max },
  };
}

/** File systems that make inodes as needed report none. */
function disk(prefix: 'nodefs' | 'imagefs', use: DiskUse): Signals {
  return {
    [`${prefix}.available`]: { available: use.availableBytes, capacity: use.capacityBytes },
    ...(use.inodes === 0 ? {} : { [`${prefix}.inodesFree`]: { available: use.inodesFree, capacity: use.inodes } }),
  };
}
