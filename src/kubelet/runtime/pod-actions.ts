/**
 * Pod and what runs of it → what to do next. Pure; applied by `sync-runtime.ts`.
 *
 *     no ready sandbox → (kill everything) → sandbox → first init container
 *     init i done      → init i+1            sidecars count as done once started
 *     all init done    → regular containers that should run and do not
 *     nothing left     → kill the pod
 */
import type { Container, Pod } from '#api/generated/core/v1';
import type { LinuxResources } from '../cri/contract.ts';
import { isRestartableInit } from '../translation/container-list.ts';
import { containerHash } from '../translation/labels.ts';
import type { Resize } from './container-resize.ts';
import { findState, type ContainerState, type PodState } from './pod-state.ts';
import { podRestartPolicy, restartsAfter, shouldStart } from './restart-rules.ts';

export type ProbeResult = 'success' | 'failure' | 'unknown';
export type KillReason = 'StartupProbe' | 'LivenessProbe' | 'Unknown' | '';

export interface ProbeResults {
  /** Undefined: never probed. */
  liveness(containerId: string): ProbeResult | undefined;
  startup(containerId: string): ProbeResult | undefined;
}

export interface ContainerToKill { id: string; container: Container; message: string; reason: KillReason }

export interface ContainerToUpdate { id: string; container: Container; resources: LinuxResources }

export interface PodActions {
  killPod: boolean;
  createSandbox: boolean;
  /** The newest sandbox; '' for none. */
  sandboxId: string;
  /** For the next sandbox. */
  attempt: number;
  initToStart: Container[];
  containersToStart: Container[];
  ephemeralToStart: Container[];
  containersToKill: ContainerToKill[];
  /** In-place resize. */
  containersToUpdate: ContainerToUpdate[];
}

export type ResizeOf = (container: Container, state: ContainerState) => Resize | undefined;

export interface SandboxNeed { changed: boolean; attempt: number; sandboxId: string }

/** A pod needs a new sandbox when it has none, several ready ones, or one that lost its network. */
export function sandboxNeed(pod: Pod, state: PodState): SandboxNeed {
  const newest = state.sandboxes[0];
  if (newest === undefined) return { changed: true, attempt: 0, sandboxId: '' };
  const ready = state.sandboxes.filter((sandbox) => sandbox.state === 'SANDBOX_READY').length;
  const replaced = { changed: true, attempt: newest.metadata.attempt + 1, sandboxId: newest.id };
  if (ready > 1 || newest.state !== 'SANDBOX_READY') return replaced;
  const wantsHost = pod.spec?.hostNetwork === true;
  if (newest.network !== undefined && (newest.network === 'NODE') !== wantsHost) return { ...replaced, sandboxId: '' };
  if (!wantsHost && newest.ips.length === 0) return replaced;
  return { changed: false, attempt: newest.metadata.attempt, sandboxId: newest.id };
}

export function podActions(pod: Pod, state: PodState, probes: ProbeResults, resizeOf: ResizeOf = () => undefined): PodActions {
  const need = sandboxNeed(pod, state);
  const actions: PodActions = {
    killPod: need.changed, createSandbox: need.changed, sandboxId: need.sandboxId, attempt: need.attempt,
    initToStart: [], containersToStart: [], ephemeralToStart: [], containersToKill: [], containersToUpdate: [],
  };
  if (need.changed) return withNewSandbox(pod, state, actions);
  actions.ephemeralToStart = ((pod.spec?.ephemeralContainers ?? []) as Container[]).filter((container) => findState(state, container.name) === undefined);
  const initialized = initActions(pod, state, probes, actions);
  if (actions.killPod || !initialized) return actions;
  const kept = regularActions(pod, state, probes, actions, resizeOf);
  for (const container of (pod.spec?.initContainers ?? []).filter(isRestartableInit)) {
    const current = findState(state, container.name);
    const resize = current === undefined ? undefined : resizeOf(container, current);
    if (resize !== undefined && !resize.restart) actions.containersToUpdate.push({ id: current!.id, container, resources: resize.update });
  }
  if (kept === 0 && actions.containersToStart.length === 0) {
    actions.killPod = true;
    actions.initToStart = [];
  }
  return actions;
}

function withNewSandbox(pod: Pod, state: PodState, actions: PodActions): PodActions {
  const neverRestarts = podRestartPolicy(pod) === 'Never' && !(pod.spec?.containers ?? []).some((container) => container.restartPolicy !== undefined && container.restartPolicy !== 'Never');
  if (neverRestarts && actions.attempt !== 0 && state.containers.length > 0) return { ...actions, createSandbox: false };
  const toStart = (pod.spec?.containers ?? []).filter((container) => {
    const runOnce = (container.restartPolicy ?? podRestartPolicy(pod)) === 'OnFailure';
    const current = findState(state, container.name);
    return !(runOnce && current?.state === 'exited' && current.exitCode === 0);
  });
  if (toStart.length === 0 && anyRegularCreated(pod, state)) return { ...actions, createSandbox: false };
  const firstInit = pod.spec?.initContainers?.[0];
  return firstInit === undefined ? { ...actions, containersToStart: toStart } : { ...actions, initToStart: [firstInit] };
}

