/**
 * Compares what should run with what is on the node, and removes what nobody wants: orphaned pods, ended containers, directories,
 * cgroups, logs, mirror pods.
 *
 * Invariant: what belongs to a pod is removed only after asking, at that moment, whether the pod is still unwanted: pods may come
 * while this waits for the runtime. Nothing is removed before all sources of pods have spoken. A pod's containers stay until its worker says that all has stopped;
 * the logs of a pod stay as long as the pod.
 */
import { readdir, rm, unlink, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '#base/log';
import type { PodCgroups } from '../cgroups/pod-cgroups.ts';
import type { RuntimeContainer, RuntimeService, Sandbox } from '../cri/contract.ts';
import type { Snapshot } from '../pleg/pleg.ts';
import { podLogDirName } from '../paths.ts';
import { CONTAINER_NAME_LABEL, POD_NAME_LABEL, POD_NAMESPACE_LABEL, POD_UID_LABEL } from '../translation/labels.ts';
import { messageOf } from '../runtime/start-error.ts';
import type { StatusManager } from '../status/status-manager.ts';
import type { VolumeManager } from '../volumes/volume-manager.ts';
import type { PodStore } from './pod-store.ts';
import type { PodWorkers } from './pod-workers.ts';

export interface HousekeepingOptions {
  runtime: RuntimeService;
  log: Logger;
  store: PodStore;
  workers: PodWorkers;
  status: StatusManager;
  volumes: VolumeManager;
  cgroups: PodCgroups;
  snapshot(signal: AbortSignal): Promise<Snapshot>;
  sourcesReady(): boolean;
  removeOrphanedMirrors(): Promise<void>;
  /** A pod is gone for good. */
  onForgotten(uid: string): void;
  podLogsDir: string;
  containerLogsDir: string;
  writeFiles?: boolean;
}

/** Ended containers kept of each name: the one that "previous" shows. */
const ENDED_KEPT = 1;

/** Asked at the moment of removal. */
interface Alive { has(uid: string): boolean }

export interface Housekeeping { run(signal: AbortSignal): Promise<void> }

export function createHousekeeping(options: HousekeepingOptions): Housekeeping {
  let known = new Set<string>();
  return {
    run: async (signal) => {
      if (!options.sourcesReady()) return;
      const wanted = new Set(options.store.list().map((pod) => pod.metadata.uid!));
      const active = options.workers.retain(wanted);
      const now = new Set([...wanted, ...active]);
      for (const uid of known) if (!now.has(uid)) options.onForgotten(uid);
      known = now;
      options.status.retain(now);
      const alive: Alive = { has: (uid) => options.store.get(uid) !== undefined || options.workers.isKnown(uid) };
      const snapshot = await options.snapshot(signal);
      for (const uid of runningUids(snapshot)) if (!alive.has(uid)) options.workers.killOrphan(uid);
      await collectContainers(options, snapshot, alive, signal);
      const inRuntime = new Set([...snapshot.sandboxes, ...snapshot.containers].map((entry) => entry.labels[POD_UID_LABEL]).filter((uid) => uid !== undefined));
      if (options.writeFiles !== false) {
        await options.volumes.removeOrphans((uid) => alive.has(uid) || inRuntime.has(uid));
        await removeLogs(options, alive, inRuntime);
      }
      for (const uid of options.cgroups.listPods()) if (!alive.has(uid) && !inRuntime.has(uid)) removeCgroup(options, uid);
      await options.removeOrphanedMirrors();
    },
  };
}

function runningUids(snapshot: Snapshot): Set<string> {
  const running = [
    ...snapshot.sandboxes.filter((sandbox) => sandbox.state === 'SANDBOX_READY'), ...snapshot.containers.filter((container) => container.state === 'CONTAINER_RUNNING'),
  ];
  return new Set(running.map((entry) => entry.labels[POD_UID_LABEL]).filter((uid) => uid !== undefined));
}

async function collectContainers(options: HousekeepingOptions, snapshot: Snapshot, alive: Alive, signal: AbortSignal): Promise<void> {
  const dead = snapshot.containers.filter((container) => container.state !== 'CONTAINER_RUNNING');
  const byName = new Map<string, RuntimeContainer[]>();
  for (const container of dead) {
    const key = `${container.labels[POD_UID_LABEL]}/${container.labels[CONTAINER_NAME_LABEL]}`;
    byName.set(key, [...(byName.get(key) ?? []), container]);
  }
  const removed = new Set<string>();
  for (const group of byName.values()) {
    const uid = group[0]!.labels[POD_UID_LABEL] ?? '';
    if (uid === '') continue;
    const gone = !alive.has(uid);
    // The newest ended one is a status or the previous logs; a created one may be about to start.
    const ordered = group.sort((a, b) => b.createdAtMs - a.createdAtMs);
    const current = snapshot.containers.find((container) => container.labels[POD_UID_LABEL] === uid && container.metadata.name === ordered[0]!.metadata.name && container.state === 'CONTAINER_RUNNING');
    const newest = current ?? ordered[0]!;
    const ended = ordered.filter((container) => container.state === 'CONTAINER_EXITED').slice(newest === current ? ENDED_KEPT : ENDED_KEPT + 1);
    // Made by a kubelet that died before it could start them.
    const neverStarted = ordered.filter((container) => container.state !== 'CONTAINER_EXITED' && container !== newest);
    const removable = gone ? ordered : [...ended, ...neverStarted];
    for (const container of removable) {
      await removeContainer(options, container, signal);
      removed.add(container.id);
    }
  }
  const left = snapshot.containers.filter((container) => !removed.has(container.id));
  for (const sandbox of snapshot.sandboxes) await collectSandbox(options, sandbox, snapshot.sandboxes, left, alive, signal);
}

/** A sandbox goes when it is not ready, empty, and not the newest of a pod that is wanted. */
async function collectSandbox(
  options: HousekeepingOptions, sandbox: Sandbox, all: readonly Sandbox[], containers: readonly RuntimeContainer[], alive: Alive, signal: AbortSignal,
): Promise<void> {
  const uid = sandbox.labels[POD_UID_LABEL];
  if (sandbox.state === 'SANDBOX_READY' || uid === undefined || containers.some((container) => container.podSandboxId === sandbox.id)) return;
  const newest = all.every((other) => other.labels[POD_UID_LABEL] !== uid || other.createdAtMs <= sandbox.createdAtMs);
  if (alive.has(uid) && newest) return;
  try {
    // Stopping again frees a network that an earlier try may have left.
    await options.runtime.stopPodSandbox(sandbox.id, signal);
    await options.runtime.removePodSandbox(sandbox.id, signal);
  } catch (error) {
    options.log.warn('sandbox was not removed', { sandbox: sandbox.id, error: messageOf(error) });
  }
}

/** With its log: nobody can ask for it any more. */
async function removeContainer(options: HousekeepingOptions, container: RuntimeContainer, signal: AbortSignal): Promise<void> {
  try {
    await options.runtime.removeContainer(container.id, signal);
    if (options.writeFiles !== false) await removeLog(options.podLogsDir, container);
  } catch (error) {
    options.log.warn('container was not removed', { container: container.id, error: messageOf(error) });
  }
}

/** `<attempt>.log` and what was rotated out of it. */
async function removeLog(podLogsDir: string, { labels, metadata }: RuntimeContainer): Promise<void> {
  const dir = join(podLogsDir, `${labels[POD_NAMESPACE_LABEL]}_${labels[POD_NAME_LABEL]}_${labels[POD_UID_LABEL]}`, metadata.name);
  const prefix = `${metadata.attempt}.log`;
  for (const name of await readdir(dir).catch(() => [])) {
    if (name === prefix || name.startsWith(`${prefix}.`)) await rm(join(dir, name), { force: true });
  }
}

async function removeLogs(options: HousekeepingOptions, alive: Alive, inRuntime: ReadonlySet<string>): Promise<void> {
  const named = new Set(options.store.list().map(podLogDirName));
  for (const name of await readdir(options.podLogsDir).catch(() => [])) {
    const uid = name.slice(name.lastIndexOf('_') + 1);
    if (named.has(name) || alive.has(uid) || inRuntime.has(uid)) continue;
    await rm(join(options.podLogsDir, name), { recursive: true, force: true });
  }
  if (options.containerLogsDir === '') return;
  for (const name of await readdir(options.containerLogsDir).catch(() => [])) {
    const link = join(options.containerLogsDir, name);
    const target = await readlink(link).catch(() => undefined);
    // Only links into this kubelet's own logs are its business.
    if (target?.startsWith(`${options.podLogsDir}/`) !== true) continue;
    const dir = target.slice(options.podLogsDir.length + 1).split('/')[0]!;
    if (!named.has(dir) && !alive.has(dir.slice(dir.lastIndexOf('_') + 1))) await unlink(link).catch(() => undefined);
  }
}

function removeCgroup(options: HousekeepingOptions, uid: string): void {
  try { options.cgroups.removePod(uid); } catch (error) {
    options.log.debug('cgroup of a pod that is gone was not removed yet', { uid, error: messageOf(error) });
  }
}
