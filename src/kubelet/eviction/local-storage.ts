/**
 * Ends pods that use more local disk than they may: a limited emptyDir, a container's or the pod's ephemeral-storage limit.
 *
 * Only pods with such a limit are measured. Memory-backed volumes need no check: the kernel holds their limit.
 */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '#api/generated/core/v1';
import type { ContainerStats } from '../cri/contract.ts';
import type { PodPaths } from '../paths.ts';
import { bytes, podAmounts } from '../translation/amounts.ts';
import { CONTAINER_NAME_LABEL, POD_UID_LABEL } from '../translation/labels.ts';

const BLOCK_BYTES = 512;
const STORAGE = 'ephemeral-storage';

export interface LocalStorageUse {
  /** By volume name. */
  emptyDirs: ReadonlyMap<string, number>;
  /** Writable layer and logs, by container name. */
  containers: ReadonlyMap<string, number>;
}

export function hasStorageLimit(pod: Pod): boolean {
  return limitedEmptyDirs(pod).length > 0 || (pod.spec?.containers ?? []).some((container) => container.resources?.limits?.[STORAGE] !== undefined);
}

export async function measureStorage(pod: Pod, paths: PodPaths, stats: readonly ContainerStats[]): Promise<LocalStorageUse> {
  const emptyDirs = new Map<string, number>();
  for (const volume of pod.spec?.volumes ?? []) {
    if (volume.emptyDir === undefined || (volume.emptyDir.medium ?? '') !== '') continue;
    emptyDirs.set(volume.name, await diskBytes(paths.volume(pod.metadata.uid!, 'kubernetes.io/empty-dir', volume.name)));
  }
  const containers = new Map<string, number>();
  for (const container of pod.spec?.containers ?? []) {
    const layer = stats.find((entry) => entry.labels[POD_UID_LABEL] === pod.metadata.uid && entry.labels[CONTAINER_NAME_LABEL] === container.name)?.writableLayerBytes ?? 0;
    containers.set(container.name, layer + await diskBytes(join(paths.logs(pod), container.name)));
  }
  return { emptyDirs, containers };
}

/** Why the pod must go; undefined when it may stay. */
export function storageExcess(pod: Pod, use: LocalStorageUse): string | undefined {
  for (const { name, limit } of limitedEmptyDirs(pod)) {
    if ((use.emptyDirs.get(name) ?? 0) > bytes(limit)) return `Usage of EmptyDir volume "${name}" exceeds the limit "${limit}". `;
  }
  const total = [...use.emptyDirs.values(), ...use.containers.values()].reduce((sum, value) => sum + value, 0);
  const podLimit = podAmounts(pod).limits[STORAGE];
  const allLimited = (pod.spec?.containers ?? []).every((container) => container.resources?.limits?.[STORAGE] !== undefined);
  if (allLimited && podLimit !== undefined && total > bytes(podLimit)) return `Pod ephemeral local storage usage exceeds the total limit of containers ${podLimit}. `;
  for (const container of pod.spec?.containers ?? []) {
    const limit = container.resources?.limits?.[STORAGE];
    if (limit !== undefined && (use.containers.get(container.name) ?? 0) > bytes(limit)) return `Container ${container.name} exceeded its local ephemeral storage limit "${limit}". `;
  }
  return undefined;
}

function limitedEmptyDirs(pod: Pod): { name: string; limit: string }[] {
  return (pod.spec?.volumes ?? []).flatMap(({ name, emptyDir }) => (emptyDir?.sizeLimit !== undefined && (emptyDir.medium ?? '') === '' && bytes(emptyDir.sizeLimit) > 0 ? [{ name, limit: emptyDir.sizeLimit }] : []));
}

/** Blocks used by everything below, links not followed; 0 for what is not there. */
async function diskBytes(path: string): Promise<number> {
  const stat = await lstat(path).catch(() => undefined);
  if (stat === undefined) return 0;
  let total = stat.blocks * BLOCK_BYTES;
  if (!stat.isDirectory()) return total;
  for (const name of await readdir(path).catch(() => [])) total += await diskBytes(join(path, name));
  return total;
}
