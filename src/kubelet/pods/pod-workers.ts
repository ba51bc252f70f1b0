/**
 * One worker per pod: what may run at once, in which order, and when again.
 *
 *     sync ──(deleted, evicted, ended)──▶ terminating ──(all stopped)──▶ terminated ──(cleaned up)──▶ finished
 *
 * Invariants: at most one call of the syncer per pod at a time; a pod never leaves a later phase for an earlier one; a grace
 * period only gets shorter. Ending a pod aborts the sync that is under way.
 */
import type { Clock, Timer } from '#base/clock';
import type { Logger } from '#base/log';
import type { Random } from '#base/random';
import type { Pod } from '#api/generated/core/v1';
import { podKey, podText } from '../runtime/pod-text.ts';
import { isStaticPod } from './pod-store.ts';

export interface PodFailure { reason: string; message: string; condition?: { type: string; reason: string; message: string } }

export interface SyncOutcome {
  /** The pod has reached a final phase: end it. */
  terminal: boolean;
  /** Look again after this long; undefined: the regular period. */
  againMs?: number | undefined;
}

/** What is done for a pod in each phase. Each may be called again after it failed. */
export interface PodSyncer {
  syncPod(pod: Pod, signal: AbortSignal): Promise<SyncOutcome>;
  /** Stops everything. */
  syncTerminating(pod: Pod, graceSeconds: number | undefined, failure: PodFailure | undefined, signal: AbortSignal): Promise<void>;
  /** Cleans up after everything has stopped. */
  syncTerminated(pod: Pod, signal: AbortSignal): Promise<void>;
  /** Stops what runs of a pod that nobody knows any more. */
  syncOrphan(uid: string, signal: AbortSignal): Promise<void>;
}

export interface KillRequest { graceSeconds?: number | undefined; failure?: PodFailure | undefined }

export interface PodWorkers {
  /** A new or changed pod; also one that was deleted in the API (then `kill`). */
  update(pod: Pod): void;
  /** Ends the pod. Resolves when nothing of it runs any more. */
  kill(pod: Pod, request?: KillRequest): Promise<void>;
  killOrphan(uid: string): void;
  /** Something about the pod may have changed: sync soon. */
  poke(uid: string): void;
  isKnown(uid: string): boolean;
  /** Its containers may be removed: everything has stopped. */
  isStopped(uid: string): boolean;
  isFinished(uid: string): boolean;
  isTerminationRequested(uid: string): boolean;
  /** Forgets finished workers of pods that are not wanted. @returns uids that are still worked on. */
  retain(wanted: ReadonlySet<string>): Set<string>;
  stop(): Promise<void>;
}

export interface PodWorkersOptions { syncer: PodSyncer; clock: Clock; random: Random; log: Logger; syncPeriodMs: number; retryMs?: number; onDone?(phase: 'sync' | 'terminating' | 'terminated', seconds: number): void }

type Phase = 'sync' | 'terminating' | 'terminated' | 'finished';

interface Worker {
  uid: string;
  /** Undefined for an orphan, known from the runtime only. */
  pod: Pod | undefined;
  phase: Phase;
  graceSeconds: number | undefined;
  failure: PodFailure | undefined;
  running: AbortController | undefined;
  /** Work came in while it ran. */
  pending: boolean;
  timer: Timer | undefined;
  /** Before this (monotonic), hints do not lead to another try: a failing try makes hints itself. */
  holdUntilMs: number;
  onStopped: (() => void)[];
}

/** After a failure. */
const HOLD_MS = 1_000;
/** Upstream's pace for a pod whose sync failed. */
const RETRY_MS = 10_000;

