/** Prefers nodes whose cpu and memory would be used in like measure: what is left over can serve more pods. */
import { SCORE_MAX } from '../framework/normalize.ts';
import type { Amounts } from '../framework/pod-info.ts';
import type { SchedulerPlugin } from '../framework/plugin.ts';
import { SKIP, SUCCESS } from '../framework/status.ts';

export const balancedAllocation: SchedulerPlugin = {
  name: 'NodeResourcesBalancedAllocation',
  preScore: (_state, { requests }) => (requests.milliCpu === 0 && requests.memory === 0 ? SKIP : SUCCESS),
  score(_state, { requests }, node) {
    const after = { cpu: node.requested.milliCpu + requests.milliCpu, memory: node.requested.memory + requests.memory };
    const withPod = balance(node, after.cpu, after.memory);
    const without = balance(node, node.requested.milliCpu, node.requested.memory);
    // Between 50 (the pod worsens the balance) over 75 (no difference) to 100 (it restores it).
    return SCORE_MAX / 2 + Math.trunc((SCORE_MAX / 2 + withPod - without) / 2);
  },
};

/** 100 when both are used in the same share of what there is. */
function balance({ allocatable }: { readonly allocatable: Amounts }, milliCpu: number, memory: number): number {
  const shares: number[] = [];
  if (allocatable.milliCpu > 0) shares.push(Math.min(1, milliCpu / allocatable.milliCpu));
  if (allocatable.memory > 0) shares.push(Math.min(1, memory / allocatable.memory));
  const deviation = shares.length === 2 ? Math.abs(shares[0]! - shares[1]!) / 2 : 0;
  return Math.trunc((1 - deviation) * SCORE_MAX);
}
