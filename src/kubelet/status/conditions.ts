/**
 * The conditions that the kubelet owns, from container statuses and phase. Pure; transition times are set by the status manager.
 */
import type { Container, ContainerStatus, Pod, PodCondition } from '#api/generated/core/v1';
import { isRestartableInit } from '../translation/container-list.ts';
import { sandboxNeed } from '../runtime/pod-actions.ts';
import type { PodState } from '../runtime/pod-state.ts';
import type { PodPhase } from './phase.ts';

export const KUBELET_CONDITIONS: ReadonlySet<string> = new Set([
  'PodScheduled', 'Ready', 'Initialized', 'ContainersReady', 'PodReadyToStartContainers', 'PodResizePending', 'PodResizeInProgress',
]);

type Verdict = Pick<PodCondition, 'status' | 'reason' | 'message'>;

export interface ConditionInputs { pod: Pod; state: PodState; statuses: readonly ContainerStatus[]; phase: PodPhase; others: readonly PodCondition[] }

export function kubeletConditions(inputs: ConditionInputs): PodCondition[] {
  const generation = inputs.pod.metadata.generation;
  const condition = (type: string, verdict: Verdict): PodCondition => ({ type, ...(generation === undefined ? {} : { observedGeneration: generation }), ...verdict });
  const containersReady = containersReadyVerdict(inputs);
  return [
    condition('PodReadyToStartContainers', { status: sandboxNeed(inputs.pod, inputs.state).changed ? 'False' : 'True' }),
    condition('Initialized', initializedVerdict(inputs)),
    condition('Ready', readyVerdict(inputs, containersReady)),
    condition('ContainersReady', containersReady),
    condition('PodScheduled', { status: 'True' }),
  ];
}

function containersReadyVerdict({ pod, statuses, phase }: ConditionInputs): Verdict {
  const relevant = [...(pod.spec?.initContainers ?? []).filter(isRestartableInit), ...(pod.spec?.containers ?? [])];
  const unknown = relevant.filter((container) => find(statuses, container) === undefined).map((container) => container.name);
  if (phase === 'Succeeded' && unknown.length === 0) return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const unready = relevant.filter((container) => find(statuses, container)?.ready === false).map((container) => container.name);
  const message = messages([['containers with unknown status', unknown], ['containers with unready status', unready]]);
  return message === '' ? { status: 'True' } : { status: 'False', reason: 'ContainersNotReady', message };
}

function readyVerdict({ pod, others }: ConditionInputs, containersReady: Verdict): Verdict {
  if (containersReady.status !== 'True') return containersReady;
  const faults = (pod.spec?.readinessGates ?? []).flatMap(({ conditionType }) => {
    const gate = others.find((condition) => condition.type === conditionType);
    if (gate === undefined) return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    return gate.status === 'True' ? [] : [`the status of pod readiness gate "${conditionType}" is not "True", but ${gate.status}`];
  });
  return faults.length === 0 ? { status: 'True' } : { status: 'False', reason: 'ReadinessGatesNotReady', message: faults.join(', ') };
}

function initializedVerdict({ pod, statuses, phase }: ConditionInputs): Verdict {
  const inits = pod.spec?.initContainers ?? [];
  const unknown = inits.filter((container) => find(statuses, container) === undefined).map((container) => container.name);
  const incomplete = inits.filter((container) => {
    const status = find(statuses, container);
    return status !== undefined && !(isRestartableInit(container) ? status.started === true : status.ready);
  }).map((container) => container.name);
  if (phase === 'Succeeded' && unknown.length === 0) return { status: 'True', reason: 'PodCompleted' };
  const anyStarted = (pod.spec?.containers ?? []).some((container) => {
    const status = find(statuses, container);
    return status?.state?.running !== undefined || status?.state?.terminated !== undefined || status?.lastState?.terminated !== undefined;
  });
  if (anyStarted) return { status: 'True' };
  const message = messages([['containers with unknown status', unknown], ['containers with incomplete status', incomplete]]);
  return message === '' ? { status: 'True' } : { status: 'False', reason: 'ContainersNotInitialized', message };
}

function find(statuses: readonly ContainerStatus[], container: Container): ContainerStatus | undefined {
  return statuses.find((status) => status.name === container.name);
}

/** `containers with unready status: [a b]`. */
function messages(parts: readonly (readonly [string, readonly string[]])[]): string {
  return parts.filter(([, names]) => names.length > 0).map(([text, names]) => `${text}: [${names.join(' ')}]`).join(', ');
}
