/**
 * What the kubelet does for a pod in each phase of its worker: status, cgroup, directories, volumes, probes, runtime.
 *
 * Order matters: the status is written before anything starts; volumes are there before containers; the cgroup goes last.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { Pod, PodCondition, PodStatus } from '#api/generated/core/v1';
import type { PodCgroups } from '../cgroups/pod-cgroups.ts';
import type { RuntimeService } from '../cri/contract.ts';
import type { PodPaths } from '../paths.ts';
import type { ProbeManager } from '../prober/probe-manager.ts';
import type { BackOff } from '../runtime/back-off.ts';
import type { ContainerKiller } from '../runtime/container-killer.ts';
import type { PodEvents } from '../runtime/pod-events.ts';
import { containerResize } from '../runtime/container-resize.ts';
import { findState, hasRunning, readPodState, type ContainerState, type PodState } from '../runtime/pod-state.ts';
import { messageOf } from '../runtime/start-error.ts';
import { syncRuntime, type ReasonCache, type SyncRuntimeDeps } from '../runtime/sync-runtime.ts';
import { podStatus } from '../status/pod-status.ts';
import type { StatusManager } from '../status/status-manager.ts';
import type { VolumeManager } from '../volumes/volume-manager.ts';
import { resizeSummary } from './allocations.ts';
import { isStaticPod, type PodStore } from './pod-store.ts';
import type { PodFailure, PodSyncer } from './pod-workers.ts';

export interface SyncPodDeps {
  runtime: RuntimeService;
  runtimeName: string;
  clock: Clock;
  log: Logger;
  events: PodEvents;
  cgroups: PodCgroups;
  status: StatusManager;
  probes: ProbeManager;
  volumes: VolumeManager;
  /** Between tries to mount; by pod. */
  volumeBackOff: BackOff;
  killer: ContainerKiller;
  reasons: ReasonCache;
  store: PodStore;
  paths: PodPaths;
  hostIps(): readonly string[];
  imageIdOf(container: ContainerState): string;
  /** Why pods with an own network cannot start; undefined when they can. */
  networkFault(): string | undefined;
  /** Makes or repairs the mirror of a static pod. */
  ensureMirror(pod: Pod): Promise<void>;
  /** Everything else that the runtime pass needs. */
  sync: Omit<SyncRuntimeDeps, 'onSandboxReady'>;
  /** Why the pod's wish for other resources waits. */
  pendingResize(pod: Pod): PodCondition | undefined;
  /** For the first time. */
  onRunning?(pod: Pod, seconds: number): void;
  writeFiles?: boolean;
}

export function podSyncer(deps: SyncPodDeps): PodSyncer {
  /** By pod: what went wrong when it was resized. */
  const resizeErrors = new Map<string, string>();
  const statusOf = (pod: Pod, state: PodState, options: { terminal: boolean; failure?: PodFailure | undefined }): PodStatus => {
    const status = podStatus({
      pod, state, previous: deps.status.get(pod.metadata.uid!), terminal: options.terminal, isStatic: isStaticPod(pod), hostIps: deps.hostIps(), runtimeName: deps.runtimeName,
      reasonOf: (name) => deps.reasons.get(pod.metadata.uid!, name), probed: deps.probes.verdict, imageIdOf: deps.imageIdOf, failure: options.failure,
      resize: options.terminal ? [] : resizeConditions(deps, pod, state, resizeErrors.get(pod.metadata.uid!)),
    });
    const condition = options.failure?.condition;
    return condition === undefined ? status : { ...status, conditions: [...(status.conditions ?? []).filter((entry) => entry.type !== condition.type), { ...condition, status: 'True' }] };
  };

  return {
    syncPod: async (pod, signal) => {
      const uid = pod.metadata.uid!;
      const state = await readPodState(deps.runtime, uid, signal);
      deps.probes.addPod(pod, state);
      const deadline = deadlineOf(pod, deps.status.get(uid), deps.clock.now());
      if (deadline?.passed === true) deps.events.pod(pod, 'Normal', 'DeadlineExceeded', 'Pod was active on the node longer than the specified deadline');
      const failure = deadline?.passed === true ? { reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' } : undefined;
      const status = statusOf(pod, state, { terminal: false, failure });
      deps.status.set(pod, status);
      if (status.phase === 'Succeeded' || status.phase === 'Failed') return { terminal: true };
      const networkFault = pod.spec?.hostNetwork === true ? undefined : deps.networkFault();
      if (networkFault !== undefined && !hasRunning(state)) {
        const message = `network is not ready: ${networkFault}`;
        deps.events.pod(pod, 'Warning', 'NetworkNotReady', message);
        throw new Error(message);
      }
      const prepared = await prepare(deps, pod, signal);
      if (!prepared.ready) return { terminal: false, againMs: prepared.againMs };
      const ips = (status.podIPs ?? []).map(({ ip }) => ip);
      const onSandboxReady = async (): Promise<void> => { deps.status.set(pod, statusOf(pod, await readPodState(deps.runtime, uid, signal), { terminal: false })); };
      const result = await syncRuntime({ ...deps.sync, onSandboxReady }, pod, state, pod.spec?.hostNetwork === true ? deps.hostIps() : ips, signal);
      if (result.resizeError === undefined) resizeErrors.delete(uid); else resizeErrors.set(uid, result.resizeError);
      // The next pass sees what this one did: new ids, addresses, reasons.
      const fresh = await readPodState(deps.runtime, uid, signal);
      const after = statusOf(pod, fresh, { terminal: false });
      tellResize(deps, pod, status, after);
      if (status.phase === 'Pending' && after.phase === 'Running' && after.startTime !== undefined) deps.onRunning?.(pod, Math.max(0, (deps.clock.now() - Date.parse(after.startTime)) / 1000));
      deps.status.set(pod, after);
      deps.probes.addPod(pod, fresh);
      if (after.phase === 'Succeeded' || after.phase === 'Failed') return { terminal: true };
      return { terminal: false, againMs: soonest(result.retryMs, deadline?.leftMs) };
    },

    syncTerminating: async (pod, graceSeconds, failure, signal) => {
      const uid = pod.metadata.uid!;
      const before = await readPodState(deps.runtime, uid, signal);
      deps.status.set(pod, statusOf(pod, before, { terminal: false, failure }));
      deps.probes.stopLivenessAndStartup(uid);
      try {
        await deps.killer.killPod(pod, before, graceSeconds, signal);
      } catch (error) {
        if (!signal.aborted) deps.events.pod(pod, 'Warning', 'FailedKillPod', `error killing pod: ${messageOf(error)}`);
        throw error;
      }
      deps.probes.removePod(uid);
      resizeErrors.delete(uid);
      const after = await readPodState(deps.runtime, uid, signal);
      const running = after.containers.filter((container) => container.state === 'running').map((container) => container.id);
      if (running.length > 0) throw new Error(`detected running containers after a successful KillPod, CRI violation: ${running.join(', ')}`);
      deps.reasons.clear(uid);
      deps.status.set(pod, statusOf(pod, { ...after, ips: before.ips }, { terminal: true, failure }));
      deps.status.terminate(pod);
    },

    syncTerminated: async (pod, signal) => {
      const uid = pod.metadata.uid!;
      await deps.volumes.unmountPod(pod, signal);
      deps.cgroups.removePod(uid);
      deps.status.finish(pod);
    },

    syncOrphan: async (uid, signal) => {
      const state = await readPodState(deps.runtime, uid, signal);
      deps.log.info('a pod that nobody knows is stopped', { uid, pod: state.name, namespace: state.namespace });
      await deps.killer.killPod(placeholder(state), state, 1, signal);
    },
  };
}

/** A wish that waits, and a grant that the runtime does not enforce yet. */
function resizeConditions(deps: SyncPodDeps, pod: Pod, state: PodState, error: string | undefined): PodCondition[] {
  const pending = deps.pendingResize(pod);
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const underWay = containers.some((container) => {
    const current = findState(state, container.name);
    return current !== undefined && containerResize(pod, container, current, deps.sync.memoryCapacityBytes()) !== undefined;
  });
  const inProgress: PodCondition = { type: 'PodResizeInProgress', status: 'True', ...(error === undefined ? {} : { reason: 'Error', message: error }), ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }) };
  return [...(pending === undefined ? [] : [pending]), ...(underWay ? [inProgress] : [])];
}

