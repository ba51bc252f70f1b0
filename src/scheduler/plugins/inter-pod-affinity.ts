/**
 * Pods that want to be near, or apart from, other pods, by topology (node, zone, …).
 *
 * preFilter counts once, per (topology key, value): pods that the incoming pod's terms match, and existing pods whose required
 * anti-affinity matches the incoming one. filter then only looks numbers up.
 */
import type { Snapshot } from '../cache/snapshot.ts';
import type { CycleState, StateValue } from '../framework/cycle-state.ts';
import type { NodeInfo } from '../framework/node-info.ts';
import { SCORE_MAX } from '../framework/normalize.ts';
import { termCovers, type AffinityTerm, type PodInfo } from '../framework/pod-info.ts';
import type { SchedulerPlugin } from '../framework/plugin.ts';
import { SKIP, SUCCESS, unresolvable, unschedulable } from '../framework/status.ts';

type NamespaceLabels = (namespace: string) => Readonly<Record<string, string>> | undefined;

const FILTER_KEY = 'InterPodAffinity/filter';
const SCORE_KEY = 'InterPodAffinity/score';
/** What the required affinity of an existing pod counts in the score of another. */
const HARD_AFFINITY_WEIGHT = 1;

class Counts {
  readonly #byPair = new Map<string, number>();
  get size(): number { return this.#byPair.size; }
  get(key: string, value: string): number { return this.#byPair.get(`${key}\0${value}`) ?? 0; }
  add(node: NodeInfo, topologyKey: string, by: number): void {
    const value = labelOf(node, topologyKey);
    if (value === undefined) return;
    const pair = `${topologyKey}\0${value}`;
    const sum = (this.#byPair.get(pair) ?? 0) + by;
    if (sum === 0) this.#byPair.delete(pair); else this.#byPair.set(pair, sum);
  }
  clone(): Counts {
    const copy = new Counts();
    for (const [pair, count] of this.#byPair) copy.#byPair.set(pair, count);
    return copy;
  }
  pairs(): IterableIterator<[string, number]> { return this.#byPair.entries(); }
}

class FilterState implements StateValue {
  readonly affinity: Counts;
  readonly antiAffinity: Counts;
  readonly existingAntiAffinity: Counts;
  constructor(affinity = new Counts(), antiAffinity = new Counts(), existingAntiAffinity = new Counts()) {
    this.affinity = affinity;
    this.antiAffinity = antiAffinity;
    this.existingAntiAffinity = existingAntiAffinity;
  }
  clone(): FilterState { return new FilterState(this.affinity.clone(), this.antiAffinity.clone(), this.existingAntiAffinity.clone()); }
}

class ScoreState implements StateValue {
  readonly counts = new Counts();
  clone(): StateValue { return this; }
}

function labelOf(node: NodeInfo, key: string): string | undefined { return node.node?.metadata.labels?.[key]; }

export function interPodAffinity(namespaceLabels: NamespaceLabels): SchedulerPlugin {
  const matchesAll = (terms: readonly AffinityTerm[], pod: PodInfo): boolean => terms.length > 0 && terms.every((term) => termCovers(term, pod.pod, namespaceLabels));

  /** Adds (or takes away) what `other` on `node` means for the incoming pod. */
  const count = (state: FilterState, pod: PodInfo, other: PodInfo, node: NodeInfo, by: 1 | -1): void => {
    if (matchesAll(pod.requiredAffinity, other)) for (const term of pod.requiredAffinity) state.affinity.add(node, term.topologyKey, by);
    for (const term of pod.requiredAntiAffinity) if (termCovers(term, other.pod, namespaceLabels)) state.antiAffinity.add(node, term.topologyKey, by);
    for (const term of other.requiredAntiAffinity) if (termCovers(term, pod.pod, namespaceLabels)) state.existingAntiAffinity.add(node, term.topologyKey, by);
  };

  return {
    name: 'InterPodAffinity',
    events: ['assigned-pod/add', 'assigned-pod/label', 'assigned-pod/delete', 'node/add', 'node/label', 'unscheduled-pod/update', 'namespace/update'],
    preFilter(cycle, pod, snapshot) {
      const own = pod.requiredAffinity.length + pod.requiredAntiAffinity.length > 0;
      const state = new FilterState();
      for (const node of own ? snapshot.nodes : snapshot.withAntiAffinityPods) {
        const others = own ? node.pods.keys() : node.podsWithRequiredAntiAffinity;
        for (const uid of others) count(state, pod, node.pods.get(uid)!, node, 1);
      }
      if (!own && state.existingAntiAffinity.size === 0) return { verdict: SKIP };
      cycle.set(FILTER_KEY, state);
      return { verdict: SUCCESS };
    },
    filter(cycle, pod, node) {
      const state = cycle.get<FilterState>(FILTER_KEY)!;
      if (!affinitySatisfied(state, pod, node, matchesAll)) return unresolvable("node(s) didn't match pod affinity rules");
      for (const term of pod.requiredAntiAffinity) {
        const value = labelOf(node, term.topologyKey);
        if (value !== undefined && state.antiAffinity.get(term.topologyKey, value) > 0) return unschedulable("node(s) didn't match pod anti-affinity rules");
      }
      if (state.existingAntiAffinity.size > 0) {
        for (const [key, value] of Object.entries(node.node?.metadata.labels ?? {})) {
          if (state.existingAntiAffinity.get(key, value) > 0) return unschedulable("node(s) didn't satisfy existing pods anti-affinity rules");
        }
      }
      return SUCCESS;
    },
    addPod: (cycle, pod, added, node) => count(cycle.get<FilterState>(FILTER_KEY)!, pod, added, node, 1),
    removePod: (cycle, pod, removed, node) => count(cycle.get<FilterState>(FILTER_KEY)!, pod, removed, node, -1),
    preScore: (cycle, pod, _nodes, snapshot) => prepareScore(cycle, pod, snapshot, namespaceLabels),
    score(cycle, _pod, node) {
      let sum = 0;
      for (const [pair, weight] of cycle.get<ScoreState>(SCORE_KEY)?.counts.pairs() ?? []) {
        const [key, value] = pair.split('\0') as [string, string];
        if (labelOf(node, key) === value) sum += weight;
      }
      return sum;
    },
    normalize(_state, _pod, scores) {
      const low = Math.min(...scores.values());
      const span = Math.max(...scores.values()) - low;
      for (const [name, score] of scores) scores.set(name, span === 0 ? 0 : Math.trunc((SCORE_MAX * (score - low)) / span));
    },
  };
}

function affinitySatisfied(state: FilterState, pod: PodInfo, node: NodeInfo, matchesAll: (terms: readonly AffinityTerm[], pod: PodInfo) => boolean): boolean {
  if (pod.requiredAffinity.length === 0) return true;
  let all = true;
  for (const term of pod.requiredAffinity) {
    const value = labelOf(node, term.topologyKey);
    if (value === undefined) return false;
    if (state.affinity.get(term.topologyKey, value) <= 0) all = false;
  }
  // The first of a group of pods that want each other may go anywhere.
  return all || (state.affinity.size === 0 && matchesAll(pod.requiredAffinity, pod));
}

function prepareScore(cycle: CycleState, pod: PodInfo, snapshot: Snapshot, namespaceLabels: NamespaceLabels) {
  const own = pod.preferredAffinity.length + pod.preferredAntiAffinity.length > 0;
  if (!own && snapshot.withAffinityPods.size === 0) return SKIP;
  const state = new ScoreState();
  const weigh = (terms: readonly AffinityTerm[], covered: PodInfo, node: NodeInfo, sign: number, weight?: number): void => {
    for (const term of terms) if (termCovers(term, covered.pod, namespaceLabels)) state.counts.add(node, term.topologyKey, sign * (weight ?? term.weight));
  };
  for (const node of own ? snapshot.nodes : snapshot.withAffinityPods) {
    for (const uid of own ? node.pods.keys() : node.podsWithAffinity) {
      const other = node.pods.get(uid)!;
      weigh(pod.preferredAffinity, other, node, 1);
      weigh(pod.preferredAntiAffinity, other, node, -1);
      weigh(other.requiredAffinity, pod, node, 1, HARD_AFFINITY_WEIGHT);
      weigh(other.preferredAffinity, pod, node, 1);
      weigh(other.preferredAntiAffinity, pod, node, -1);
    }
  }
  if (state.counts.size === 0) return SKIP;
  cycle.set(SCORE_KEY, state);
  return SUCCESS;
}
