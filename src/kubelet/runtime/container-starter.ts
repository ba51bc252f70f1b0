/**
 * Starts one container: image, config, create, start, log link, postStart hook.
 *
 *     image fails    → ErrImagePull, ImagePullBackOff, …        create fails → CreateContainerError
 *     config fails   → CreateContainerConfigError               start fails  → RunContainerError
 *     postStart fails → the container is killed, PostStartHookError
 */
import { chmod, mkdir, readdir, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Random } from '#base/random';
import type { Container, Pod } from '#api/generated/core/v1';
import type { ContainerConfig, Mount, RuntimeImage, RuntimeService, SandboxConfig } from '../cri/contract.ts';
import type { PodPaths } from '../paths.ts';
import { containerConfig } from '../translation/container-config.ts';
import { findContainer } from '../translation/container-list.ts';
import { containerResources } from '../translation/container-resources.ts';
import { nonRootRefusal, type SecurityOptions } from '../translation/security-context.ts';
import type { ContainerKiller } from './container-killer.ts';
import type { HookRunner } from './lifecycle-hooks.ts';
import type { PodEvents } from './pod-events.ts';
import { findState, type PodState } from './pod-state.ts';
import type { Slots } from './slots.ts';
import { messageOf, StartError } from './start-error.ts';

/** What the rest of the kubelet gives to a container that starts. */
export interface StartSupport {
  /** Present after this; rejects with StartError. */
  ensureImage(pod: Pod, container: Container, sandbox: SandboxConfig, signal?: AbortSignal): Promise<RuntimeImage>;
  /** Rejects with the text of the waiting message. */
  environment(pod: Pod, container: Container, podIps: readonly string[]): Promise<Map<string, string>>;
  /** Volumes as mounts of this container; subpaths are prepared here. */
  mounts(pod: Pod, container: Container, environment: ReadonlyMap<string, string>, podIps: readonly string[]): Promise<Mount[]>;
  devices(pod: Pod, container: Container): Promise<{ containerPath: string; hostPath: string; permissions: string }[]>;
  security(pod: Pod): SecurityOptions;
  memoryCapacityBytes(): number;
}

export interface StarterDeps {
  runtime: RuntimeService;
  support: StartSupport;
  hooks: HookRunner;
  killer: ContainerKiller;
  events: PodEvents;
  random: Random;
  paths: PodPaths;
  slots: Slots;
  /** '' for none. */
  containerLogsDir: string;
  onStarted?(kind: 'container' | 'init_container' | 'ephemeral_container'): void;
  /** A file system that can be written; false in tests. */
  writeFiles?: boolean;
}

export interface StartTarget { sandboxId: string; sandboxConfig: SandboxConfig; podIps: readonly string[] }

export type ContainerStarter = (pod: Pod, container: Container, state: PodState, target: StartTarget, signal?: AbortSignal) => Promise<void>;

export function containerStarter(deps: StarterDeps): ContainerStarter {
  return async (pod, container, state, target, signal) => {
    const image = await deps.support.ensureImage(pod, container, target.sandboxConfig, signal);
    const restartCount = await nextRestartCount(deps, pod, container, state);
    // From here on a container may exist: what was begun is finished, then the signal is looked at again.
    signal?.throwIfAborted();
    const config = await buildConfig(deps, pod, container, image, restartCount, state, target).catch((error: unknown) => {
      deps.events.container(pod, container.name, 'Warning', 'Failed', `Error: ${messageOf(error)}`);
      throw error instanceof StartError ? error : new StartError('CreateContainerConfigError', messageOf(error), { cause: error });
    });
    const leave = await deps.slots.enter(0, signal);
    const id = await createAndStart(deps, pod, container, target, config).finally(leave);
    if (deps.containerLogsDir !== '') await linkLog(deps, pod, container, restartCount, id);
    await runPostStart(deps, pod, container, id, target, signal);
  };
}

const KIND_NAMES = { regular: 'container', init: 'init_container', ephemeral: 'ephemeral_container' } as const;

