/**
 * Pods that wait for a node.
 *
 *     add ──gated──→ gated ──gates gone──→ active
 *     add ─────────→ active ──pop──→ (cycle) ──bound──→ done
 *                      ↑ time up               └─rejected─→ unschedulable ──event that could help──→ backoff (or active)
 *                      └── backoff ←───────────────────────────────────┘        5 min without one → backoff
 *
 * Invariant: a pod is in one place only. Events that come while a pod is in its cycle are remembered and looked at when it is
 * rejected, so that no wake-up is lost.
 */
import type { Clock, Timer } from '#base/clock';
import type { Pod } from '#api/generated/core/v1';
import type { ClusterEvent, QueuedPod } from '../framework/plugin.ts';
import { podInfo, type PodInfo } from '../framework/pod-info.ts';
import { KeyedHeap } from './heap.ts';

export const INITIAL_BACKOFF_MS = 1_000;
export const MAX_BACKOFF_MS = 10_000;
/** A rejected pod is tried again after this even when no event came. */
const UNSCHEDULABLE_MS_MAX = 5 * 60_000;
const FLUSH_INTERVAL_MS = 30_000;

export interface WaitingPod extends QueuedPod {
  info: PodInfo;
  readonly queuedMs: number;
  /** When it last entered the active queue or was rejected. */
  sinceMs: number;
  attempts: number;
  /** Plugins that rejected it; empty after an error: any event wakes it. */
  rejectedBy: ReadonlySet<string>;
  gatedBy: string;
  /** Priority and time order ties. */
  sequence: number;
  backoffUntilMs: number;
}

export interface QueueOptions {
  readonly clock: Clock;
  readonly less: (a: QueuedPod, b: QueuedPod) => boolean;
  /** The plugin that keeps the pod out of the queue, or undefined. */
  readonly gate: (pod: Pod) => string | undefined;
  /** Could this event change the refusal of this plugin? */
  readonly helps: (plugin: string, event: ClusterEvent) => boolean;
}

