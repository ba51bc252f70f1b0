/**
 * What a scheduler plugin is: a name and any of the extension points. One object, no state between cycles but what it keeps in the
 * `CycleState`; a plugin from outside is the same kind of object.
 *
 *     queue: preEnqueue, less │ cycle: preFilter → filter → postFilter → preScore → score → reserve → permit │ bind: preBind → bind → postBind
 */
import type { Pod } from '#api/generated/core/v1';
import type { CycleState } from './cycle-state.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import type { Snapshot } from '../cache/snapshot.ts';
import type { Verdict } from './status.ts';

/** A change of the cluster that could make a rejected pod fit. */
export type ClusterEvent =
  | 'node/add' | 'node/allocatable' | 'node/label' | 'node/taint' | 'node/condition' | 'node/annotation' | 'node/delete'
  | 'assigned-pod/add' | 'assigned-pod/label' | 'assigned-pod/delete' | 'assigned-pod/scale-down'
  | 'unscheduled-pod/update' | 'unscheduled-pod/gates'
  | 'pvc/add' | 'pvc/update' | 'pv/add' | 'pv/update' | 'storage-class/add' | 'storage-class/update'
  | 'csi-node/add' | 'csi-node/update' | 'csi-driver/update' | 'csi-storage-capacity/add' | 'csi-storage-capacity/update' | 'volume-attachment/delete'
  | 'resource-claim/add' | 'resource-claim/update' | 'resource-slice/add' | 'resource-slice/update' | 'device-class/add' | 'device-class/update'
  | 'namespace/update';

export interface QueuedPod {
  readonly info: PodInfo;
  /** When it came into the queue first, epoch milliseconds. */
  readonly queuedMs: number;
  readonly attempts: number;
}

export interface PostFilterResult { readonly verdict: Verdict; readonly nominatedNode?: string }

export interface SchedulerPlugin {
  readonly name: string;
  /** Events that could change this plugin's refusal; absent: every event. */
  readonly events?: readonly ClusterEvent[];
  /** May the pod enter the active queue? */
  preEnqueue?(pod: Pod): Verdict;
  /** Queue order; exactly one plugin has it. */
  less?(a: QueuedPod, b: QueuedPod): boolean;
  /** May narrow the nodes to look at. `skip`: this plugin's filter is not asked in this cycle. */
  preFilter?(state: CycleState, pod: PodInfo, snapshot: Snapshot): { verdict: Verdict; nodeNames?: ReadonlySet<string> };
  filter?(state: CycleState, pod: PodInfo, node: NodeInfo): Verdict;
  /** Keeps the state of `preFilter` right while preemption tries the world without (or with) a pod. */
  addPod?(state: CycleState, pod: PodInfo, added: PodInfo, node: NodeInfo): void;
  removePod?(state: CycleState, pod: PodInfo, removed: PodInfo, node: NodeInfo): void;
  postFilter?(state: CycleState, pod: PodInfo, rejected: ReadonlyMap<string, Verdict>, snapshot: Snapshot, signal: AbortSignal): Promise<PostFilterResult>;
  preScore?(state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[], snapshot: Snapshot): Verdict;
  /** 0 … 100 unless `normalize` maps it there. */
  score?(state: CycleState, pod: PodInfo, node: NodeInfo): number;
  normalize?(state: CycleState, pod: PodInfo, scores: Map<string, number>): void;
  reserve?(state: CycleState, pod: PodInfo, nodeName: string): Promise<Verdict> | Verdict;
  /** Must undo `reserve` and may be called without it. */
  unreserve?(state: CycleState, pod: PodInfo, nodeName: string): void;
  permit?(state: CycleState, pod: PodInfo, nodeName: string): { verdict: Verdict; timeoutMs?: number };
  preBind?(state: CycleState, pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<Verdict>;
  /** `skip`: another plugin binds. */
  bind?(state: CycleState, pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<Verdict>;
  postBind?(state: CycleState, pod: PodInfo, nodeName: string): void;
}
