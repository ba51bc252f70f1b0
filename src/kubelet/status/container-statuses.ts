/**
 * The runtime's containers → `ContainerStatus` of the API. Pure.
 *
 * The newest container of a name is the state, the one before it the last state; what the runtime forgot is taken from the
 * previous status. A container that cannot start (the reason cache knows) shows as waiting.
 */
import { rfc3339 } from '#base/clock';
import type { Container, ContainerState as ApiState, ContainerStatus, Pod, ResourceRequirements } from '#api/generated/core/v1';
import { formatQuantity, newMilliQuantity, newQuantity } from '#machinery/quantity';
import { bytes, milliCpu } from '../translation/amounts.ts';
import { isRestartableInit } from '../translation/container-list.ts';
import { anyRegularCreated } from '../runtime/pod-actions.ts';
import type { ContainerState, PodState } from '../runtime/pod-state.ts';
import { findState } from '../runtime/pod-state.ts';
import { shouldStart } from '../runtime/restart-rules.ts';
import type { StartReason } from '../runtime/sync-runtime.ts';

export interface StatusInputs {
  pod: Pod;
  state: PodState;
  previous: readonly ContainerStatus[];
  /** `containerd`. */
  runtimeName: string;
  reasonOf(container: string): StartReason | undefined;
  /** Repo digests or id of an image id: what `imageID` shows. */
  imageIdOf?(container: ContainerState): string;
}

const KILLED_EXIT_CODE = 137;
/** Below this a CPU limit cannot be told to the kernel. */
const MILLI_CPU_LIMIT_MIN = 10;

