/**
 * Notices what changed in the runtime: lists everything, compares with the last list, names the pods that differ.
 *
 * The list is the truth. The runtime's event stream, where there is one, only says when to list sooner; without it the list is
 * taken more often. A list that takes longer than the threshold means that the runtime is not healthy.
 */
import type { Clock, Timer } from '#base/clock';
import type { Logger } from '#base/log';
import type { RuntimeContainer, RuntimeService, Sandbox } from '../cri/contract.ts';
import { POD_NAMESPACE_LABEL, POD_NAME_LABEL, POD_UID_LABEL } from '../translation/labels.ts';

export interface Snapshot { sandboxes: readonly Sandbox[]; containers: readonly RuntimeContainer[] }

export interface Pleg {
  start(signal: AbortSignal): void;
  /** Lists soon: something is known to have happened. */
  hint(): void;
  /** Undefined: lists are taken in time. */
  fault(): string | undefined;
  /** The last list; undefined before the first. */
  snapshot(): Snapshot | undefined;
  /** Lists now. @throws CriError */
  relist(signal?: AbortSignal): Promise<Snapshot>;
}

export interface PlegOptions {
  runtime: RuntimeService;
  clock: Clock;
  log: Logger;
  relistMs: number;
  relistWithEventsMs: number;
  /** Follows the runtime's events until the signal aborts. */
  watchEvents?(onHint: () => void, onConnected: (connected: boolean) => void, signal: AbortSignal): Promise<void>;
  onPodChanged(uid: string): void;
  onRelist?(seconds: number, snapshot: Snapshot): void;
}

/** Upstream's: beyond it the node is not ready. */
const RELIST_MS_MAX = 180_000;
/** Events come in bunches. */
const HINT_DELAY_MS = 10;

export function createPleg(options: PlegOptions): Pleg {
  const { clock } = options;
  let last: Snapshot | undefined;
  let marks = new Map<string, { uid: string; mark: string }>();
  let lastDoneMs = clock.monotonicNow();
  let connected = false;
  let timer: Timer | undefined;
  let dueMs = Infinity;
  let running: Promise<Snapshot> | undefined;
  let stopped = true;
  let again = false;

  async function list(signal?: AbortSignal): Promise<Snapshot> {
    const startedMs = clock.monotonicNow();
    const [sandboxes, containers] = await Promise.all([options.runtime.listPodSandboxes(undefined, signal), options.runtime.listContainers(undefined, signal)]);
    const fresh = new Map<string, { uid: string; mark: string }>();
    for (const entry of [...sandboxes, ...containers]) {
      const uid = entry.labels[POD_UID_LABEL];
      if (uid !== undefined && entry.labels[POD_NAME_LABEL] !== undefined && entry.labels[POD_NAMESPACE_LABEL] !== undefined) fresh.set(entry.id, { uid, mark: entry.state });
    }
    const changed = new Set<string>();
    for (const [id, { uid, mark }] of fresh) if (marks.get(id)?.mark !== mark) changed.add(uid);
    for (const [id, { uid }] of marks) if (!fresh.has(id)) changed.add(uid);
    marks = fresh;
    last = { sandboxes, containers };
    lastDoneMs = clock.monotonicNow();
    options.onRelist?.((lastDoneMs - startedMs) / 1000, last);
    for (const uid of changed) options.onPodChanged(uid);
    return last;
  }

  function relist(signal?: AbortSignal): Promise<Snapshot> {
    if (running !== undefined) { again = true; return running; }
    running = list(signal).finally(() => { running = undefined; });
    return running;
  }

  function schedule(ms: number): void {
    const at = clock.monotonicNow() + ms;
    if (stopped || at >= dueMs) return;
    timer?.cancel();
    dueMs = at;
    timer = clock.setTimer(ms, tick, { unref: true });
  }

  function tick(): void {
    dueMs = Infinity;
    again = false;
    relist().catch((error: unknown) => options.log.warn('the runtime could not be listed', { error: error instanceof Error ? error.message : error }))
      .finally(() => schedule(again ? HINT_DELAY_MS : connected ? options.relistWithEventsMs : options.relistMs));
  }

  return {
    start: (signal) => {
      stopped = false;
      signal.addEventListener('abort', () => { stopped = true; timer?.cancel(); }, { once: true });
      schedule(0);
      void options.watchEvents?.(() => schedule(HINT_DELAY_MS), (isConnected) => { connected = isConnected; schedule(HINT_DELAY_MS); }, signal)
        .catch((error: unknown) => options.log.warn('runtime events ended', { error }));
    },
    hint: () => { again = true; schedule(HINT_DELAY_MS); },
    fault: () => {
      const elapsedMs = clock.monotonicNow() - lastDoneMs;
      return elapsedMs > RELIST_MS_MAX ? `PLEG is not healthy: pleg was last seen active ${Math.round(elapsedMs / 1000)}s ago; threshold is 3m0s` : undefined;
    },
    snapshot: () => last,
    relist,
  };
}
