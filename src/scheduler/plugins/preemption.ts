/**
 * Makes room for a pod that fits nowhere by evicting pods of lower priority from one node.
 *
 * On each node where eviction could help: take away all lower pods; if the pod fits then, put back as many as possible, the most
 * important first, those whose disruption budget would be broken before all others. The node whose loss is least wins.
 */
import type { Pod } from '#api/generated/core/v1';
import type { PodDisruptionBudget } from '#api/generated/policy/v1';
import type { Random } from '#base/random';
import { labelSelectorOf, labelsMatch } from '#machinery/selector/label-selector';
import type { CycleState } from '../framework/cycle-state.ts';
import type { NodeInfo } from '../framework/node-info.ts';
import type { PodInfo } from '../framework/pod-info.ts';
import type { PostFilterResult, SchedulerPlugin } from '../framework/plugin.ts';
import type { Profile } from '../framework/profile.ts';
import { SUCCESS, unschedulable, type Verdict } from '../framework/status.ts';
import type { Snapshot } from '../cache/snapshot.ts';
import { reasonHistogram } from '../fit-error.ts';

export interface PreemptionDependencies {
  /** The profile whose filters decide; known only once the plugins are. */
  readonly profile: () => Profile;
  readonly budgets: () => readonly PodDisruptionBudget[];
  readonly nominatedOn: (nodeName: string) => readonly PodInfo[];
  /** Deletes a victim and says so. */
  readonly evict: (victim: Pod, preemptor: Pod, nodeName: string, signal: AbortSignal) => Promise<void>;
  /** Takes the promise of a node back from a pod. */
  readonly clearNomination: (pod: Pod, signal: AbortSignal) => Promise<void>;
  readonly random: Random;
}

interface Candidate { readonly node: NodeInfo; readonly victims: readonly PodInfo[]; readonly budgetViolations: number }

const NO_VICTIMS = 'No preemption victims found for incoming pod';
const NOT_HELPFUL = 'Preemption is not helpful for scheduling';
/** Nodes tried: a tenth of those that could do, at least so many. */
const CANDIDATES_MIN = 100;
const CANDIDATES_SHARE = 0.1;

export function defaultPreemption(dependencies: PreemptionDependencies): SchedulerPlugin {
  return {
    name: 'DefaultPreemption',
    async postFilter(state, pod, rejected, snapshot, signal): Promise<PostFilterResult> {
      const ineligible = whyNotEligible(pod.pod, pod.priority, rejected, snapshot);
      if (ineligible !== undefined) return refused(`preemption: ${ineligible}`);
      const helpful = [...rejected].filter(([, verdict]) => verdict.code === 'unschedulable').map(([name]) => snapshot.get(name)!);
      const reasons = [...rejected].filter(([, verdict]) => verdict.code !== 'unschedulable').map(() => NOT_HELPFUL);
      const unseen = snapshot.nodes.length - rejected.size;
      const candidates: Candidate[] = [];
      const wanted = Math.max(CANDIDATES_MIN, Math.trunc(helpful.length * CANDIDATES_SHARE));
      const offset = helpful.length === 0 ? 0 : dependencies.random.integer(helpful.length);
      for (let i = 0; i < helpful.length && candidates.length < wanted; i++) {
        const node = helpful[(offset + i) % helpful.length]!;
        const outcome = selectVictims(dependencies, state, pod, node);
        if ('reasons' in outcome) reasons.push(...outcome.reasons); else candidates.push(outcome);
      }
      const best = cheapest(candidates);
      if (best === undefined) {
        const histogram = reasonHistogram(reasons, { count: unseen, reason: NOT_HELPFUL });
        return refused(`preemption: 0/${snapshot.nodes.length} nodes are available: ${histogram}.`);
      }
      for (const victim of best.victims) await dependencies.evict(victim.pod, pod.pod, best.node.name, signal);
      for (const other of dependencies.nominatedOn(best.node.name)) {
        if (other.priority < pod.priority) await dependencies.clearNomination(other.pod, signal);
      }
      return { verdict: SUCCESS, nominatedNode: best.node.name };
    },
  };
}

function refused(text: string): PostFilterResult { return { verdict: unschedulable(text) }; }

