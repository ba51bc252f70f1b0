/**
 * The scheduler: one pod after another gets a node; binding runs beside it.
 *
 *     pop → snapshot → preFilter → filter → score → assume + reserve → permit ┈┈(async)┈┈→ preBind → bind
 *                         └─ fits nowhere → postFilter (preemption) → condition and event → queue
 *
 * Invariant: a pod that was given a node counts on it in the cache before the next pod is looked at, so no node is overcommitted by
 * bindings under way. Everything is rebuilt from the API at start: nothing is kept on disk.
 */
import type { Pod } from '#api/generated/core/v1';
import type { Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { MetricsRegistry } from '#base/metrics';
import type { Random } from '#base/random';
import { SchedulerCache } from './cache/scheduler-cache.ts';
import type { Snapshot } from './cache/snapshot.ts';
import { fitErrorText, rejectingPlugins, type Diagnosis } from './fit-error.ts';
import { CycleState } from './framework/cycle-state.ts';
import type { NodeInfo } from './framework/node-info.ts';
import type { PodInfo } from './framework/pod-info.ts';
import type { Profile } from './framework/profile.ts';
import { isRejected } from './framework/status.ts';
import { findFeasibleNodes } from './node-search.ts';
import type { PodReporter } from './pod-reporter.ts';
import { Nominator } from './queue/nominator.ts';
import { SchedulingQueue, type WaitingPod } from './queue/scheduling-queue.ts';

export interface SchedulerOptions {
  readonly profile: Profile;
  readonly reporter: PodReporter;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: MetricsRegistry;
}

export class Scheduler {
  readonly cache = new SchedulerCache();
  readonly nominator = new Nominator();
  readonly queue: SchedulingQueue;
  readonly #options: SchedulerOptions;
  readonly #stopping = new AbortController();
  readonly #bindings = new Set<Promise<void>>();
  readonly #attempts;
  readonly #duration;
  #searchStart = 0;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    const { profile, clock, metrics } = options;
    this.queue = new SchedulingQueue({
      clock,
      less: profile.plugins.find((plugin) => plugin.less !== undefined)!.less!,
      gate: (pod) => { const verdict = profile.preEnqueue(pod); return verdict.code === 'success' ? undefined : verdict.plugin; },
      helps: (plugin, event) => profile.helps(plugin, event),
    });
    this.#attempts = metrics.counter({ name: 'scheduler_schedule_attempts_total', help: 'Number of attempts to schedule pods, by the result.', labels: ['profile', 'result'], stability: 'STABLE' });
    this.#duration = metrics.histogram({ name: 'scheduler_scheduling_attempt_duration_seconds', help: 'Scheduling attempt latency in seconds (scheduling algorithm + binding)', labels: ['profile', 'result'], stability: 'STABLE' });
  }

  /** Runs until stopped. */
  async run(): Promise<void> {
    for (;;) {
      const waiting = await this.queue.pop();
      if (waiting === undefined) return;
      try {
        await this.#schedule(waiting);
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        await this.#fail(waiting, error);
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('scheduler stops'));
    this.queue.close();
    await Promise.allSettled(this.#bindings);
  }

  async #schedule(waiting: WaitingPod): Promise<void> {
    const { profile, clock } = this.#options;
    const pod = waiting.info;
    if (pod.pod.metadata.deletionTimestamp != null || this.cache.isAssumed(pod.uid)) { this.queue.done(pod.uid); return; }
    const startedMs = clock.monotonicNow();
    const snapshot = this.cache.snapshot();
    const state = new CycleState();
    const nodes = await this.#findNodes(waiting, state, snapshot);
    if (nodes === undefined) {
      this.#count('unschedulable', startedMs);
      return;
    }
    const node = nodes.length === 1 ? nodes[0]! : this.#best(profile.score(state, pod, nodes, snapshot));
    const nodeName = node.name;
    this.cache.assume(pod, nodeName);
    const reserved = await profile.reserve(state, pod, nodeName);
    const permit = reserved.code === 'success' ? profile.permit(state, pod, nodeName) : undefined;
    const refusal = permit === undefined ? reserved : permit.verdict;
    if (refusal.code !== 'success') {
      this.#release(state, pod, nodeName);
      await this.#reject(waiting, { nodeCount: snapshot.nodes.length, preFilter: undefined, rejected: new Map([[nodeName, refusal]]), leftOut: { count: 0, reason: '' }, postFilterMessage: '' }, new Set([refusal.plugin ?? '']), '');
      return;
    }
    const binding = this.#bind(waiting, state, nodeName, startedMs).finally(() => this.#bindings.delete(binding));
    this.#bindings.add(binding);
  }

  /** @returns undefined when the pod fits nowhere; it is back in the queue then. */
  async #findNodes(waiting: WaitingPod, state: CycleState, snapshot: Snapshot): Promise<readonly NodeInfo[] | undefined> {
    const { profile } = this.#options;
    const pod = waiting.info;
    const before = profile.preFilter(state, pod, snapshot);
    const candidates = before.nodeNames === undefined ? snapshot.nodes : [...before.nodeNames].map((name) => snapshot.get(name)).filter((node) => node !== undefined);
    const refused = before.verdict.code !== 'success';
    const search = refused ? { feasible: [], rejected: new Map(), examined: 0 }
      : findFeasibleNodes(profile, state, pod, candidates, before.nodeNames === undefined ? this.#searchStart : 0, (name) => this.nominator.on(name));
    if (before.nodeNames === undefined && snapshot.nodes.length > 0) this.#searchStart = (this.#searchStart + search.examined) % snapshot.nodes.length;
    if (search.feasible.length > 0) return search.feasible;
    const leftOut = refused ? { count: 0, reason: '' }
      : { count: snapshot.nodes.length - candidates.length, reason: `node(s) didn't satisfy plugin(s) [${before.narrowedBy.join(' ')}]` };
    let postFilterMessage = '';
    let nominatedNode = '';
    if (snapshot.nodes.length > 0) {
      for (const plugin of profile.plugins) {
        if (plugin.postFilter === undefined) continue;
        const result = await plugin.postFilter(state, pod, refused ? new Map(snapshot.nodes.map((node) => [node.name, before.verdict])) : search.rejected, snapshot, this.#stopping.signal);
        if (result.verdict.code === 'success') { nominatedNode = result.nominatedNode ?? ''; postFilterMessage = ''; break; }
        const text = result.verdict.reasons.join(', ');
        postFilterMessage = postFilterMessage === '' ? text : `${postFilterMessage}, ${text}`;
      }
    }
    const diagnosis: Diagnosis = { nodeCount: snapshot.nodes.length, preFilter: refused ? before.verdict : undefined, rejected: search.rejected, leftOut, postFilterMessage };
    await this.#reject(waiting, diagnosis, rejectingPlugins(diagnosis, before.narrowedBy), nominatedNode);
    return undefined;
  }

  #best(scores: readonly { node: NodeInfo; score: number }[]): NodeInfo {
    const highest = Math.max(...scores.map((entry) => entry.score));
    const best = scores.filter((entry) => entry.score === highest);
    return best[this.#options.random.integer(best.length)]!.node;
  }

  async #bind(waiting: WaitingPod, state: CycleState, nodeName: string, startedMs: number): Promise<void> {
    const { profile, reporter } = this.#options;
    const pod = waiting.info;
    try {
      const ready = await profile.preBind(state, pod, nodeName, this.#stopping.signal);
      if (isRejected(ready)) {
        this.#release(state, pod, nodeName);
        await this.#reject(waiting, { nodeCount: this.cache.nodeCount(), preFilter: undefined, rejected: new Map([[nodeName, ready]]), leftOut: { count: 0, reason: '' }, postFilterMessage: '' }, new Set([ready.plugin ?? '']), '');
        return;
      }
      await profile.bind(state, pod, nodeName, this.#stopping.signal);
      this.queue.done(pod.uid);
      this.nominator.remove(pod.uid);
      reporter.bound(pod.pod, nodeName);
      this.#count('scheduled', startedMs);
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      this.#release(state, pod, nodeName);
      this.queue.onEvent('assigned-pod/delete');
      await this.#fail(waiting, error);
    }
  }

  #release(state: CycleState, pod: PodInfo, nodeName: string): void {
    this.#options.profile.unreserve(state, pod, nodeName);
    this.cache.forget(pod);
  }

  async #reject(waiting: WaitingPod, diagnosis: Diagnosis, plugins: ReadonlySet<string>, nominatedNode: string): Promise<void> {
    const pod = waiting.info;
    if (nominatedNode !== '') this.nominator.nominate(pod, nominatedNode);
    this.queue.reject(waiting, plugins);
    await this.#options.reporter.unschedulable(pod.pod, fitErrorText(diagnosis), nominatedNode, this.#stopping.signal);
  }

  async #fail(waiting: WaitingPod, error: unknown): Promise<void> {
    const pod = waiting.info;
    this.#options.log.warn('a pod could not be scheduled', { pod: pod.key, error });
    this.#attempts.inc(['default-scheduler', 'error']);
    this.queue.reject(waiting, new Set());
    await this.#options.reporter.failed(pod.pod, error, this.#stopping.signal);
  }

  #count(result: string, startedMs: number): void {
    this.#attempts.inc(['default-scheduler', result]);
    this.#duration.observe((this.#options.clock.monotonicNow() - startedMs) / 1000, ['default-scheduler', result]);
  }
}

/** Whether the scheduler of this name is to place the pod. */
export function isMine(pod: Pod, schedulerName: string): boolean {
  return (pod.spec?.nodeName ?? '') === '' && (pod.spec?.schedulerName ?? 'default-scheduler') === schedulerName && !isFinished(pod);
}

export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}
