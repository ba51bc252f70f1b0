/**
 * Pod, runtime state and probe results → the whole `PodStatus`. Pure.
 */
import type { Container, ContainerStatus, Pod, PodCondition, PodStatus } from '#api/generated/core/v1';
import { podQos } from '#semantics/qos';
import { isRestartableInit } from '../translation/container-list.ts';
import type { ContainerState, PodState } from '../runtime/pod-state.ts';
import type { StartReason } from '../runtime/sync-runtime.ts';
import { kubeletConditions, KUBELET_CONDITIONS } from './conditions.ts';
import { containerStatuses, type StatusInputs } from './container-statuses.ts';
import { podPhase, type PodPhase } from './phase.ts';

export interface PodStatusInputs {
  pod: Pod;
  state: PodState;
  /** The kubelet's last own status; absent: the API's. */
  previous?: PodStatus | undefined;
  terminal: boolean;
  isStatic: boolean;
  hostIps: readonly string[];
  runtimeName: string;
  reasonOf(container: string): StartReason | undefined;
  /** Whether the container counts as ready and started, given that it runs. */
  probed(pod: Pod, container: Container, containerId: string): { ready: boolean; started: boolean };
  imageIdOf?(container: ContainerState): string;
  /** Of an in-place resize that waits or is under way. */
  resize?: readonly PodCondition[];
  /** Someone ends the pod: eviction, deadline. */
  failure?: { reason: string; message: string } | undefined;
}

export function podStatus(inputs: PodStatusInputs): PodStatus {
  const { pod, state } = inputs;
  const previous = inputs.previous ?? pod.status ?? {};
  const given = (list: ContainerStatus[] | undefined): StatusInputs => ({
    pod, state, previous: list ?? [], runtimeName: inputs.runtimeName, reasonOf: inputs.reasonOf, ...(inputs.imageIdOf === undefined ? {} : { imageIdOf: inputs.imageIdOf }),
  });
  const regular = withProbes(inputs, containerStatuses(given(previous.containerStatuses), pod.spec?.containers ?? [], 'regular'), 'regular');
  const init = withProbes(inputs, containerStatuses(given(previous.initContainerStatuses), pod.spec?.initContainers ?? [], 'init'), 'init');
  const ephemeral = containerStatuses(given(previous.ephemeralContainerStatuses), (pod.spec?.ephemeralContainers ?? []) as Container[], 'ephemeral');
  const all = [...init, ...regular];
  const { phase, reason, message } = phaseOf(inputs, previous, all);
  const others = (pod.status?.conditions ?? []).filter((condition) => !KUBELET_CONDITIONS.has(condition.type));
  const disruption = previous.conditions?.find((condition) => condition.type === 'DisruptionTarget');
  if (disruption !== undefined && !others.some((condition) => condition.type === 'DisruptionTarget')) others.push(disruption);
  return {
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    phase,
    conditions: [...others, ...(inputs.resize ?? []), ...kubeletConditions({ pod, state, statuses: all, phase, others })],
    ...(reason === undefined ? {} : { reason }), ...(message === undefined ? {} : { message }),
    ...addresses(inputs, previous),
    ...(previous.startTime === undefined ? {} : { startTime: previous.startTime }),
    ...(init.length === 0 ? {} : { initContainerStatuses: init }),
    containerStatuses: regular,
    ...(ephemeral.length === 0 ? {} : { ephemeralContainerStatuses: ephemeral }),
    qosClass: podQos(pod),
    ...(pod.status?.resourceClaimStatuses === undefined ? {} : { resourceClaimStatuses: pod.status.resourceClaimStatuses }),
  };
}

const TERMINAL: ReadonlySet<string | undefined> = new Set(['Succeeded', 'Failed']);

function phaseOf(inputs: PodStatusInputs, previous: PodStatus, statuses: readonly ContainerStatus[]): { phase: PodPhase; reason?: string | undefined; message?: string | undefined } {
  const { pod, state } = inputs;
  const hasStarted = (pod.spec?.containers ?? []).some((container) => state.containers.some((entry) => entry.name === container.name && (entry.state === 'running' || entry.state === 'created')));
  let phase = podPhase(pod, statuses, { terminal: inputs.terminal, hasStarted, isStatic: inputs.isStatic });
  // Terminal is for ever, whoever said so first.
  if (TERMINAL.has(previous.phase)) phase = previous.phase as PodPhase;
  let reason: string | undefined;
  let message: string | undefined;
  if (phase === previous.phase) { reason = previous.reason ?? pod.status?.reason; message = previous.message ?? pod.status?.message; }
  if (inputs.failure !== undefined) { phase = 'Failed'; reason = inputs.failure.reason; message = inputs.failure.message; }
  if (TERMINAL.has(pod.status?.phase)) phase = pod.status!.phase as PodPhase;
  return { phase, reason, message };
}

function withProbes(inputs: PodStatusInputs, statuses: ContainerStatus[], kind: 'init' | 'regular'): ContainerStatus[] {
  const containers = (kind === 'init' ? inputs.pod.spec?.initContainers : inputs.pod.spec?.containers) ?? [];
  return statuses.map((status) => {
    const container = containers.find((entry) => entry.name === status.name)!;
    const id = status.containerID?.slice(status.containerID.indexOf('://') + 3) ?? '';
    if (kind === 'init' && !isRestartableInit(container)) {
      return { ...status, ready: status.state?.terminated?.exitCode === 0, started: false };
    }
    if (status.state?.running === undefined) return { ...status, ready: false, started: false };
    return { ...status, ...inputs.probed(inputs.pod, container, id) };
  });
}

function addresses(inputs: PodStatusInputs, previous: PodStatus): Pick<PodStatus, 'hostIP' | 'hostIPs' | 'podIP' | 'podIPs'> {
  const { pod, state, hostIps } = inputs;
  const host = hostIps[0] === undefined ? {} : { hostIP: hostIps[0], hostIPs: hostIps.map((ip) => ({ ip })) };
  const ips = pod.spec?.hostNetwork === true ? [...hostIps] : state.ips.length > 0 ? preferFamily(state.ips, hostIps[0]) : (previous.podIPs ?? []).map(({ ip }) => ip);
  // A pod on the host's network has its addresses only once it has a sandbox.
  if (ips.length === 0) return host;
  return { ...host, podIP: ips[0]!, podIPs: ips.map((ip) => ({ ip })) };
}

function preferFamily(ips: readonly string[], hostIp: string | undefined): string[] {
  if (hostIp === undefined) return [...ips];
  const sameFamily = (ip: string): boolean => ip.includes(':') === hostIp.includes(':');
  return [...ips.filter(sameFamily), ...ips.filter((ip) => !sameFamily(ip))];
}
