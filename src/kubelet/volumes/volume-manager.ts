/**
 * Sets up the volumes of pods, keeps them current, and takes them down.
 *
 * `mountPod` is idempotent and called at each sync: it makes what is missing and rewrites what changed. What a pod has on disk is
 * found again from its directory, so `unmountPod` works after a restart of the kubelet too.
 */
import { chmod, chown, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { Random } from '#base/random';
import type { Container, Pod, Volume } from '#api/generated/core/v1';
import type { Mount } from '../cri/contract.ts';
import type { PodPaths } from '../paths.ts';
import { messageOf } from '../runtime/start-error.ts';
import { bytes, podAmounts } from '../translation/amounts.ts';
import { containersOf } from '../translation/container-list.ts';
import { expandStrictly } from '../translation/expansion.ts';
import { writeAtomically } from './atomic-writer.ts';
import { checkHostPath } from './host-path.ts';
import type { Mounter } from './mounts.ts';
import { giveToGroup } from './ownership.ts';
import { volumePayload, type PayloadSources } from './payloads.ts';
import type { PersistentVolumes } from './persistent-volumes.ts';
import { bindSubPath } from './subpath.ts';

export interface VolumeFault {
  volume: string;
  message: string;
  /** Nothing of the volume is there yet; otherwise only its update failed. */
  missing: boolean;
}

export interface VolumeManager {
  /** @returns what could not be set up; empty: all is there. */
  mountPod(pod: Pod, signal: AbortSignal): Promise<VolumeFault[]>;
  /** Unmounts and removes everything below the pod's volume directories. */
  unmountPod(pod: Pod, signal?: AbortSignal): Promise<void>;
  /** The mounts of one container. @throws Error when a subpath cannot be made. */
  containerMounts(pod: Pod, container: Container, environment: ReadonlyMap<string, string>): Promise<Mount[]>;
  /** Groups that the pod's persistent volumes ask for. */
  extraGroups(pod: Pod): readonly number[];
  /** Takes down volumes of pods that are not wanted (asked for each, when its turn comes). */
  removeOrphans(isWanted: (uid: string) => boolean): Promise<void>;
}

export interface VolumeManagerOptions {
  paths: PodPaths;
  mounter: Mounter;
  sources: PayloadSources;
  persistent: PersistentVolumes;
  clock: Clock;
  random: Random;
  log: Logger;
}

interface SetUp { hostPath: string; readOnly: boolean; groups?: readonly number[] }

const PLUGINS: readonly (readonly [keyof Volume, string])[] = [
  ['emptyDir', 'kubernetes.io/empty-dir'], ['configMap', 'kubernetes.io/configmap'], ['secret', 'kubernetes.io/secret'],
  ['downwardAPI', 'kubernetes.io/downward-api'], ['projected', 'kubernetes.io/projected'],
];

export function createVolumeManager(options: VolumeManagerOptions): VolumeManager {
  const mounted = new Map<string, Map<string, SetUp>>();

  async function setUp(pod: Pod, volume: Volume, signal: AbortSignal): Promise<SetUp> {
    signal.throwIfAborted();
    if (volume.hostPath !== undefined) {
      await checkHostPath(volume.hostPath.path, volume.hostPath.type);
      return { hostPath: volume.hostPath.path, readOnly: false };
    }
    if (volume.persistentVolumeClaim !== undefined || volume.ephemeral !== undefined) return options.persistent.setUp(pod, volume);
    const plugin = PLUGINS.find(([key]) => volume[key] !== undefined)?.[1] ?? (isBare(volume) ? 'kubernetes.io/empty-dir' : undefined);
    if (plugin === undefined) throw new Error(`no volume plugin matched: ${Object.keys(volume).filter((key) => key !== 'name').join(', ')}`);
    const dir = options.paths.volume(pod.metadata.uid!, plugin, volume.name);
    if (volume.emptyDir !== undefined || isBare(volume)) await setUpEmptyDir(options, pod, volume, dir);
    else await setUpPayload(options, pod, volume, dir);
    return { hostPath: dir, readOnly: volume.emptyDir === undefined };
  }

  return {
    mountPod: async (pod, signal) => {
      const uid = pod.metadata.uid!;
      const used = new Set(containersOf(pod).flatMap(({ container }) => (container.volumeMounts ?? []).map((mount) => mount.name)));
      const done = new Map<string, SetUp>();
      const faults: VolumeFault[] = [];
      for (const volume of pod.spec?.volumes ?? []) {
        if (!used.has(volume.name) || volume.image !== undefined) continue;
        try { done.set(volume.name, await setUp(pod, volume, signal)); } catch (error) {
          if (signal.aborted) throw error;
          // A pod that has its files keeps them when an update fails, also past a restart of the kubelet.
          const before = mounted.get(uid)?.get(volume.name) ?? await written(options.paths, uid, volume);
          if (before !== undefined) done.set(volume.name, before);
          faults.push({ volume: volume.name, message: messageOf(error), missing: before === undefined });
        }
      }
      mounted.set(uid, done);
      return faults;
    },

    unmountPod: async (pod) => { mounted.delete(pod.metadata.uid!); await takeDown(options, pod.metadata.uid!); },

    containerMounts: async (pod, container, environment) => {
      const mounts: Mount[] = [];
      for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
        const image = pod.spec?.volumes?.find((volume) => volume.name === mount.name)?.image;
        if (image !== undefined) { mounts.push({ containerPath: mount.mountPath, hostPath: '', readonly: true, image: { image: image.reference ?? '' }, ...(mount.subPath === undefined ? {} : { imageSubPath: mount.subPath }) }); continue; }
        const volume = mounted.get(pod.metadata.uid!)?.get(mount.name);
        if (volume === undefined) throw new Error(`cannot find volume "${mount.name}" to mount into container "${container.name}"`);
        const subPath = mount.subPathExpr !== undefined && mount.subPathExpr !== '' ? expandStrictly(mount.subPathExpr, environment) : mount.subPath ?? '';
        const readonly = mount.readOnly === true || volume.readOnly;
        let hostPath = volume.hostPath;
        if (subPath !== '') {
          hostPath = join(options.paths.subpaths(pod.metadata.uid!), mount.name, container.name, String(index));
          await bindSubPath(options.mounter, volume.hostPath, subPath, hostPath, { create: !volume.readOnly });
        }
        const containerPath = mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`;
        mounts.push({ containerPath, hostPath, readonly, propagation: propagationOf(mount.mountPropagation) });
      }
      return mounts;
    },

    extraGroups: (pod) => [...(mounted.get(pod.metadata.uid!)?.values() ?? [])].flatMap((volume) => volume.groups ?? []),

    removeOrphans: async (isWanted) => {
      for (const uid of await readdir(options.paths.podsDir).catch(() => [])) {
        if (isWanted(uid)) continue;
        try {
          await takeDown(options, uid);
          await rm(options.paths.pod(uid), { recursive: true, force: true });
        } catch (error) {
          options.log.warn('orphaned pod directory was not removed', { uid, error: messageOf(error) });
        }
      }
    },
  };
}

/** What an earlier kubelet wrote of the volume. */
async function written(paths: PodPaths, uid: string, volume: Volume): Promise<SetUp | undefined> {
  const plugin = PLUGINS.find(([key]) => volume[key] !== undefined)?.[1];
  if (plugin === undefined || volume.emptyDir !== undefined) return undefined;
  const dir = paths.volume(uid, plugin, volume.name);
  return await stat(join(dir, '..data')).then(() => true, () => false) ? { hostPath: dir, readOnly: true } : undefined;
}

/** Upstream treats a volume without a source as an emptyDir. */
function isBare(volume: Volume): boolean {
  return Object.keys(volume).every((key) => key === 'name' || volume[key as keyof Volume] === undefined);
}

function propagationOf(mode: string | undefined): NonNullable<Mount['propagation']> {
  if (mode === 'HostToContainer') return 'PROPAGATION_HOST_TO_CONTAINER';
  return mode === 'Bidirectional' ? 'PROPAGATION_BIDIRECTIONAL' : 'PROPAGATION_PRIVATE';
}

async function setUpEmptyDir(options: VolumeManagerOptions, pod: Pod, volume: Volume, dir: string): Promise<void> {
  const isNew = !(await stat(dir).then(() => true, () => false));
  await mkdir(dir, { recursive: true, mode: 0o750 });
  const medium = volume.emptyDir?.medium ?? '';
  if (medium === 'Memory' && !(await options.mounter.isMounted(dir))) {
    const size = memorySize(pod, volume.emptyDir?.sizeLimit);
    await options.mounter.mount(['-t', 'tmpfs', ...(size > 0 ? ['-o', `size=${size}`] : []), 'tmpfs', dir]);
  }
  if (medium.startsWith('HugePages') && !(await options.mounter.isMounted(dir))) {
    const page = medium === 'HugePages' ? '' : medium.slice('HugePages-'.length).replace('i', '');
    await options.mounter.mount(['-t', 'hugetlbfs', ...(page === '' ? [] : ['-o', `pagesize=${page}`]), 'nodev', dir]);
  }
  if (!isNew) return;
  await chmod(dir, 0o777);
  const group = pod.spec?.securityContext?.fsGroup;
  if (group !== undefined) await giveToGroup(dir, group, { readOnly: false });
}

/** The smaller of the volume's limit and the memory that the pod may use; 0: none. */
function memorySize(pod: Pod, sizeLimit: string | undefined): number {
  const everyLimited = (pod.spec?.containers ?? []).every((container) => container.resources?.limits?.['memory'] !== undefined);
  const podLimit = everyLimited ? bytes(podAmounts(pod).limits['memory']) : 0;
  const own = bytes(sizeLimit);
  return own > 0 && podLimit > 0 ? Math.min(own, podLimit) : own || podLimit;
}

/** Secrets never touch a disk. */
async function setUpPayload(options: VolumeManagerOptions, pod: Pod, volume: Volume, dir: string): Promise<void> {
  const payload = (await volumePayload(pod, volume, options.sources))!;
  await mkdir(dir, { recursive: true, mode: 0o777 });
  if ((volume.secret !== undefined || volume.projected !== undefined) && !(await options.mounter.isMounted(dir))) {
    await options.mounter.mount(['-t', 'tmpfs', '-o', 'mode=0777', 'tmpfs', dir]);
  }
  const group = pod.spec?.securityContext?.fsGroup;
  if (group !== undefined) await chown(dir, -1, group);
  await chmod(dir, group === undefined ? 0o777 : 0o2777);
  await writeAtomically(dir, payload, {
    clock: options.clock, random: options.random,
    ...(group === undefined ? {} : { prepare: (fresh: string) => giveToGroup(fresh, group, { readOnly: true }) }),
  });
}

async function takeDown(options: VolumeManagerOptions, uid: string): Promise<void> {
  const dir = options.paths.pod(uid);
  for (const point of await options.mounter.below(dir)) await options.mounter.unmount(point);
  // Nothing may be mounted below what is removed: rm would empty a host directory.
  const left = await options.mounter.below(dir);
  if (left.length > 0) throw new Error(`still mounted: ${left.join(', ')}`);
  for (const part of [options.paths.volumes(uid), options.paths.subpaths(uid)]) await rm(part, { recursive: true, force: true });
}
