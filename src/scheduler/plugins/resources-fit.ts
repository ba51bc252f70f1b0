/** What a pod requests is left on the node; emptier nodes score higher (LeastAllocated over cpu and memory). */
import type { SchedulerPlugin } from '../framework/plugin.ts';
import type { NodeInfo } from '../framework/node-info.ts';
import type { PodInfo } from '../framework/pod-info.ts';
import { SUCCESS, unresolvable, unschedulable } from '../framework/status.ts';
import { SCORE_MAX } from '../framework/normalize.ts';

export const resourcesFit: SchedulerPlugin = {
  name: 'NodeResourcesFit',
  events: ['assigned-pod/delete', 'assigned-pod/scale-down', 'node/add', 'node/allocatable', 'unscheduled-pod/update'],
  filter(_state, pod, node) {
    const { reasons, hopeless } = insufficientResources(pod, node);
    if (reasons.length === 0) return SUCCESS;
    return hopeless ? unresolvable(...reasons) : unschedulable(...reasons);
  },
  score(_state, { scoringRequests }, { scoringRequested, allocatable }) {
    const cpu = free(allocatable.milliCpu, scoringRequested.milliCpu + scoringRequests.milliCpu);
    const memory = free(allocatable.memory, scoringRequested.memory + scoringRequests.memory);
    const counted = [cpu, memory].filter((share) => share !== undefined);
    return counted.length === 0 ? 0 : Math.trunc(counted.reduce((sum, share) => sum + share, 0) / counted.length);
  },
};

function free(capacity: number, used: number): number | undefined {
  if (capacity === 0) return undefined;
  return used > capacity ? 0 : Math.trunc(((capacity - used) * SCORE_MAX) / capacity);
}

/** @returns upstream's reasons, and whether not even an empty node would do. */
export function insufficientResources(pod: PodInfo, node: NodeInfo): { reasons: string[]; hopeless: boolean } {
  const { requests } = pod;
  const { allocatable, requested } = node;
  const reasons: string[] = [];
  let hopeless = false;
  if (node.pods.size + 1 > node.allowedPods) reasons.push('Too many pods');
  const check = (name: string, wanted: number, capacity: number, used: number): void => {
    if (wanted <= 0 || wanted <= capacity - used) return;
    reasons.push(`Insufficient ${name}`);
    if (wanted > capacity) hopeless = true;
  };
  check('cpu', requests.milliCpu, allocatable.milliCpu, requested.milliCpu);
  check('memory', requests.memory, allocatable.memory, requested.memory);
  check('ephemeral-storage', requests.ephemeralStorage, allocatable.ephemeralStorage, requested.ephemeralStorage);
  for (const [name, wanted] of requests.scalar) check(name, wanted, allocatable.scalar.get(name) ?? 0, requested.scalar.get(name) ?? 0);
  return { reasons, hopeless };
}
