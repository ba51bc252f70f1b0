/**
 * Runs the plugins of one scheduler profile through the extension points, in their order; the cycle itself stands in `scheduler.ts`.
 */
import type { Pod } from '#api/generated/core/v1';
import type { Snapshot } from '../cache/snapshot.ts';
import type { CycleState } from './cycle-state.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';
import type { ClusterEvent, SchedulerPlugin } from './plugin.ts';
import { isRejected, SUCCESS, type Verdict } from './status.ts';

export interface WeightedPlugin { readonly plugin: SchedulerPlugin; readonly weight?: number }

export interface PreFilterOutcome {
  readonly verdict: Verdict;
  /** Undefined: all nodes. */
  readonly nodeNames: ReadonlySet<string> | undefined;
  /** The plugins that narrowed the nodes. */
  readonly narrowedBy: readonly string[];
}

export interface NodeScore { readonly node: NodeInfo; readonly score: number }

export class Profile {
  readonly plugins: readonly SchedulerPlugin[];
  readonly #weights: ReadonlyMap<string, number>;
  readonly #filters: readonly SchedulerPlugin[];

  /** @throws Error when two plugins share a name, or not exactly one orders the queue. */
  constructor(plugins: readonly WeightedPlugin[]) {
    this.plugins = plugins.map(({ plugin }) => plugin);
    const names = this.plugins.map((plugin) => plugin.name);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) throw new Error(`two scheduler plugins are named ${twice}`);
    if (this.plugins.filter((plugin) => plugin.less !== undefined).length !== 1) throw new Error('exactly one scheduler plugin orders the queue');
    this.#weights = new Map(plugins.map(({ plugin, weight }) => [plugin.name, weight ?? 1]));
    this.#filters = this.plugins.filter((plugin) => plugin.filter !== undefined);
  }

  /** The plugin that keeps the pod out of the queue, with its words. */
  preEnqueue(pod: Pod): Verdict {
    for (const plugin of this.plugins) {
      const verdict = plugin.preEnqueue?.(pod) ?? SUCCESS;
      if (verdict.code !== 'success') return { ...verdict, plugin: plugin.name };
    }
    return SUCCESS;
  }

  helps(pluginName: string, event: ClusterEvent): boolean {
    const plugin = this.plugins.find((candidate) => candidate.name === pluginName);
    return plugin?.events === undefined || plugin.events.includes(event);
  }

  preFilter(state: CycleState, pod: PodInfo, snapshot: Snapshot): PreFilterOutcome {
    let nodeNames: ReadonlySet<string> | undefined;
    const narrowedBy: string[] = [];
    for (const plugin of this.plugins) {
      if (plugin.preFilter === undefined) continue;
      const { verdict, nodeNames: narrowed } = plugin.preFilter(state, pod, snapshot);
      if (verdict.code === 'skip') { state.skippedFilters.add(plugin.name); continue; }
      if (isRejected(verdict)) return { verdict: { ...verdict, plugin: plugin.name }, nodeNames, narrowedBy };
      if (narrowed === undefined) continue;
      narrowedBy.push(plugin.name);
      nodeNames = nodeNames === undefined ? narrowed : new Set([...nodeNames].filter((name) => narrowed.has(name)));
    }
    return { verdict: SUCCESS, nodeNames, narrowedBy };
  }

  filter(state: CycleState, pod: PodInfo, node: NodeInfo): Verdict {
    for (const plugin of this.#filters) {
      if (state.skippedFilters.has(plugin.name)) continue;
      const verdict = plugin.filter!(state, pod, node);
      if (verdict.code !== 'success') return { ...verdict, plugin: plugin.name };
    }
    return SUCCESS;
  }

  /** As `filter`, counting nominated pods of equal or higher priority as if they were there already, and also without them. */
  filterWithNominated(state: CycleState, pod: PodInfo, node: NodeInfo, nominated: readonly PodInfo[]): Verdict {
    const others = nominated.filter((other) => other.uid !== pod.uid && other.priority >= pod.priority);
    if (others.length > 0) {
      const crowded = node.clone();
      const crowdedState = state.clone();
      for (const other of others) {
        crowded.addPod(other);
        this.addPod(crowdedState, pod, other, crowded);
      }
      const verdict = this.filter(crowdedState, pod, crowded);
      if (verdict.code !== 'success') return verdict;
    }
    return this.filter(state, pod, node);
  }

  addPod(state: CycleState, pod: PodInfo, added: PodInfo, node: NodeInfo): void {
    for (const plugin of this.plugins) if (!state.skippedFilters.has(plugin.name)) plugin.addPod?.(state, pod, added, node);
  }

  removePod(state: CycleState, pod: PodInfo, removed: PodInfo, node: NodeInfo): void {
    for (const plugin of this.plugins) if (!state.skippedFilters.has(plugin.name)) plugin.removePod?.(state, pod, removed, node);
  }

  /** Weighted sums over the scoring plugins, one per node. */
  score(state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[], snapshot: Snapshot): NodeScore[] {
    const totals = new Map<string, number>(nodes.map((node) => [node.name, 0]));
    for (const plugin of this.plugins) {
      if (plugin.preScore?.(state, pod, nodes, snapshot).code === 'skip') state.skippedScores.add(plugin.name);
    }
    for (const plugin of this.plugins) {
      if (plugin.score === undefined || state.skippedScores.has(plugin.name)) continue;
      const scores = new Map(nodes.map((node) => [node.name, plugin.score!(state, pod, node)]));
      plugin.normalize?.(state, pod, scores);
      const weight = this.#weights.get(plugin.name)!;
      for (const [name, score] of scores) totals.set(name, totals.get(name)! + weight * score);
    }
    return nodes.map((node) => ({ node, score: totals.get(node.name)! }));
  }

  async reserve(state: CycleState, pod: PodInfo, nodeName: string): Promise<Verdict> {
    for (const plugin of this.plugins) {
      const verdict = await plugin.reserve?.(state, pod, nodeName) ?? SUCCESS;
      if (verdict.code !== 'success') return { ...verdict, plugin: plugin.name };
    }
    return SUCCESS;
  }

  unreserve(state: CycleState, pod: PodInfo, nodeName: string): void {
    for (const plugin of [...this.plugins].reverse()) plugin.unreserve?.(state, pod, nodeName);
  }

  /** @returns the longest time that a plugin asks to wait, undefined: go on. */
  permit(state: CycleState, pod: PodInfo, nodeName: string): { verdict: Verdict; waits: ReadonlyMap<string, number> } {
    const waits = new Map<string, number>();
    for (const plugin of this.plugins) {
      const answer = plugin.permit?.(state, pod, nodeName);
      if (answer === undefined || answer.verdict.code === 'success') continue;
      if (answer.verdict.code === 'wait') { waits.set(plugin.name, answer.timeoutMs ?? PERMIT_WAIT_MS_MAX); continue; }
      return { verdict: { ...answer.verdict, plugin: plugin.name }, waits };
    }
    return { verdict: SUCCESS, waits };
  }

  async preBind(state: CycleState, pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<Verdict> {
    for (const plugin of this.plugins) {
      const verdict = await plugin.preBind?.(state, pod, nodeName, signal) ?? SUCCESS;
      if (verdict.code !== 'success') return { ...verdict, plugin: plugin.name };
    }
    return SUCCESS;
  }

  /** @throws what the binder threw. */
  async bind(state: CycleState, pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<void> {
    for (const plugin of this.plugins) {
      if (plugin.bind === undefined) continue;
      const verdict = await plugin.bind(state, pod, nodeName, signal);
      if (verdict.code === 'skip') continue;
      if (verdict.code !== 'success') throw new Error(`${plugin.name}: ${verdict.reasons.join(', ')}`);
      for (const after of this.plugins) after.postBind?.(state, pod, nodeName);
      return;
    }
    throw new Error('no scheduler plugin bound the pod');
  }
}

/** Upstream's upper bound for a permit plugin's wait. */
const PERMIT_WAIT_MS_MAX = 15 * 60_000;