async function createAndStart(deps: StarterDeps, pod: Pod, container: Container, target: StartTarget, config: ContainerConfig): Promise<string> {
  const id = await deps.runtime.createContainer(target.sandboxId, config, target.sandboxConfig).catch((error: unknown) => {
    deps.events.container(pod, container.name, 'Warning', 'Failed', `Error: ${messageOf(error)}`);
    throw new StartError('CreateContainerError', messageOf(error), { cause: error });
  });
  deps.events.container(pod, container.name, 'Normal', 'Created', 'Container created');
  await deps.runtime.startContainer(id).catch((error: unknown) => {
    deps.events.container(pod, container.name, 'Warning', 'Failed', `Error: ${messageOf(error)}`);
    throw new StartError('RunContainerError', messageOf(error), { cause: error });
  });
  deps.events.container(pod, container.name, 'Normal', 'Started', 'Container started');
  deps.onStarted?.(KIND_NAMES[findContainer(pod, container.name)?.kind ?? 'regular']);
  return id;
}

async function buildConfig(deps: StarterDeps, pod: Pod, container: Container, image: RuntimeImage, restartCount: number, state: PodState, target: StartTarget) {
  const refusal = nonRootRefusal(pod, container, image);
  if (refusal !== undefined) throw new Error(refusal);
  const environment = await deps.support.environment(pod, container, target.podIps);
  const mounts = await deps.support.mounts(pod, container, environment, target.podIps);
  if (deps.writeFiles !== false) {
    await mkdir(join(deps.paths.logs(pod), container.name), { recursive: true, mode: 0o755 });
    const message = await terminationMessageMount(deps, pod, container);
    if (message !== undefined) mounts.push(message);
  }
  const targetName = (pod.spec?.ephemeralContainers ?? []).find((entry) => entry.name === container.name)?.targetContainerName;
  const shared = targetName === undefined || targetName === '' ? undefined : findState(state, targetName);
  if (targetName !== undefined && targetName !== '' && shared === undefined) throw new Error(`unable to find target container ${targetName}`);
  return containerConfig(pod, container, {
    restartCount, imageRef: image.id, image, environment, mounts, devices: await deps.support.devices(pod, container),
    resources: containerResources(pod, container, deps.support.memoryCapacityBytes()),
    security: { ...deps.support.security(pod), ...(shared === undefined ? {} : { targetId: shared.id }) },
  });
}

/** An empty file that any user in the container may write. */
async function terminationMessageMount(deps: StarterDeps, pod: Pod, container: Container): Promise<Mount | undefined> {
  if (container.terminationMessagePath === undefined || container.terminationMessagePath === '') return undefined;
  const dir = deps.paths.container(pod.metadata.uid!, container.name);
  await mkdir(dir, { recursive: true, mode: 0o750 });
  const hostPath = join(dir, deps.random.bytes(4).toString('hex'));
  await writeFile(hostPath, '', { flag: 'wx' });
  await chmod(hostPath, 0o666); // past the umask
  return { containerPath: container.terminationMessagePath, hostPath };
}

/** One more than the newest one's; after all were removed, the logs remember. */
async function nextRestartCount(deps: StarterDeps, pod: Pod, container: Container, state: PodState): Promise<number> {
  const newest = findState(state, container.name);
  if (newest !== undefined) return newest.record.restartCount + 1;
  if (deps.writeFiles === false) return 0;
  const names = await readdir(join(deps.paths.logs(pod), container.name)).catch(() => []);
  const counts = names.map((name) => /^(\d+)\.log/.exec(name)?.[1]).filter((count) => count !== undefined).map(Number);
  return counts.length === 0 ? 0 : Math.max(...counts) + 1;
}

async function linkLog(deps: StarterDeps, pod: Pod, container: Container, restartCount: number, id: string): Promise<void> {
  const link = join(deps.containerLogsDir, `${pod.metadata.name}_${pod.metadata.namespace}_${container.name}-${id}.log`);
  await unlink(link).catch(() => undefined);
  await symlink(join(deps.paths.logs(pod), container.name, `${restartCount}.log`), link).catch(() => undefined); // a convenience of log shippers, never a reason to fail
}

async function runPostStart(deps: StarterDeps, pod: Pod, container: Container, id: string, target: StartTarget, signal?: AbortSignal): Promise<void> {
  const handler = container.lifecycle?.postStart;
  if (handler === undefined) return;
  try {
    await deps.hooks.run(pod, container, id, handler, target.podIps[0] ?? '', signal);
  } catch (error) {
    deps.events.container(pod, container.name, 'Warning', 'FailedPostStartHook', 'PostStartHook failed');
    await deps.runtime.stopContainer(id, pod.spec?.terminationGracePeriodSeconds ?? 2, signal);
    throw new StartError('PostStartHookError', messageOf(error), { cause: error });
  }
}
