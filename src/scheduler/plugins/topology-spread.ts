/**
 * Spreads pods over topology domains: no domain may hold `maxSkew` more matching pods than the emptiest one.
 *
 *     zone a: 3, zone b: 1, maxSkew 1, the pod counts itself → only zone b: 1 + 1 − 1 = 1 ≤ 1, zone a: 3 + 1 − 1 = 3 > 1
 *
 * Constraints that must hold filter; the others score, with upstream's default constraints for pods that have none.
 */
import type { Pod, TopologySpreadConstraint } from '#api/generated/core/v1';
import { newRequirement } from '#machinery/selector/label-requirement';
import { labelSelectorOf, labelsMatch, type LabelRequirements } from '#machinery/selector/label-selector';
import { podMatchesNode } from '#semantics/node-affinity';
import { untoleratedTaint } from '#semantics/taints';
import type { CycleState, StateValue } from '../framework/cycle-state.ts';
import type { NodeInfo } from '../framework/node-info.ts';
import { SCORE_MAX } from '../framework/normalize.ts';
import type { PodInfo } from '../framework/pod-info.ts';
import type { SchedulerPlugin } from '../framework/plugin.ts';
import { SKIP, SUCCESS, unresolvable, unschedulable } from '../framework/status.ts';
import type { Snapshot } from '../cache/snapshot.ts';

const FILTER_KEY = 'PodTopologySpread/filter';
const SCORE_KEY = 'PodTopologySpread/score';
const HOSTNAME = 'kubernetes.io/hostname';
const ZONE = 'topology.kubernetes.io/zone';
const REASON = "node(s) didn't match pod topology spread constraints";

interface Constraint {
  readonly maxSkew: number;
  readonly topologyKey: string;
  readonly selector: LabelRequirements | undefined;
  readonly minDomains: number;
  readonly honorAffinity: boolean;
  readonly honorTaints: boolean;
}

interface Spread { readonly constraint: Constraint; readonly counts: Map<string, number> }

class FilterState implements StateValue {
  readonly spreads: readonly Spread[];
  constructor(spreads: readonly Spread[]) { this.spreads = spreads; }
  clone(): FilterState { return new FilterState(this.spreads.map(({ constraint, counts }) => ({ constraint, counts: new Map(counts) }))); }
}

class ScoreState implements StateValue {
  readonly spreads: readonly { constraint: Constraint; counts: Map<string, number>; weight: number }[];
  readonly ignored: ReadonlySet<string>;
  constructor(spreads: ScoreState['spreads'], ignored: ReadonlySet<string>) { this.spreads = spreads; this.ignored = ignored; }
  clone(): StateValue { return this; }
}

/** @param defaultSelector what selects the pod's siblings (its services and owner); undefined: nothing does. */
export function topologySpread(defaultSelector: (pod: Pod) => LabelRequirements | undefined): SchedulerPlugin {
  return {
    name: 'PodTopologySpread',
    events: ['assigned-pod/add', 'assigned-pod/label', 'assigned-pod/delete', 'node/add', 'node/delete', 'node/label', 'node/taint', 'unscheduled-pod/update'],
    preFilter(cycle, { pod }, snapshot) {
      const constraints = constraintsOf(pod, 'DoNotSchedule');
      if (constraints.length === 0) return { verdict: SKIP };
      cycle.set(FILTER_KEY, new FilterState(countDomains(pod, constraints, snapshot)));
      return { verdict: SUCCESS };
    },
    filter(cycle, { pod }, node) {
      for (const { constraint, counts } of cycle.get<FilterState>(FILTER_KEY)!.spreads) {
        const value = node.node?.metadata.labels?.[constraint.topologyKey];
        if (value === undefined) return unresolvable(`${REASON} (missing required label)`);
        const least = counts.size < constraint.minDomains ? 0 : Math.min(Infinity, ...counts.values());
        const self = labelsMatch(constraint.selector, pod.metadata.labels) ? 1 : 0;
        if ((counts.get(value) ?? 0) + self - (Number.isFinite(least) ? least : 0) > constraint.maxSkew) return unschedulable(REASON);
      }
      return SUCCESS;
    },
    addPod: (cycle, pod, added, node) => adjust(cycle, pod, added, node, 1),
    removePod: (cycle, pod, removed, node) => adjust(cycle, pod, removed, node, -1),
    preScore: (cycle, pod, nodes, snapshot) => prepareScore(cycle, pod.pod, nodes, snapshot, defaultSelector),
    score(cycle, _pod, node) {
      const state = cycle.get<ScoreState>(SCORE_KEY);
      if (state === undefined || state.ignored.has(node.name)) return 0;
      let score = 0;
      for (const { constraint, counts, weight } of state.spreads) {
        const value = node.node?.metadata.labels?.[constraint.topologyKey];
        if (value === undefined) continue;
        const matching = constraint.topologyKey === HOSTNAME ? matchingPods(node, constraint, _pod.pod) : counts.get(value) ?? 0;
        score += matching * weight + (constraint.maxSkew - 1);
      }
      return Math.round(score);
    },
    normalize(cycle, _pod, scores) {
      const state = cycle.get<ScoreState>(SCORE_KEY);
      if (state === undefined) return;
      const counted = [...scores].filter(([name]) => !state.ignored.has(name)).map(([, score]) => score);
      const low = Math.min(...counted);
      const high = Math.max(...counted);
      for (const [name, score] of scores) {
        if (state.ignored.has(name)) scores.set(name, 0);
        else scores.set(name, high === 0 ? SCORE_MAX : Math.trunc((SCORE_MAX * (high + low - score)) / high));
      }
    },
  };
}

