/**
 * What a daemon set does on each node, and how its update goes over the nodes. Pure.
 *
 *     maxUnavailable   an old pod goes, then the new one comes; so many nodes may be without
 *     maxSurge         the new one comes beside the old, which goes when the new is available; on so many nodes
 */
import type { DaemonSet, DaemonSetStatus } from '#api/generated/apps/v1';
import type { Node, Pod } from '#api/generated/core/v1';
import { scaledValue } from '#semantics/int-or-percent';
import { isPodAvailable, isPodReady } from '#semantics/pod-state';
import { belongs, isUpToDate } from './daemon-pods.ts';

export interface DaemonInput {
  readonly set: DaemonSet;
  readonly nodes: readonly Node[];
  readonly podsByNode: ReadonlyMap<string, readonly Pod[]>;
  readonly hash: string;
  readonly nowMs: number;
}

export interface DaemonPlan {
  readonly createOn: string[];
  readonly remove: Pod[];
  /** Ended pods, each with the node whose backoff decides when it goes. */
  readonly failed: { readonly pod: Pod; readonly node: string }[];
  readonly succeeded: { readonly pod: Pod; readonly node: string }[];
}

const isDeleting = (pod: Pod): boolean => pod.metadata.deletionTimestamp !== undefined;

/** On a node first, then in the order of creation. */
function byAge(a: Pod, b: Pod): number {
  const placed = Number(!b.spec?.nodeName) - Number(!a.spec?.nodeName);
  if (placed !== 0) return -placed;
  const [left, right] = [`${a.metadata.creationTimestamp}${a.metadata.name}`, `${b.metadata.creationTimestamp}${b.metadata.name}`];
  return left < right ? -1 : 1;
}

export function planNodes(input: DaemonInput): DaemonPlan {
  const plan: DaemonPlan = { createOn: [], remove: [], failed: [], succeeded: [] };
  for (const node of input.nodes) planNode(input, node, plan);
  const names = new Set(input.nodes.map((node) => node.metadata.name!));
  for (const [name, pods] of input.podsByNode) {
    if (!names.has(name)) plan.remove.push(...pods.filter((pod) => !pod.spec?.nodeName && !isDeleting(pod))); // meant for a node that is gone
  }
  return plan;
}

function planNode(input: DaemonInput, node: Node, plan: DaemonPlan): void {
  const name = node.metadata.name!;
  const pods = input.podsByNode.get(name) ?? [];
  const { shouldRun, mayContinue } = belongs(input.set, node);
  if (shouldRun && pods.length === 0) { plan.createOn.push(name); return; }
  if (!mayContinue) { plan.remove.push(...pods.filter((pod) => !isDeleting(pod))); return; }
  const running: Pod[] = [];
  for (const pod of pods) {
    if (isDeleting(pod)) continue;
    if (pod.status?.phase === 'Failed') plan.failed.push({ pod, node: name });
    else if (pod.status?.phase === 'Succeeded') plan.succeeded.push({ pod, node: name });
    else running.push(pod);
  }
  running.sort(byAge);
  if (surge(input) === 0) { plan.remove.push(...running.slice(1)); return; }
  if (running.length === 0 && shouldRun) plan.createOn.push(name);
  if (running.length > 1) planSurgingNode(input, running, plan);
}

/** One new and one old pod may be there; the old goes when the new is available, or when it is no use any more. */
function planSurgingNode(input: DaemonInput, running: readonly Pod[], plan: DaemonPlan): void {
  const isNew = (pod: Pod): boolean => pod.metadata.labels?.['controller-revision-hash'] === input.hash;
  const newest = running.find(isNew);
  const oldest = running.find((pod) => !isNew(pod));
  plan.remove.push(...running.filter((pod) => pod !== newest && pod !== oldest));
  if (newest !== undefined && oldest !== undefined && (!isPodReady(oldest) || available(input, newest))) plan.remove.push(oldest);
}

const available = (input: DaemonInput, pod: Pod): boolean => isPodAvailable(pod, input.set.spec!.minReadySeconds ?? 0, input.nowMs);
const desired = (input: DaemonInput): Node[] => input.nodes.filter((node) => belongs(input.set, node).shouldRun);

function surge(input: DaemonInput): number {
  if (input.set.spec!.updateStrategy?.type !== 'RollingUpdate') return 0;
  return scaledValue(input.set.spec!.updateStrategy.rollingUpdate?.maxSurge ?? 0, desired(input).length, true);
}