/** A pod that already waits for victims on its nominated node must not take more elsewhere. */
function whyNotEligible(pod: Pod, priority: number, rejected: ReadonlyMap<string, Verdict>, snapshot: Snapshot): string | undefined {
  if (pod.spec?.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.';
  const nominated = pod.status?.nominatedNodeName ?? '';
  if (nominated === '' || rejected.get(nominated)?.code === 'unresolvable') return undefined;
  for (const other of snapshot.get(nominated)?.pods.values() ?? []) {
    const preempted = other.pod.status?.conditions?.some((condition) => condition.type === 'DisruptionTarget' && condition.status === 'True' && condition.reason === 'PreemptionByScheduler');
    if (other.pod.metadata.deletionTimestamp != null && other.priority < priority && preempted === true) return 'not eligible due to a terminating pod on the nominated node.';
  }
  return undefined;
}

function selectVictims(dependencies: PreemptionDependencies, state: CycleState, pod: PodInfo, live: NodeInfo): Candidate | { reasons: readonly string[] } {
  const profile = dependencies.profile();
  const node = live.clone();
  const trial = state.clone();
  const lower = [...node.pods.values()].filter((other) => other.priority < pod.priority);
  if (lower.length === 0) return { reasons: [NO_VICTIMS] };
  const take = (other: PodInfo): void => { node.removePod(other.uid); profile.removePod(trial, pod, other, node); };
  const putBack = (other: PodInfo): void => { node.addPod(other); profile.addPod(trial, pod, other, node); };
  for (const other of lower) take(other);
  const nominated = dependencies.nominatedOn(node.name);
  const verdict = profile.filterWithNominated(trial, pod, node, nominated);
  if (verdict.code !== 'success') return { reasons: verdict.reasons };
  const { violating, others } = splitByBudget([...lower].sort(moreImportantFirst), dependencies.budgets());
  const victims: PodInfo[] = [];
  let budgetViolations = 0;
  const reprieve = (other: PodInfo): boolean => {
    putBack(other);
    if (profile.filterWithNominated(trial, pod, node, nominated).code === 'success') return true;
    take(other);
    victims.push(other);
    return false;
  };
  for (const other of violating) if (!reprieve(other)) budgetViolations++;
  for (const other of others) reprieve(other);
  return { node: live, victims: victims.sort(moreImportantFirst), budgetViolations };
}

function startMs(pod: Pod): number {
  return pod.status?.startTime === undefined ? Infinity : Date.parse(pod.status.startTime);
}

function moreImportantFirst(a: PodInfo, b: PodInfo): number {
  return b.priority - a.priority || startMs(a.pod) - startMs(b.pod) || 0;
}

/** Each budget is spent by the pods in turn; those beyond it violate it. */
function splitByBudget(pods: readonly PodInfo[], budgets: readonly PodDisruptionBudget[]): { violating: PodInfo[]; others: PodInfo[] } {
  const left = budgets.map((budget) => budget.status?.disruptionsAllowed ?? 0);
  const violating: PodInfo[] = [];
  const others: PodInfo[] = [];
  for (const info of pods) {
    const { pod } = info;
    let violates = false;
    budgets.forEach((budget, i) => {
      if (budget.metadata.namespace !== pod.metadata.namespace || Object.keys(pod.metadata.labels ?? {}).length === 0) return;
      const selector = labelSelectorOf(budget.spec?.selector);
      if (selector === undefined || selector.length === 0 || !labelsMatch(selector, pod.metadata.labels)) return;
      if (budget.status?.disruptedPods?.[pod.metadata.name!] !== undefined) return;
      left[i]!--;
      if (left[i]! < 0) violates = true;
    });
    (violates ? violating : others).push(info);
  }
  return { violating, others };
}

/** Fewest broken budgets, then least important victims, then fewest, then youngest. */
function cheapest(candidates: readonly Candidate[]): Candidate | undefined {
  /** Upstream's shift, so that more victims weigh more even at negative priorities. */
  const prioritySum = (candidate: Candidate): number => candidate.victims.reduce((sum, victim) => sum + victim.priority + 2 ** 31, 0);
  const measures: ((candidate: Candidate) => number)[] = [
    (candidate) => candidate.budgetViolations,
    (candidate) => candidate.victims[0]?.priority ?? -Infinity,
    prioritySum,
    (candidate) => candidate.victims.length,
    (candidate) => -Math.min(...candidate.victims.filter((victim) => victim.priority === candidate.victims[0]?.priority).map((victim) => startMs(victim.pod))),
  ];
  let left = [...candidates];
  for (const measure of measures) {
    const least = Math.min(...left.map(measure));
    left = left.filter((candidate) => measure(candidate) === least);
    if (left.length <= 1) break;
  }
  return left[0];
}
