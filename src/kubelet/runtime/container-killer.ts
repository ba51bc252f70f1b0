/**
 * Ends containers gracefully: preStop hook, TERM, KILL; and whole pods, sidecars last.
 *
 * The grace period is one budget: what a hook or an earlier container took is missing for the next.
 */
import type { Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { Container, Pod } from '#api/generated/core/v1';
import type { RuntimeService } from '../cri/contract.ts';
import { findContainer, isRestartableInit } from '../translation/container-list.ts';
import type { HookRunner } from './lifecycle-hooks.ts';
import type { KillReason } from './pod-actions.ts';
import type { PodEvents } from './pod-events.ts';
import type { ContainerState, PodState } from './pod-state.ts';

/** A container is always given this long. */
const GRACE_SECONDS_MIN = 2;
const GRACE_SECONDS_DEFAULT = 30;

export interface KillOptions { message?: string; reason?: KillReason; graceSeconds?: number | undefined }

export interface ContainerKiller {
  killContainer(pod: Pod, state: ContainerState, podIp: string, options?: KillOptions, signal?: AbortSignal): Promise<void>;
  /** Containers, then sandboxes. @param graceSeconds overrides the pod's own. */
  killPod(pod: Pod, state: PodState, graceSeconds?: number, signal?: AbortSignal): Promise<void>;
}

export function containerKiller(deps: { runtime: RuntimeService; clock: Clock; hooks: HookRunner; events: PodEvents; log: Logger }): ContainerKiller {
  const { runtime, clock } = deps;
  /** Containers whose hook was begun: a shorter grace period does not run it again. */
  const hooked = new Set<string>();

  const killContainer: ContainerKiller['killContainer'] = async (pod, state, podIp, options = {}, signal) => {
    const container = findContainer(pod, state.name)?.container;
    let grace = options.graceSeconds ?? defaultGrace(pod, container, state, options.reason ?? '');
    deps.events.container(pod, state.name, 'Normal', 'Killing', options.message ?? `Stopping container ${state.name}`);
    const preStop = container?.lifecycle?.preStop ?? state.record.preStop;
    if (preStop !== undefined && grace > 0 && state.state === 'running' && !hooked.has(state.id)) {
      hooked.add(state.id);
      const startedMs = clock.monotonicNow();
      await runPreStop(deps, pod, container ?? { name: state.name }, state, preStop, podIp, grace, signal);
      grace -= Math.floor((clock.monotonicNow() - startedMs) / 1000);
    }
    await runtime.stopContainer(state.id, Math.max(GRACE_SECONDS_MIN, grace), signal);
    hooked.delete(state.id);
  };

  return {
    killContainer,
    killPod: async (pod, state, graceSeconds, signal) => {
      const podIp = state.ips[0] ?? '';
      const live = state.containers.filter((container) => container.state === 'running' || container.state === 'created' || container.state === 'unknown');
      const startedMs = clock.monotonicNow();
      const left = (): number | undefined => {
        const total = graceSeconds ?? pod.metadata.deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds;
        return total === undefined ? undefined : Math.max(0, total - Math.floor((clock.monotonicNow() - startedMs) / 1000));
      };
      const { first, sidecars } = terminationOrder(pod, live);
      await allOrThrow(first.map((container) => killContainer(pod, container, podIp, { graceSeconds: graceSeconds === undefined ? undefined : left() }, signal)));
      for (const sidecar of sidecars) await killContainer(pod, sidecar, podIp, { graceSeconds: left() }, signal);
      for (const sandbox of state.sandboxes) await runtime.stopPodSandbox(sandbox.id, signal);
    },
  };
}

/** Everything but sidecars at once; then the sidecars, last started first. */
function terminationOrder(pod: Pod, containers: readonly ContainerState[]): { first: ContainerState[]; sidecars: ContainerState[] } {
  const order = (pod.spec?.initContainers ?? []).filter(isRestartableInit).map((container) => container.name);
  return {
    first: containers.filter((container) => !order.includes(container.name)),
    sidecars: containers.filter((container) => order.includes(container.name)).sort((a, b) => order.indexOf(b.name) - order.indexOf(a.name)),
  };
}

function defaultGrace(pod: Pod, container: Container | undefined, state: ContainerState, reason: KillReason): number {
  if (pod.metadata.deletionGracePeriodSeconds !== undefined) return pod.metadata.deletionGracePeriodSeconds;
  const probe = reason === 'LivenessProbe' ? container?.livenessProbe : reason === 'StartupProbe' ? container?.startupProbe : undefined;
  return probe?.terminationGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? state.record.terminationGraceSeconds ?? GRACE_SECONDS_DEFAULT;
}

type PreStop = NonNullable<NonNullable<Container['lifecycle']>['preStop']>;

async function runPreStop(
  deps: { clock: Clock; hooks: HookRunner; events: PodEvents; log: Logger }, pod: Pod, container: Container, state: ContainerState, handler: PreStop, podIp: string,
  graceSeconds: number, signal?: AbortSignal,
): Promise<void> {
  const timeout = new AbortController();
  const timer = deps.clock.setTimer(graceSeconds * 1000, () => timeout.abort(new Error('PreStop hook not completed in grace period')));
  const either = signal === undefined ? timeout.signal : AbortSignal.any([signal, timeout.signal]);
  try {
    await deps.hooks.run(pod, container, state.id, handler, podIp, either);
  } catch (error) {
    if (signal?.aborted === true) throw error;
    deps.log.info('preStop hook failed', { pod: pod.metadata.name, namespace: pod.metadata.namespace, container: container.name, error });
    if (!timeout.signal.aborted) deps.events.container(pod, container.name, 'Warning', 'FailedPreStopHook', 'PreStopHook failed');
  } finally {
    timer.cancel();
  }
}

async function allOrThrow(work: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