function constraintsOf(pod: Pod, whenUnsatisfiable: string): Constraint[] {
  return (pod.spec?.topologySpreadConstraints ?? []).filter((constraint) => constraint.whenUnsatisfiable === whenUnsatisfiable).map((constraint) => toConstraint(constraint, pod));
}

function toConstraint(constraint: TopologySpreadConstraint, pod: Pod): Constraint {
  let selector = labelSelectorOf(constraint.labelSelector);
  const keys = (constraint.matchLabelKeys ?? []).filter((key) => pod.metadata.labels?.[key] !== undefined);
  if (selector !== undefined && keys.length > 0) selector = [...selector, ...keys.map((key) => newRequirement(key, 'in', [pod.metadata.labels![key]!]))];
  return {
    maxSkew: constraint.maxSkew, topologyKey: constraint.topologyKey, selector, minDomains: constraint.minDomains ?? 1,
    honorAffinity: constraint.nodeAffinityPolicy !== 'Ignore', honorTaints: constraint.nodeTaintsPolicy === 'Honor',
  };
}

function counts(node: NodeInfo, pod: Pod, constraint: Constraint): boolean {
  if (constraint.honorAffinity && !podMatchesNode(pod, node.node!)) return false;
  return !constraint.honorTaints || untoleratedTaint(node.node!.spec?.taints, pod.spec?.tolerations, ['NoSchedule', 'NoExecute']) === undefined;
}

function countDomains(pod: Pod, constraints: readonly Constraint[], snapshot: Snapshot): Spread[] {
  const spreads = constraints.map((constraint) => ({ constraint, counts: new Map<string, number>() }));
  for (const node of snapshot.nodes) {
    const labels = node.node!.metadata.labels ?? {};
    if (constraints.some(({ topologyKey }) => labels[topologyKey] === undefined)) continue;
    for (const spread of spreads) {
      if (!counts(node, pod, spread.constraint)) continue;
      const value = labels[spread.constraint.topologyKey]!;
      spread.counts.set(value, (spread.counts.get(value) ?? 0) + matchingPods(node, spread.constraint, pod));
    }
  }
  return spreads;
}

function matchingPods(node: NodeInfo, { selector }: Constraint, pod: Pod): number {
  if (selector === undefined) return 0;
  let sum = 0;
  for (const { pod: other } of node.pods.values()) {
    if (other.metadata.namespace === pod.metadata.namespace && other.metadata.deletionTimestamp == null && labelsMatch(selector, other.metadata.labels)) sum++;
  }
  return sum;
}

function adjust(cycle: CycleState, { pod }: PodInfo, { pod: other }: PodInfo, node: NodeInfo, by: 1 | -1): void {
  if (other.metadata.namespace !== pod.metadata.namespace) return;
  for (const { constraint, counts: domains } of cycle.get<FilterState>(FILTER_KEY)?.spreads ?? []) {
    const value = node.node?.metadata.labels?.[constraint.topologyKey];
    if (value === undefined || !labelsMatch(constraint.selector, other.metadata.labels) || !counts(node, pod, constraint)) continue;
    domains.set(value, (domains.get(value) ?? 0) + by);
  }
}

function prepareScore(cycle: CycleState, pod: Pod, nodes: readonly NodeInfo[], snapshot: Snapshot, defaultSelector: (pod: Pod) => LabelRequirements | undefined) {
  const explicit = (pod.spec?.topologySpreadConstraints ?? []).length > 0;
  const constraints = explicit ? constraintsOf(pod, 'ScheduleAnyway') : defaultConstraints(defaultSelector(pod));
  if (constraints.length === 0) return SKIP;
  const ignored = new Set<string>();
  for (const node of nodes) {
    if (explicit && constraints.some(({ topologyKey }) => node.node?.metadata.labels?.[topologyKey] === undefined)) ignored.add(node.name);
  }
  const scored = nodes.filter((node) => !ignored.has(node.name));
  const spreads = constraints.map((constraint) => {
    const domains = new Map<string, number>();
    for (const node of scored) {
      const value = node.node?.metadata.labels?.[constraint.topologyKey];
      if (value !== undefined && constraint.topologyKey !== HOSTNAME) domains.set(value, 0);
    }
    const size = constraint.topologyKey === HOSTNAME ? scored.length : domains.size;
    return { constraint, counts: domains, weight: Math.log(size + 2) };
  });
  for (const node of snapshot.nodes) {
    for (const { constraint, counts: domains } of spreads) {
      const value = node.node?.metadata.labels?.[constraint.topologyKey];
      if (value === undefined || !domains.has(value) || !counts(node, pod, constraint)) continue;
      domains.set(value, domains.get(value)! + matchingPods(node, constraint, pod));
    }
  }
  cycle.set(SCORE_KEY, new ScoreState(spreads, ignored));
  return SUCCESS;
}

/** Upstream's: spread over hosts (skew 3) and zones (skew 5), as far as it goes. */
function defaultConstraints(selector: LabelRequirements | undefined): Constraint[] {
  if (selector === undefined || selector.length === 0) return [];
  const common = { selector, minDomains: 1, honorAffinity: true, honorTaints: false };
  return [{ ...common, topologyKey: HOSTNAME, maxSkew: 3 }, { ...common, topologyKey: ZONE, maxSkew: 5 }];
}