/** A resize ends when the runtime enforces what was granted. */
function tellResize(deps: SyncPodDeps, pod: Pod, before: PodStatus, after: PodStatus): void {
  const of = (status: PodStatus): PodCondition | undefined => status.conditions?.find((condition) => condition.type === 'PodResizeInProgress');
  const [was, is] = [of(before), of(after)];
  if (was !== undefined && is === undefined) deps.events.pod(pod, 'Normal', 'ResizeCompleted', `Pod resize completed: ${resizeSummary(pod)}`);
  if (is?.reason === 'Error' && was?.reason !== 'Error') deps.events.pod(pod, 'Warning', 'ResizeError', `Pod resize error: ${resizeSummary(pod, is.message)}`);
}

/** Not ready: volumes lack something that may come; the events say what. */
type Prepared = { ready: true } | { ready: false; againMs: number };

async function prepare(deps: SyncPodDeps, pod: Pod, signal: AbortSignal): Promise<Prepared> {
  const uid = pod.metadata.uid!;
  try { deps.cgroups.ensurePod(pod); } catch (error) {
    deps.events.pod(pod, 'Warning', 'FailedCreatePodContainer', `unable to ensure pod container exists: ${messageOf(error)}`);
    throw error;
  }
  deps.cgroups.balance(deps.store.list());
  await deps.ensureMirror(pod).catch((error: unknown) => deps.log.debug('mirror pod was not made', { pod: pod.metadata.name, error: messageOf(error) }));
  if (deps.writeFiles !== false) {
    for (const dir of ['volumes', 'plugins', 'containers']) await mkdir(join(deps.paths.pod(uid), dir), { recursive: true, mode: 0o750 });
  }
  const faults = await deps.volumes.mountPod(pod, signal);
  const blocking = faults.some((fault) => fault.missing);
  if (faults.length === 0) { deps.volumeBackOff.reset(uid); return { ready: true }; }
  for (const fault of faults) deps.events.pod(pod, 'Warning', 'FailedMount', `MountVolume.SetUp failed for volume "${fault.volume}" : ${fault.message}`);
  if (!blocking) return { ready: true };
  deps.volumeBackOff.next(uid, deps.clock.now());
  return { ready: false, againMs: deps.volumeBackOff.delayMs(uid) };
}

function deadlineOf(pod: Pod, status: PodStatus | undefined, nowMs: number): { passed: boolean; leftMs: number } | undefined {
  const seconds = pod.spec?.activeDeadlineSeconds;
  const startTime = status?.startTime ?? pod.status?.startTime;
  if (seconds === undefined) return undefined;
  const leftMs = startTime === undefined ? seconds * 1000 : Date.parse(startTime) + seconds * 1000 - nowMs;
  return { passed: leftMs <= 0, leftMs: Math.max(0, leftMs) };
}

function soonest(...times: (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.max(1, Math.min(...known));
}

/** Enough of a pod to end its containers: the rest is gone. */
function placeholder(state: PodState): Pod {
  return { metadata: { name: state.name, namespace: state.namespace, uid: state.uid }, spec: { containers: [] } };
}