export class SchedulingQueue {
  readonly #options: QueueOptions;
  readonly #active: KeyedHeap<WaitingPod>;
  readonly #backoff: KeyedHeap<WaitingPod>;
  readonly #unschedulable = new Map<string, WaitingPod>();
  /** Pods in their cycle, with the events since it began. */
  readonly #inFlight = new Map<string, { pod: WaitingPod; events: ClusterEvent[]; woken: boolean }>();
  #waiter: (() => void) | undefined;
  #backoffTimer: Timer | undefined;
  #flushTimer: Timer | undefined;
  #sequence = 0;
  #closed = false;

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#active = new KeyedHeap((pod) => pod.info.uid, (a, b) => options.less(a, b) || (!options.less(b, a) && a.sequence < b.sequence));
    this.#backoff = new KeyedHeap((pod) => pod.info.uid, (a, b) => a.backoffUntilMs < b.backoffUntilMs);
    this.#armFlush();
  }

  /** A pod without node that this scheduler is to place. */
  add(pod: Pod): void {
    const nowMs = this.#options.clock.now();
    const waiting: WaitingPod = {
      info: podInfo(pod), queuedMs: nowMs, sinceMs: nowMs, attempts: 0, rejectedBy: new Set(), gatedBy: '', sequence: this.#sequence++, backoffUntilMs: 0,
    };
    this.#enter(waiting);
  }

  /** The pod changed while it waits. */
  update(pod: Pod, event: ClusterEvent): void {
    const uid = pod.metadata.uid!;
    const flying = this.#inFlight.get(uid);
    if (flying !== undefined) {
      flying.pod.info = podInfo(pod);
      flying.events.push(event);
      return;
    }
    const waiting = this.#active.get(uid) ?? this.#backoff.get(uid) ?? this.#unschedulable.get(uid);
    if (waiting === undefined) { this.add(pod); return; }
    waiting.info = podInfo(pod);
    if (this.#active.get(uid) !== undefined) { this.#active.push(waiting); return; }
    if (waiting.gatedBy !== '') {
      this.#unschedulable.delete(uid);
      this.#enter(waiting);
    } else if (this.#unschedulable.has(uid) && this.#isHelped(waiting, event)) {
      this.#unschedulable.delete(uid);
      this.#wake(waiting);
    }
  }

  delete(uid: string): void {
    this.#inFlight.delete(uid);
    this.#active.remove(uid);
    this.#backoff.remove(uid);
    this.#unschedulable.delete(uid);
  }

  /** Moves pods that the event could help; remembers it for those in their cycle. */
  onEvent(event: ClusterEvent): void {
    for (const [uid, waiting] of this.#unschedulable) {
      if (waiting.gatedBy !== '' || !this.#isHelped(waiting, event)) continue;
      this.#unschedulable.delete(uid);
      this.#wake(waiting);
    }
    for (const flying of this.#inFlight.values()) if (!flying.woken) flying.events.push(event);
  }

  /** Wakes named pods at once (their victims are gone, their volumes are bound). */
  activate(uids: Iterable<string>): void {
    for (const uid of uids) {
      const waiting = this.#unschedulable.get(uid) ?? this.#backoff.get(uid);
      if (waiting === undefined || waiting.gatedBy !== '') continue;
      this.#unschedulable.delete(uid);
      this.#backoff.remove(uid);
      this.#pushActive(waiting);
    }
  }

  /** The next pod; waits for one. Resolves undefined when closed. */
  async pop(): Promise<WaitingPod | undefined> {
    while (this.#active.size === 0) {
      if (this.#closed) return undefined;
      await new Promise<void>((resolve) => { this.#waiter = resolve; });
    }
    if (this.#closed) return undefined;
    const waiting = this.#active.pop()!;
    waiting.attempts++;
    this.#inFlight.set(waiting.info.uid, { pod: waiting, events: [], woken: false });
    return waiting;
  }

  /** The cycle ended well (or the pod is gone): forget it. */
  done(uid: string): void { this.#inFlight.delete(uid); }

  /** The cycle ended in refusal or error: wait for an event that helps, or back off when one came meanwhile. */
  reject(waiting: WaitingPod, plugins: ReadonlySet<string>): void {
    const { uid } = waiting.info;
    const flying = this.#inFlight.get(uid);
    if (flying === undefined) return;
    this.#inFlight.delete(uid);
    const nowMs = this.#options.clock.now();
    waiting.rejectedBy = plugins;
    waiting.sinceMs = nowMs;
    waiting.backoffUntilMs = nowMs + Math.min(MAX_BACKOFF_MS, INITIAL_BACKOFF_MS * 2 ** (waiting.attempts - 1));
    if (plugins.size === 0 || flying.events.some((event) => this.#isHelped(waiting, event))) this.#wake(waiting);
    else this.#unschedulable.set(uid, waiting);
  }

  close(): void {
    this.#closed = true;
    this.#backoffTimer?.cancel();
    this.#flushTimer?.cancel();
    this.#waiter?.();
  }

  sizes(): { active: number; backoff: number; unschedulable: number; gated: number } {
    const gated = [...this.#unschedulable.values()].filter((waiting) => waiting.gatedBy !== '').length;
    return { active: this.#active.size, backoff: this.#backoff.size, unschedulable: this.#unschedulable.size - gated, gated };
  }

  #enter(waiting: WaitingPod): void {
    waiting.gatedBy = this.#options.gate(waiting.info.pod) ?? '';
    if (waiting.gatedBy === '') this.#pushActive(waiting);
    else this.#unschedulable.set(waiting.info.uid, waiting);
  }

  #isHelped(waiting: WaitingPod, event: ClusterEvent): boolean {
    if (waiting.rejectedBy.size === 0) return true;
    for (const plugin of waiting.rejectedBy) if (this.#options.helps(plugin, event)) return true;
    return false;
  }

  #wake(waiting: WaitingPod): void {
    if (waiting.backoffUntilMs <= this.#options.clock.now()) { this.#pushActive(waiting); return; }
    this.#backoff.push(waiting);
    this.#armBackoff();
  }

  #pushActive(waiting: WaitingPod): void {
    const gatedBy = this.#options.gate(waiting.info.pod);
    if (gatedBy !== undefined) {
      waiting.gatedBy = gatedBy;
      this.#unschedulable.set(waiting.info.uid, waiting);
      return;
    }
    this.#active.push(waiting);
    const wake = this.#waiter;
    this.#waiter = undefined;
    wake?.();
  }

  #armBackoff(): void {
    this.#backoffTimer?.cancel();
    const first = this.#backoff.peek();
    if (first === undefined || this.#closed) return;
    this.#backoffTimer = this.#options.clock.setTimer(Math.max(0, first.backoffUntilMs - this.#options.clock.now()), () => {
      for (let next = this.#backoff.peek(); next !== undefined && next.backoffUntilMs <= this.#options.clock.now(); next = this.#backoff.peek()) {
        this.#backoff.pop();
        this.#pushActive(next);
      }
      this.#armBackoff();
    }, { unref: true });
  }

  #armFlush(): void {
    if (this.#closed) return;
    this.#flushTimer = this.#options.clock.setTimer(FLUSH_INTERVAL_MS, () => {
      const nowMs = this.#options.clock.now();
      for (const [uid, waiting] of this.#unschedulable) {
        if (waiting.gatedBy !== '' || nowMs - waiting.sinceMs < UNSCHEDULABLE_MS_MAX) continue;
        this.#unschedulable.delete(uid);
        this.#wake(waiting);
      }
      this.#armFlush();
    }, { unref: true });
  }
}
