/**
 * The phase of a pod from its container statuses. Pure.
 *
 *     Pending → Running → Succeeded | Failed      never back from the last two
 */
import type { Container, ContainerStatus, Pod } from '#api/generated/core/v1';
import { isRestartableInit } from '../translation/container-list.ts';
import { restartsAfter } from '../runtime/restart-rules.ts';

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

interface Tally { unknown: number; running: number; waiting: number; stopped: number; stoppedForGood: number; succeeded: number }

/** @param terminal the pod is being ended: nothing restarts. @param hasStarted a regular container was active before. */
export function podPhase(pod: Pod, statuses: readonly ContainerStatus[], options: { terminal: boolean; hasStarted: boolean; isStatic: boolean }): PodPhase {
  const init = initTally(pod, statuses);
  if (init.failedForGood > 0) return 'Failed';
  const sidecars = sidecarTally(pod, statuses);
  const tally = regularTally(pod, statuses, sidecars);
  if (init.pending > 0 || (sidecars.pending > 0 && !options.hasStarted) || tally.waiting > 0) return 'Pending';
  if (tally.running > 0 && tally.unknown === 0) return 'Running';
  if (tally.running === 0 && tally.stopped > 0 && tally.unknown === 0) {
    const done: PodPhase = tally.stopped === tally.succeeded ? 'Succeeded' : 'Failed';
    if (options.terminal && !options.isStatic) return done;
    return tally.stopped === tally.stoppedForGood ? done : 'Running';
  }
  return 'Pending';
}

function statusOf(statuses: readonly ContainerStatus[], container: Container): ContainerStatus | undefined {
  return statuses.find((status) => status.name === container.name);
}

function initTally(pod: Pod, statuses: readonly ContainerStatus[]): { pending: number; failedForGood: number } {
  let pending = 0;
  let failedForGood = 0;
  for (const container of (pod.spec?.initContainers ?? []).filter((entry) => !isRestartableInit(entry))) {
    const status = statusOf(statuses, container);
    const ended = status?.state?.terminated ?? (status?.state?.waiting !== undefined ? status.lastState?.terminated : undefined);
    if (ended === undefined) { pending++; continue; }
    if (ended.exitCode !== 0 && !restartsAfter(pod, container, ended.exitCode)) failedForGood++;
  }
  return { pending, failedForGood };
}

function sidecarTally(pod: Pod, statuses: readonly ContainerStatus[]): Tally & { pending: number } {
  const tally = { ...emptyTally(), pending: 0 };
  for (const container of (pod.spec?.initContainers ?? []).filter(isRestartableInit)) {
    const status = statusOf(statuses, container);
    if (status?.state === undefined) { tally.unknown++; continue; }
    if (status.state.running !== undefined) {
      if (status.started !== true) tally.pending++;
      tally.running++;
    } else if (status.state.waiting !== undefined && status.lastState?.terminated === undefined) {
      tally.pending++;
      tally.waiting++;
    }
  }
  return tally;
}

function regularTally(pod: Pod, statuses: readonly ContainerStatus[], from: Tally): Tally {
  const tally = { ...from };
  for (const container of pod.spec?.containers ?? []) {
    const status = statusOf(statuses, container);
    if (status?.state === undefined) { tally.unknown++; continue; }
    if (status.state.running !== undefined) { tally.running++; continue; }
    const ended = status.state.terminated ?? status.lastState?.terminated;
    if (ended === undefined) { tally.waiting++; continue; }
    tally.stopped++;
    if (!restartsAfter(pod, container, ended.exitCode)) tally.stoppedForGood++;
    if (status.state.terminated?.exitCode === 0) tally.succeeded++;
  }
  return tally;
}

function emptyTally(): Tally {
  return { unknown: 0, running: 0, waiting: 0, stopped: 0, stoppedForGood: 0, succeeded: 0 };
}
