/**
 * Brings the runtime to what the pod asks for: one pass of kill, sandbox, init, sidecars, containers.
 *
 * Applies `podActions`. A pass does not wait for containers to end; what follows from an end is the next pass, which the
 * PLEG asks for. Failures of single containers are recorded as reasons and do not stop the others.
 */
import { mkdir } from 'node:fs/promises';
import type { Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { Container, Pod } from '#api/generated/core/v1';
import { formatDurationMs } from '#machinery/duration';
import type { RuntimeService, SandboxConfig } from '../cri/contract.ts';
import { rpcText } from '../cri/error-text.ts';
import type { PodPaths } from '../paths.ts';
import { isRestartableInit } from '../translation/container-list.ts';
import { containerHash } from '../translation/labels.ts';
import type { BackOff } from './back-off.ts';
import { containerResize } from './container-resize.ts';
import type { ContainerKiller } from './container-killer.ts';
import type { ContainerStarter, StartTarget } from './container-starter.ts';
import { podActions, type PodActions, type ProbeResults } from './pod-actions.ts';
import type { PodEvents } from './pod-events.ts';
import type { PodState } from './pod-state.ts';
import { podText } from './pod-text.ts';
import type { Slots } from './slots.ts';
import { messageOf, StartError } from './start-error.ts';

export interface StartReason { reason: string; message: string }

/** Why containers wait, for the status: written by each pass, gone when a start succeeds. */
export interface ReasonCache {
  get(uid: string, container: string): StartReason | undefined;
  set(uid: string, container: string, reason: StartReason): void;
  clear(uid: string, container?: string): void;
}

export function createReasonCache(): ReasonCache {
  const reasons = new Map<string, Map<string, StartReason>>();
  return {
    get: (uid, container) => reasons.get(uid)?.get(container),
    set: (uid, container, reason) => {
      let ofPod = reasons.get(uid);
      if (ofPod === undefined) { ofPod = new Map(); reasons.set(uid, ofPod); }
      ofPod.set(container, reason);
    },
    clear: (uid, container) => { if (container === undefined) reasons.delete(uid); else reasons.get(uid)?.delete(container); },
  };
}

export interface SyncRuntimeDeps {
  runtime: RuntimeService;
  clock: Clock;
  log: Logger;
  events: PodEvents;
  probes: ProbeResults;
  killer: ContainerKiller;
  start: ContainerStarter;
  backOff: BackOff;
  reasons: ReasonCache;
  paths: PodPaths;
  /** Pure translation with the node's facts. */
  sandboxConfigOf(pod: Pod, attempt: number): SandboxConfig;
  runtimeHandlerOf(pod: Pod): Promise<string>;
  /** Starts at the same time, of sandboxes and containers: they are bound by the machine's CPUs. */
  slots: Slots;
  updatePodCgroup(pod: Pod): void;
  memoryCapacityBytes(): number;
  onSandbox?(ok: boolean): void;
  /** The pod has its address; images may still be pulled for minutes. */
  onSandboxReady(pod: Pod): Promise<void>;
  writeFiles?: boolean;
}

export interface SyncResult {
  /** Something was done: the state should be read again soon. */
  changed: boolean;
  /** Why a resize failed. */
  resizeError?: string;
  /** The pass should be repeated after this long, when nothing else happens first. */
  retryMs?: number;
}

/** @throws Error when the pod as a whole could not go on; containers' own failures are in the reason cache. */
export async function syncRuntime(deps: SyncRuntimeDeps, pod: Pod, state: PodState, ips: readonly string[], signal: AbortSignal): Promise<SyncResult> {
  const actions = podActions(pod, state, deps.probes, (container, current) => containerResize(pod, container, current, deps.memoryCapacityBytes()));
  let changed = false;
  if (actions.createSandbox && actions.sandboxId !== '') deps.events.pod(pod, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
  if (actions.killPod) {
    changed = state.sandboxes.some((sandbox) => sandbox.state === 'SANDBOX_READY') || state.containers.some((container) => container.state === 'running');
    await deps.killer.killPod(pod, state, undefined, signal);
    if (actions.createSandbox) await removeInitContainers(deps, pod, state, signal);
  } else {
    for (const kill of actions.containersToKill) {
      const current = state.containers.find((container) => container.id === kill.id)!;
      await deps.killer.killContainer(pod, current, ips[0] ?? '', { message: kill.message, reason: kill.reason }, signal);
      changed = true;
    }
  }
  const resized = await resizeContainers(deps, pod, actions);
  changed ||= resized.changed;
  if (actions.initToStart.length > 0) await pruneInitContainers(deps, pod, state, signal);
  const nothingToStart = actions.initToStart.length + actions.containersToStart.length + actions.ephemeralToStart.length === 0;
  const resizeError = resized.error === undefined ? {} : { resizeError: resized.error };
  if (!actions.createSandbox && nothingToStart) return { changed, ...resizeError };
  const target = await targetOf(deps, pod, state, actions, ips, signal);
  const started = await startAll(deps, pod, actions.createSandbox ? withoutInit(pod, state) : state, actions, target, signal);
  return { changed: changed || actions.createSandbox || started.any, ...(started.retryMs === undefined ? {} : { retryMs: started.retryMs }), ...resizeError };
}

/** The pod's own limit goes up before its containers' and down after them. */
async function resizeContainers(deps: SyncRuntimeDeps, pod: Pod, actions: PodActions): Promise<{ changed: boolean; error?: string }> {
  if (actions.containersToUpdate.length === 0) return { changed: false };
  const updatePod = (): string | undefined => { try { deps.updatePodCgroup(pod); return undefined; } catch (error) { return messageOf(error); } };
  updatePod(); // what is a decrease may fail now
  for (const { id, container, resources } of actions.containersToUpdate) {
    try { await deps.runtime.updateContainerResources(id, resources); } catch (error) {
      deps.log.info('container was not resized', { pod: podText(pod), container: container.name, error: messageOf(error) });
      return { changed: true, error: messageOf(error) };
    }
  }
  const error = updatePod();
  return { changed: true, ...(error === undefined ? {} : { error }) };
}

/** After a new sandbox the init phase starts over. */
function withoutInit(pod: Pod, state: PodState): PodState {
  const inits = new Set((pod.spec?.initContainers ?? []).filter((container) => !isRestartableInit(container)).map((container) => container.name));
  return { ...state, containers: state.containers.filter((container) => !inits.has(container.name)) };
}

async function targetOf(deps: SyncRuntimeDeps, pod: Pod, state: PodState, actions: PodActions, ips: readonly string[], signal: AbortSignal): Promise<StartTarget> {
  const sandboxConfig = deps.sandboxConfigOf(pod, actions.attempt);
  if (!actions.createSandbox) return { sandboxId: actions.sandboxId, sandboxConfig, podIps: ips };
  try {
    if (deps.writeFiles !== false) await mkdir(sandboxConfig.logDirectory, { recursive: true, mode: 0o755 });
    const handler = await deps.runtimeHandlerOf(pod);
    const leave = await deps.slots.enter(SANDBOX_RANK, signal);
    const sandboxId = await deps.runtime.runPodSandbox(sandboxConfig, handler).finally(leave);
    const status = await deps.runtime.podSandboxStatus(sandboxId, false, signal);
    deps.onSandbox?.(true);
    const podIps = pod.spec?.hostNetwork === true ? ips : status.ips;
    await deps.onSandboxReady(pod);
    return { sandboxId, sandboxConfig, podIps };
  } catch (error) {
    if (!signal.aborted) deps.onSandbox?.(false);
    if (!signal.aborted) deps.events.pod(pod, 'Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${rpcText(error)}`);
    throw error;
  }
}

async function startAll(deps: SyncRuntimeDeps, pod: Pod, state: PodState, actions: PodActions, target: StartTarget, signal: AbortSignal): Promise<{ any: boolean; retryMs?: number }> {
  let any = false;
  let retryMs: number | undefined;
  const startOne = async (container: Container): Promise<boolean> => {
    signal.throwIfAborted();
    const uid = pod.metadata.uid!;
    const waitMs = backOffMs(deps, pod, container, state);
    if (waitMs > 0) {
      retryMs = Math.min(retryMs ?? Infinity, waitMs);
      return false;
    }
    try {
      await deps.start(pod, container, state, target, signal);
      deps.reasons.clear(uid, container.name);
      any = true;
      return true;
    } catch (error) {
      if (signal.aborted) throw error;
      const reason = error instanceof StartError ? error.reason : 'RunContainerError';
      deps.reasons.set(uid, container.name, { reason, message: messageOf(error) });
      deps.log.info('container did not start', { pod: podText(pod), container: container.name, reason, error: messageOf(error) });
      any ||= reason === 'RunContainerError' || reason === 'PostStartHookError';
      retryMs = Math.min(retryMs ?? Infinity, RETRY_START_MS);
      return false;
    }
  };
  for (const container of actions.ephemeralToStart) await startOne(container);
  for (const container of actions.initToStart) {
    const ok = await startOne(container);
    if (!ok && !isRestartableInit(container)) return { any, ...(retryMs === undefined ? {} : { retryMs }) };
  }
  for (const container of actions.containersToStart) await startOne(container);
  return { any, ...(retryMs === undefined ? {} : { retryMs }) };
}

/** A pod that has begun is finished before another begins: half of them run in half of the time. */
const SANDBOX_RANK = 1;
/** A container that could not be created is tried again after this long (upstream's worker back-off). */
const RETRY_START_MS = 10_000;

/**
 * Counted from the newest end that `state` knows: that of the run before, when this pass itself killed the container (liveness).
 * @returns how long the container must wait; 0: start it (and the next wait is longer).
 */
function backOffMs(deps: SyncRuntimeDeps, pod: Pod, container: Container, state: PodState): number {
  const last = state.containers.find((candidate) => candidate.name === container.name && candidate.state === 'exited');
  if (last === undefined) return 0;
  const key = `${pod.metadata.uid}_${container.name}_${containerHash(container)}`;
  const waitMs = deps.backOff.remainingMs(key, last.finishedAtMs);
  if (waitMs <= 0) { deps.backOff.next(key, last.finishedAtMs); return 0; }
  deps.events.container(pod, container.name, 'Warning', 'BackOff', `Back-off restarting failed container ${container.name} in pod ${podText(pod)}`);
  deps.reasons.set(pod.metadata.uid!, container.name, {
    reason: 'CrashLoopBackOff', message: `back-off ${formatDurationMs(deps.backOff.delayMs(key))} restarting failed container=${container.name} pod=${podText(pod)}`,
  });
  return waitMs;
}

async function removeInitContainers(deps: SyncRuntimeDeps, pod: Pod, state: PodState, signal: AbortSignal): Promise<void> {
  const names = new Set((pod.spec?.initContainers ?? []).map((container) => container.name));
  for (const container of state.containers) if (names.has(container.name)) await deps.runtime.removeContainer(container.id, signal);
}

/** Of each init container only the newest ended one is kept. */
async function pruneInitContainers(deps: SyncRuntimeDeps, pod: Pod, state: PodState, signal: AbortSignal): Promise<void> {
  for (const init of pod.spec?.initContainers ?? []) {
    const ended = state.containers.filter((container) => container.name === init.name && container.state === 'exited');
    for (const old of ended.slice(1)) await deps.runtime.removeContainer(old.id, signal);
  }
}
