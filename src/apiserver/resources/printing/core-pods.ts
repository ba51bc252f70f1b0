/**
 * The table of pods: above all the Status column, which sums up phase, conditions and containers in one word.
 */
import type { ContainerState, ContainerStatus, Pod } from '#api/generated/core/v1';
import type { TablePrinter } from '../definition.ts';
import { age, orNone, since } from './cells.ts';
import { AGE, column, NAME, wideColumn } from './columns.ts';

export const podPrinter: TablePrinter<Pod> = {
  columns: [
    NAME,
    column('Ready', 'string', 'Containers that are ready, of all.'),
    column('Status', 'string', 'What the containers of the pod are doing, in one word.'),
    column('Restarts', 'string', 'How often containers of the pod were restarted, and when last.'),
    AGE,
    wideColumn('IP', 'string', 'Address of the pod.'),
    wideColumn('Node', 'string', 'Node the pod is bound to.'),
    wideColumn('Nominated Node', 'string', 'Node on which room is being made for the pod.'),
    wideColumn('Readiness Gates', 'string', 'Readiness gates that are passed, of all.'),
  ],
  cells(pod, nowMs) {
    const { ready, total, reason, restarts, lastRestart } = summarize(pod);
    const restartsText = restarts !== 0 && lastRestart !== undefined ? `${restarts} (${since(lastRestart, nowMs)} ago)` : String(restarts);
    return [
      pod.metadata.name, `${ready}/${total}`, reason, restartsText, age(pod.metadata, nowMs),
      orNone(pod.status?.podIPs?.[0]?.ip), orNone(pod.spec?.nodeName), orNone(pod.status?.nominatedNodeName), readinessGates(pod),
    ];
  },
  conditions(pod) {
    switch (pod.status?.phase) {
      case 'Succeeded': return [{ type: 'Completed', status: 'True', reason: 'Succeeded', message: 'The pod has completed successfully.' }];
      case 'Failed': return [{ type: 'Completed', status: 'True', reason: 'Failed', message: 'The pod failed.' }];
      default: return [];
    }
  },
};

interface PodSummary {
  ready: number;
  readonly total: number;
  reason: string;
  restarts: number;
  lastRestart: string | undefined;
}

function summarize(pod: Pod): PodSummary {
  const status = pod.status ?? {};
  const sidecars = new Set((pod.spec?.initContainers ?? []).filter((one) => one.restartPolicy === 'Always').map((one) => one.name));
  const gated = status.conditions?.some((one) => one.type === 'PodScheduled' && one.reason === 'SchedulingGated') === true;
  const summary: PodSummary = {
    ready: 0, total: (pod.spec?.containers.length ?? 0) + sidecars.size,
    reason: gated ? 'SchedulingGated' : status.reason === undefined || status.reason === '' ? status.phase ?? '' : status.reason,
    restarts: 0, lastRestart: undefined,
  };
  const initializing = summarizeInit(pod, sidecars, summary);
  const initialized = status.conditions?.find((one) => one.type === 'Initialized')?.status === 'True';
  if (!initializing || initialized) summarizeMain(pod, sidecars, summary);
  if (pod.metadata.deletionTimestamp !== undefined) {
    if (status.reason === 'NodeLost') summary.reason = 'Unknown';
    else if (status.phase !== 'Succeeded' && status.phase !== 'Failed') summary.reason = 'Terminating';
  }
  return summary;
}

/** @returns true while an init container has yet to finish, or has failed. */
function summarizeInit(pod: Pod, sidecars: ReadonlySet<string>, summary: PodSummary): boolean {
  const statuses = pod.status?.initContainerStatuses ?? [];
  for (let i = 0; i < statuses.length; i++) {
    const container = statuses[i] as ContainerStatus;
    countRestarts(summary, container);
    const terminated = container.state?.terminated;
    if (terminated !== undefined && (terminated.exitCode ?? 0) === 0) continue;
    if (sidecars.has(container.name) && container.started === true) {
      if (container.ready) summary.ready++;
      continue;
    }
    const waiting = container.state?.waiting?.reason ?? '';
    if (terminated !== undefined) summary.reason = `Init:${terminatedReason(terminated)}`;
    else if (waiting !== '' && waiting !== 'PodInitializing') summary.reason = `Init:${waiting}`;
    else summary.reason = `Init:${i}/${pod.spec?.initContainers?.length ?? 0}`;
    return true;
  }
  return false;
}

function summarizeMain(pod: Pod, sidecars: ReadonlySet<string>, summary: PodSummary): void {
  summary.restarts = 0;
  summary.lastRestart = undefined;
  for (const container of pod.status?.initContainerStatuses ?? []) if (sidecars.has(container.name)) countRestarts(summary, container);
  let running = false;
  let errorReason = '';
  for (const container of [...pod.status?.containerStatuses ?? []].reverse()) {
    countRestarts(summary, container);
    const { terminated, waiting } = container.state ?? {};
    if (waiting !== undefined && (waiting.reason ?? '') !== '') summary.reason = waiting.reason as string;
    else if (terminated !== undefined) {
      summary.reason = terminatedReason(terminated);
      if ((terminated.exitCode ?? 0) !== 0) errorReason = summary.reason;
    } else if (container.ready && container.state?.running !== undefined) {
      running = true;
      summary.ready++;
    }
  }
  if (summary.reason !== 'Completed') return;
  const ready = pod.status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true;
  if (running && ready) summary.reason = 'Running';
  else if (errorReason !== '') summary.reason = errorReason;
  else if (running) summary.reason = 'NotReady';
}

function countRestarts(summary: PodSummary, container: ContainerStatus): void {
  summary.restarts += container.restartCount;
  const finished = container.lastState?.terminated?.finishedAt ?? undefined;
  if (finished !== undefined && (summary.lastRestart === undefined || Date.parse(summary.lastRestart) < Date.parse(finished))) {
    summary.lastRestart = finished;
  }
}

function terminatedReason({ reason, signal, exitCode }: NonNullable<ContainerState['terminated']>): string {
  if (reason !== undefined && reason !== '') return reason;
  return signal !== undefined && signal !== 0 ? `Signal:${signal}` : `ExitCode:${exitCode ?? 0}`;
}

function readinessGates(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  const passed = gates.filter(({ conditionType }) => pod.status?.conditions?.find((one) => one.type === conditionType)?.status === 'True');
  return `${passed.length}/${gates.length}`;
}