/** @param kind init containers wait as PodInitializing only while others go first. */
export function containerStatuses(inputs: StatusInputs, containers: readonly Container[], kind: 'init' | 'regular' | 'ephemeral'): ContainerStatus[] {
  const hasInit = (inputs.pod.spec?.initContainers ?? []).length > 0;
  const statuses = containers.map((container) => {
    const old = inputs.previous.find((status) => status.name === container.name);
    const found = inputs.state.containers.filter((state) => state.name === container.name);
    const base = found.length === 0 ? missing(inputs, container, old, hasInit) : present(inputs, container, found, old);
    return waitingWhenNotStartable(inputs, container, base, kind);
  });
  return kind === 'init' ? statuses : statuses.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function present(inputs: StatusInputs, container: Container, found: readonly ContainerState[], old: ContainerStatus | undefined): ContainerStatus {
  const newest = found[0]!;
  const before = found[1];
  const running = newest.state === 'running';
  const last = before !== undefined ? stateOf(inputs, before, undefined) : old?.containerID !== undefined && old.containerID !== idOf(inputs, newest) && old.state?.terminated !== undefined ? old.state : old?.lastState;
  return {
    name: container.name,
    state: stateOf(inputs, newest, old),
    ...(last !== undefined && Object.keys(last).length > 0 ? { lastState: last } : { lastState: {} }),
    ready: false,
    restartCount: newest.record.restartCount,
    image: newest.image.startsWith('sha256:') ? container.image ?? newest.image : newest.image,
    imageID: inputs.imageIdOf?.(newest) ?? newest.imageRef,
    containerID: idOf(inputs, newest),
    ...(running && old?.started !== undefined && old.containerID === idOf(inputs, newest) ? { started: old.started } : {}),
    ...resourcesOf(container, newest, running),
    ...mountsOf(container),
    ...(newest.user === undefined ? {} : { user: { linux: newest.user } }),
    ...(newest.stopSignal === undefined ? {} : { stopSignal: newest.stopSignal }),
  };
}

/** Not in the runtime: never started, or removed while nobody looked. */
function missing(inputs: StatusInputs, container: Container, old: ContainerStatus | undefined, hasInit: boolean): ContainerStatus {
  if (old?.state?.terminated !== undefined) return { ...old };
  const status: ContainerStatus = {
    name: container.name, state: { waiting: { reason: hasInit ? 'PodInitializing' : 'ContainerCreating' } }, lastState: old?.lastState ?? {},
    ready: false, restartCount: old?.restartCount ?? 0, image: container.image ?? '', imageID: '', ...mountsOf(container),
  };
  if (old?.state?.running === undefined || old.lastState?.terminated !== undefined) return status;
  status.lastState = { terminated: { reason: 'ContainerStatusUnknown', message: 'The container could not be located when the pod was deleted.  The container used to be Running', exitCode: KILLED_EXIT_CODE } };
  if (inputs.pod.metadata.deletionTimestamp === undefined) status.restartCount += 1;
  return status;
}

function waitingWhenNotStartable(inputs: StatusInputs, container: Container, status: ContainerStatus, kind: 'init' | 'regular' | 'ephemeral'): ContainerStatus {
  const current = findState(inputs.state, container.name);
  if (kind === 'init') {
    if (current?.state === 'exited' && current.exitCode === 0) return status;
    if (current === undefined && anyRegularCreated(inputs.pod, inputs.state) && !isRestartableInit(container) && status.state?.waiting !== undefined) {
      return { ...status, state: { terminated: { reason: 'Completed', exitCode: 0, message: 'Unable to get init container status from container runtime and pod has been initialized, treat it as exited normally' } } };
    }
  }
  if (kind === 'ephemeral' ? current !== undefined : !shouldStart(inputs.pod, container, inputs.state)) return status;
  const reason = inputs.reasonOf(container.name);
  if (reason === undefined) return status;
  return {
    ...status, state: { waiting: { reason: reason.reason, ...(reason.message === '' ? {} : { message: reason.message }) } },
    ...(status.state?.terminated === undefined ? {} : { lastState: status.state }),
  };
}

function stateOf(inputs: StatusInputs, container: ContainerState, old: ContainerStatus | undefined): ApiState {
  switch (container.state) {
    case 'running': return { running: { startedAt: rfc3339(container.startedAtMs) } };
    case 'exited': return { terminated: {
      exitCode: container.exitCode, ...(container.reason === '' ? {} : { reason: container.reason }), ...(container.message === '' ? {} : { message: container.message }),
      ...(container.startedAtMs === 0 ? {} : { startedAt: rfc3339(container.startedAtMs) }), finishedAt: rfc3339(container.finishedAtMs), containerID: idOf(inputs, container),
    } };
    case 'created': return { waiting: {} };
    // An unknown container that ran before counts as lost; otherwise it waits.
    default: return old?.state?.running === undefined ? { waiting: {} } : { terminated: {
      reason: 'ContainerStatusUnknown', message: 'The container could not be located when the pod was terminated', exitCode: KILLED_EXIT_CODE, containerID: idOf(inputs, container),
    } };
  }
}

function idOf(inputs: StatusInputs, container: ContainerState): string {
  return `${inputs.runtimeName}://${container.id}`;
}

/** The allocated resources; while it runs, with the limits that the runtime reports. */
function resourcesOf(container: Container, state: ContainerState, running: boolean): Pick<ContainerStatus, 'resources' | 'allocatedResources'> {
  const wanted = container.resources;
  const resources: ResourceRequirements = { ...(wanted?.limits === undefined ? {} : { limits: { ...wanted.limits } }), ...(wanted?.requests === undefined ? {} : { requests: { ...wanted.requests } }) };
  const memory = state.resources?.memoryLimitInBytes ?? 0;
  const quota = state.resources?.cpuQuota ?? 0;
  const period = state.resources?.cpuPeriod ?? 0;
  if (running && resources.limits !== undefined) {
    if (memory > 0 && resources.limits['memory'] !== undefined) resources.limits['memory'] = closest(resources.limits['memory'], memory, 'bytes');
    if (quota > 0 && period > 0 && resources.limits['cpu'] !== undefined) resources.limits['cpu'] = closest(resources.limits['cpu'], Math.ceil((quota * 1000) / period), 'milli');
  }
  return { resources, ...(wanted?.requests === undefined ? {} : { allocatedResources: wanted.requests }) };
}

function mountsOf(container: Container): Pick<ContainerStatus, 'volumeMounts'> {
  const mounts = container.volumeMounts ?? [];
  if (mounts.length === 0) return {};
  return { volumeMounts: mounts.map((mount) => ({
    name: mount.name, mountPath: mount.mountPath, ...(mount.readOnly === true ? { readOnly: true, recursiveReadOnly: 'Disabled' } : {}),
  })) };
}

/** The wanted text when it says the same number; otherwise the actual one. */
function closest(wanted: string, actual: number, unit: 'bytes' | 'milli'): string {
  if (unit === 'bytes') return bytes(wanted) === actual ? wanted : formatQuantity(newQuantity(actual, 'BinarySI'));
  return Math.max(MILLI_CPU_LIMIT_MIN, milliCpu(wanted)) === actual ? wanted : formatQuantity(newMilliQuantity(actual));
}