export function createPodWorkers(options: PodWorkersOptions): PodWorkers {
  const { clock, random, log, syncer } = options;
  const workers = new Map<string, Worker>();
  const inFlight = new Set<Promise<void>>();
  let stopped = false;

  function workerOf(uid: string, pod: Pod | undefined): Worker {
    let worker = workers.get(uid);
    if (worker === undefined) {
      worker = { uid, pod, phase: 'sync', graceSeconds: undefined, failure: undefined, running: undefined, pending: false, timer: undefined, holdUntilMs: 0, onStopped: [] };
      workers.set(uid, worker);
    }
    if (pod !== undefined) worker.pod = pod;
    return worker;
  }

  /** A changed manifest waits until the pod of the old one is gone: both have one name. */
  function mustWait(worker: Worker): boolean {
    const { pod } = worker;
    if (pod === undefined || !isStaticPod(pod) || worker.phase !== 'sync') return false;
    return [...workers.values()].some((other) => other !== worker && other.pod !== undefined && other.phase !== 'finished' && podKey(other.pod) === podKey(pod) && isStaticPod(other.pod) && order(other) < order(worker));
  }
  const order = (worker: Worker): number => [...workers.keys()].indexOf(worker.uid);

  function kick(worker: Worker): void {
    if (stopped || worker.phase === 'finished') return;
    if (worker.running !== undefined) { worker.pending = true; return; }
    worker.timer?.cancel();
    worker.timer = undefined;
    if (mustWait(worker)) { again(worker, 1_000); return; }
    const running = new AbortController();
    worker.running = running;
    worker.pending = false;
    const phase = worker.phase;
    const startedMs = clock.monotonicNow();
    const work = step(worker, running.signal).finally(() => options.onDone?.(phase, (clock.monotonicNow() - startedMs) / 1000)).then((againMs) => finishStep(worker, againMs), (error: unknown) => {
      if (!running.signal.aborted && !stopped) log.warn('pod was not synced; it is tried again', { pod: worker.pod === undefined ? worker.uid : podText(worker.pod), phase: worker.phase, error: error instanceof Error ? error.message : error });
      if (!running.signal.aborted) worker.holdUntilMs = clock.monotonicNow() + HOLD_MS;
      finishStep(worker, running.signal.aborted ? 0 : (options.retryMs ?? RETRY_MS) * (1 + random.next() / 2));
    }).finally(() => inFlight.delete(work));
    inFlight.add(work);
  }

  function finishStep(worker: Worker, againMs: number | undefined): void {
    worker.running = undefined;
    if (worker.phase === 'finished') { releaseWaiting(); return; }
    const holdMs = worker.holdUntilMs - clock.monotonicNow();
    if (worker.pending && holdMs > 0) again(worker, holdMs);
    else if (worker.pending || againMs === 0) kick(worker);
    else if (againMs !== undefined) again(worker, againMs);
  }

  function releaseWaiting(): void {
    for (const worker of workers.values()) if (worker.phase === 'sync' && worker.pod !== undefined && isStaticPod(worker.pod)) kick(worker);
  }

  function again(worker: Worker, ms: number): void {
    if (stopped) return;
    worker.timer?.cancel();
    worker.timer = clock.setTimer(ms, () => kick(worker), { unref: true });
  }

  /** @returns when to look again; undefined: only when told. */
  async function step(worker: Worker, signal: AbortSignal): Promise<number | undefined> {
    if (worker.phase === 'sync') {
      const outcome = await syncer.syncPod(worker.pod!, signal);
      // The phase may have changed while it ran.
      if (outcome.terminal && worker.phase === 'sync') { worker.phase = 'terminating'; return 0; }
      const periodMs = options.syncPeriodMs * (1 + random.next() / 2);
      return Math.min(outcome.againMs ?? periodMs, periodMs);
    }
    if (worker.phase === 'terminating') {
      if (worker.pod === undefined) await syncer.syncOrphan(worker.uid, signal);
      else await syncer.syncTerminating(worker.pod, worker.graceSeconds, worker.failure, signal);
      worker.phase = 'terminated';
      for (const resolve of worker.onStopped.splice(0)) resolve();
      if (worker.pod === undefined) { worker.phase = 'finished'; return undefined; }
      return 0;
    }
    await syncer.syncTerminated(worker.pod!, signal);
    worker.phase = 'finished';
    return undefined;
  }

  function requestEnd(worker: Worker, request: KillRequest): void {
    const asked = request.graceSeconds ?? worker.pod?.metadata.deletionGracePeriodSeconds ?? worker.pod?.spec?.terminationGracePeriodSeconds;
    const grace = asked === undefined ? undefined : Math.max(1, asked);
    const shorter = grace !== undefined && (worker.graceSeconds === undefined || grace < worker.graceSeconds);
    const becomes = worker.phase === 'sync';
    if (shorter) worker.graceSeconds = grace;
    worker.failure ??= request.failure;
    if (becomes) worker.phase = 'terminating';
    if (worker.phase === 'terminating' && (becomes || shorter)) {
      worker.running?.abort(new Error('the pod is being ended'));
      kick(worker);
    }
  }

  return {
    update: (pod) => {
      const worker = workerOf(pod.metadata.uid!, pod);
      if (worker.phase === 'finished') { worker.pod = pod; return; }
      const ending = pod.metadata.deletionTimestamp !== undefined || pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded';
      if (ending) requestEnd(worker, {});
      kick(worker);
    },
    kill: (pod, request = {}) => {
      const worker = workerOf(pod.metadata.uid!, pod);
      if (worker.phase === 'terminated' || worker.phase === 'finished') return Promise.resolve();
      const done = new Promise<void>((resolve) => { worker.onStopped.push(resolve); });
      requestEnd(worker, request);
      return done;
    },
    killOrphan: (uid) => {
      if (workers.has(uid)) return;
      const worker = workerOf(uid, undefined);
      worker.phase = 'terminating';
      kick(worker);
    },
    poke: (uid) => {
      const worker = workers.get(uid);
      if (worker === undefined || worker.phase === 'finished') return;
      const holdMs = worker.holdUntilMs - clock.monotonicNow();
      if (worker.running === undefined && holdMs > 0) again(worker, holdMs); else kick(worker);
    },
    isKnown: (uid) => workers.has(uid),
    isStopped: (uid) => { const phase = workers.get(uid)?.phase; return phase === undefined || phase === 'terminated' || phase === 'finished'; },
    isFinished: (uid) => workers.get(uid)?.phase === 'finished',
    isTerminationRequested: (uid) => { const phase = workers.get(uid)?.phase; return phase !== undefined && phase !== 'sync'; },
    retain: (wanted) => {
      for (const [uid, worker] of workers) {
        if (wanted.has(uid)) continue;
        if (worker.phase === 'finished') workers.delete(uid);
        else if (worker.phase === 'sync') requestEnd(worker, {});
      }
      return new Set(workers.keys());
    },
    stop: async () => {
      stopped = true;
      for (const worker of workers.values()) {
        worker.timer?.cancel();
        worker.running?.abort(new Error('kubelet stopped'));
        for (const resolve of worker.onStopped.splice(0)) resolve();
      }
      await Promise.all(inFlight);
    },
  };
}