export function anyRegularCreated(pod: Pod, state: PodState): boolean {
  return (pod.spec?.containers ?? []).some((container) => findState(state, container.name) !== undefined);
}

/**
 * Walks the init containers backwards: finished ones may have been removed, so the last one found tells how far it got.
 * @returns whether initialization is complete.
 */
function initActions(pod: Pod, state: PodState, probes: ProbeResults, actions: PodActions): boolean {
  const inits = pod.spec?.initContainers ?? [];
  if (inits.length === 0) return true;
  let initialized = (pod.spec?.containers ?? []).some((container) => ['created', 'running'].includes(findState(state, container.name)?.state ?? ''));
  let previously = initialized;
  const toStart: Container[] = [];
  for (let i = inits.length - 1; i >= 0; i--) {
    const container = inits[i]!;
    const current = findState(state, container.name);
    if (current === undefined) {
      if (previously && isRestartableInit(container)) toStart.push(container);
      continue;
    }
    if (previously && !isRestartableInit(container)) continue;
    const step = initStep(pod, container, current, probes);
    if (step.kill !== undefined) actions.containersToKill.push(step.kill);
    if (step.fail === true) {
      actions.killPod = true;
      actions.initToStart = [];
      return false;
    }
    if (step.done === true) {
      if (i === inits.length - 1) initialized = true;
      else if (!previously) toStart.push(inits[i + 1]!);
    }
    if (step.start === true) toStart.push(container);
    previously = true;
  }
  if (!previously) toStart.push(inits[0]!);
  actions.initToStart = toStart.reverse();
  return initialized;
}

interface InitStep { start?: boolean; done?: boolean; fail?: boolean; kill?: ContainerToKill }

function initStep(pod: Pod, container: Container, current: ContainerState, probes: ProbeResults): InitStep {
  const killed = (message: string, reason: KillReason): InitStep => ({ start: true, kill: { id: current.id, container, message, reason } });
  const sidecar = isRestartableInit(container);
  switch (current.state) {
    case 'created': return { start: true };
    case 'running': {
      if (!sidecar) return {};
      if (container.startupProbe !== undefined) {
        const startup = probes.startup(current.id);
        if (startup === 'failure') return killed(`Init container ${container.name} failed startup probe`, 'StartupProbe');
        if (startup !== 'success') return {};
      }
      if (current.record.hash !== containerHash(container)) return { done: true, ...killed(`Init container ${container.name} definition changed`, '') };
      if (container.livenessProbe !== undefined && probes.liveness(current.id) === 'failure') return { done: true, ...killed(`Init container ${container.name} failed liveness probe`, 'LivenessProbe') };
      return { done: true };
    }
    case 'exited':
      if (sidecar) return { start: true };
      if (current.exitCode === 0) return { done: true };
      return restartsAfter(pod, container, current.exitCode) ? { start: true } : { fail: true };
    default:
      if (!sidecar && podRestartPolicy(pod) === 'Never') return { fail: true };
      return killed('Init container is in "unknown" state, try killing it before restart', 'Unknown');
  }
}

/** @returns how many containers go on running as they are. */
function regularActions(pod: Pod, state: PodState, probes: ProbeResults, actions: PodActions, resizeOf: ResizeOf): number {
  let kept = 0;
  for (const container of pod.spec?.containers ?? []) {
    const current = findState(state, container.name);
    if (current === undefined || current.state !== 'running') {
      if (!shouldStart(pod, container, state)) continue;
      actions.containersToStart.push(container);
      if (current?.state === 'unknown') {
        actions.containersToKill.push({ id: current.id, container, message: 'Container is in "unknown" state, try killing it before restart', reason: 'Unknown' });
      }
      continue;
    }
    const resize = resizeOf(container, current);
    const fault = runningFault(container, current, probes) ?? (resize?.restart === true ? { message: `Container ${container.name} resize requires restart`, reason: '' as const, always: true } : undefined);
    if (fault === undefined) {
      kept++;
      if (resize !== undefined) actions.containersToUpdate.push({ id: current.id, container, resources: resize.update });
      continue;
    }
    const restart = fault.always || (container.restartPolicy ?? podRestartPolicy(pod)) !== 'Never';
    if (restart) actions.containersToStart.push(container);
    actions.containersToKill.push({ id: current.id, container, message: restart ? `${fault.message}, will be restarted` : fault.message, reason: fault.reason });
  }
  return kept;
}

function runningFault(container: Container, current: ContainerState, probes: ProbeResults): { message: string; reason: KillReason; always: boolean } | undefined {
  if (current.record.hash !== '' && current.record.hash !== containerHash(container)) return { message: `Container ${container.name} definition changed`, reason: '', always: true };
  if (probes.liveness(current.id) === 'failure') return { message: `Container ${container.name} failed liveness probe`, reason: 'LivenessProbe', always: false };
  if (probes.startup(current.id) === 'failure') return { message: `Container ${container.name} failed startup probe`, reason: 'StartupProbe', always: false };
  return undefined;
}