function unavailableAllowed(input: DaemonInput): number {
  const count = desired(input).length;
  const allowed = scaledValue(input.set.spec!.updateStrategy?.rollingUpdate?.maxUnavailable ?? 0, count, true);
  return count > 0 && allowed === 0 && surge(input) === 0 ? 1 : allowed;
}

/** The pods to replace next: those to remove, and nodes to start a second one on. */
export function planUpdate(input: DaemonInput): { remove: Pod[]; createOn: string[] } {
  if (input.set.spec!.updateStrategy?.type !== 'RollingUpdate') return { remove: [], createOn: [] };
  const pods = new Map<string, readonly Pod[]>(input.podsByNode);
  for (const node of desired(input)) if (!pods.has(node.metadata.name!)) pods.set(node.metadata.name!, []);
  return surge(input) === 0 ? planReplacing(input, pods) : planSurging(input, pods);
}

/** Undefined: more than one of a sort is there; the nodes' plan cleans up first. */
function pairOn(input: DaemonInput, pods: readonly Pod[]): { fresh: Pod | undefined; old: Pod | undefined } | undefined {
  const live = pods.filter((pod) => !isDeleting(pod));
  const fresh = live.filter((pod) => isUpToDate(input.set, pod, input.hash));
  const old = live.filter((pod) => !fresh.includes(pod));
  return fresh.length > 1 || old.length > 1 ? undefined : { fresh: fresh[0], old: old[0] };
}

function planReplacing(input: DaemonInput, podsByNode: ReadonlyMap<string, readonly Pod[]>): { remove: Pod[]; createOn: string[] } {
  let missing = 0;
  const broken: Pod[] = [];
  const candidates: Pod[] = [];
  for (const pods of podsByNode.values()) {
    const pair = pairOn(input, pods);
    if (pair === undefined || (pair.fresh === undefined) === (pair.old === undefined)) missing++;
    else if (pair.fresh !== undefined) { if (!available(input, pair.fresh)) missing++; }
    else if (!available(input, pair.old!)) { broken.push(pair.old!); missing++; }
    else candidates.push(pair.old!);
  }
  return { remove: [...broken, ...candidates.slice(0, Math.max(0, unavailableAllowed(input) - missing))], createOn: [] };
}

function planSurging(input: DaemonInput, podsByNode: ReadonlyMap<string, readonly Pod[]>): { remove: Pod[]; createOn: string[] } {
  const nodes = new Map(input.nodes.map((node) => [node.metadata.name!, node]));
  const remove: Pod[] = [];
  const allowed: string[] = [];
  const candidates: string[] = [];
  const unwanted: Pod[] = [];
  let surging = 0;
  let availableNodes = 0;
  for (const [name, pods] of podsByNode) {
    const pair = pairOn(input, pods);
    if (pair === undefined) { surging++; continue; }
    const { fresh, old } = pair;
    const serving = old ?? fresh;
    if (serving !== undefined && available(input, serving)) availableNodes++;
    if (old === undefined) continue;
    if (fresh !== undefined) { if (available(input, fresh)) remove.push(old); else surging++; continue; }
    const node = nodes.get(name);
    const wanted = node !== undefined && belongs(input.set, node).shouldRun;
    if (!available(input, old)) { if (wanted) allowed.push(name); else remove.push(old); }
    else if (!wanted) unwanted.push(old);
    else candidates.push(name);
  }
  remove.push(...unwanted.slice(0, Math.max(0, availableNodes - desired(input).length)));
  return { remove, createOn: [...allowed, ...candidates.slice(0, Math.max(0, surge(input) - surging))] };
}

export function daemonStatus(input: DaemonInput): DaemonSetStatus {
  const counts = { desired: 0, current: 0, misscheduled: 0, ready: 0, updated: 0, available: 0 };
  for (const node of input.nodes) {
    const pods = [...input.podsByNode.get(node.metadata.name!) ?? []].sort(byAge);
    if (!belongs(input.set, node).shouldRun) { if (pods.length > 0) counts.misscheduled++; continue; }
    counts.desired++;
    const [pod] = pods;
    if (pod === undefined) continue;
    counts.current++;
    if (isPodReady(pod)) counts.ready++;
    if (available(input, pod)) counts.available++;
    if (isUpToDate(input.set, pod, input.hash)) counts.updated++;
  }
  return {
    observedGeneration: input.set.metadata.generation ?? 0,
    desiredNumberScheduled: counts.desired, currentNumberScheduled: counts.current, numberMisscheduled: counts.misscheduled, numberReady: counts.ready,
    updatedNumberScheduled: counts.updated, numberAvailable: counts.available, numberUnavailable: counts.desired - counts.available,
  };
}
