/**
 * Which nodes a pod fits. In large clusters the search stops when enough are found, and begins next time where it stopped, so that
 * all nodes get their turn.
 */
import type { CycleState } from './framework/cycle-state.ts';
import type { NodeInfo } from './framework/node-info.ts';
import type { PodInfo } from './framework/pod-info.ts';
import type { Profile } from './framework/profile.ts';
import type { Verdict } from './framework/status.ts';

const FEASIBLE_NODES_MIN = 100;
const PERCENTAGE_MIN = 5;

/** How many fitting nodes are enough: all of 100, half of a few thousand, 5 % of the largest clusters. */
export function feasibleNodesWanted(nodeCount: number): number {
  if (nodeCount < FEASIBLE_NODES_MIN) return nodeCount;
  const percentage = Math.max(PERCENTAGE_MIN, 50 - Math.trunc(nodeCount / 125));
  return Math.max(FEASIBLE_NODES_MIN, Math.trunc((nodeCount * percentage) / 100));
}

export interface SearchResult {
  readonly feasible: readonly NodeInfo[];
  readonly rejected: ReadonlyMap<string, Verdict>;
  /** Nodes looked at. */
  readonly examined: number;
}

/** @param nominatedOn pods that are to get a place on a node by preemption. */
export function findFeasibleNodes(
  profile: Profile, state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[], startAt: number,
  nominatedOn: (nodeName: string) => readonly PodInfo[],
): SearchResult {
  const wanted = feasibleNodesWanted(nodes.length);
  const feasible: NodeInfo[] = [];
  const rejected = new Map<string, Verdict>();
  let examined = 0;
  for (; examined < nodes.length && feasible.length < wanted; examined++) {
    const node = nodes[(startAt + examined) % nodes.length]!;
    const verdict = profile.filterWithNominated(state, pod, node, nominatedOn(node.name));
    if (verdict.code === 'success') feasible.push(node);
    else rejected.set(node.name, verdict);
  }
  return { feasible, rejected, examined };
}
