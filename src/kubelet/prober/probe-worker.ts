/**
 * Probes one container of one pod with one probe, again and again, until told to stop.
 *
 *     startup fails failureThreshold times → failure (killed)      success once → never again
 *     liveness and readiness wait for startup; after a failure liveness pauses until the container is a new one
 */
import type { Clock, Timer } from '#base/clock';
import type { Logger } from '#base/log';
import type { Random } from '#base/random';
import type { Container, Pod, Probe } from '#api/generated/core/v1';
import type { PodEvents } from '../runtime/pod-events.ts';
import type { ProbeAnswer, ProbeKind, ProbeResultsStore } from './results.ts';

export interface ProbeWorker { stop(): void; /** Probe now (a restarted container, a changed address). */ poke(): void }

export interface ProbeTarget { containerId: string; startedAtMs: number; running: boolean; podIp: string; started: boolean }

export interface ProbeWorkerDeps {
  clock: Clock;
  random: Random;
  log: Logger;
  events: PodEvents;
  results: ProbeResultsStore;
  probe(probe: Probe, pod: Pod, container: Container, target: ProbeTarget, signal: AbortSignal): Promise<ProbeAnswer>;
  /** The container as it is now; undefined before it was ever created. */
  target(): ProbeTarget | undefined;
  onProbed(result: string): void;
  /** The pod is gone or never restarts this container. */
  isOver(): boolean;
  /** This worker has ended by itself. */
  onOver(): void;
}

const OUTPUT_CHARS_MAX = 500;
const DEFAULT_PERIOD_SECONDS = 10;
const DEFAULT_FAILURES = 3;
/** How often an outcome is tried for before it counts as unknown. */
const TRIES = 3;
const RESULT_NAMES: Readonly<Record<ProbeAnswer['outcome'], string>> = { success: 'successful', failure: 'failed', unknown: 'unknown' };
const TITLES: Readonly<Record<ProbeKind, string>> = { liveness: 'Liveness', readiness: 'Readiness', startup: 'Startup' };

/** @param restored what the API said before the kubelet restarted, so that readiness does not flap. */
export function startProbeWorker(deps: ProbeWorkerDeps, kind: ProbeKind, pod: () => Pod, container: Container, restored?: 'success'): ProbeWorker {
  const probe = kind === 'liveness' ? container.livenessProbe! : kind === 'readiness' ? container.readinessProbe! : container.startupProbe!;
  const periodMs = (probe.periodSeconds ?? DEFAULT_PERIOD_SECONDS) * 1000;
  const stop = new AbortController();
  let currentId = '';
  let runLength = 0;
  let last: ProbeAnswer['outcome'] | undefined;
  let onHold = false;
  let timer: Timer | undefined;
  let busy = false;
  let first = restored;

  function adopt(target: ProbeTarget): void {
    if (target.containerId === currentId) return;
    if (currentId !== '') deps.results.remove(currentId);
    currentId = target.containerId;
    runLength = 0;
    last = undefined;
    onHold = false;
    deps.results.set(kind, currentId, first ?? (kind === 'liveness' ? 'success' : kind === 'readiness' ? 'failure' : 'unknown'), pod().metadata.uid!);
    first = undefined;
  }

  /** @returns milliseconds until the next one; undefined: this worker is done. */
  async function probeOne(): Promise<number | undefined> {
    if (deps.isOver()) return undefined;
    const target = deps.target();
    if (target === undefined) return periodMs;
    adopt(target);
    if (onHold) return periodMs;
    if (!target.running) {
      // What does not run is not ready; whether it lives is no question any more.
      if (kind === 'readiness') deps.results.set(kind, currentId, 'failure', pod().metadata.uid!);
      return periodMs;
    }
    const delayMs = (probe.initialDelaySeconds ?? 0) * 1000 - (deps.clock.now() - target.startedAtMs);
    if (delayMs > 0) return Math.min(delayMs, periodMs);
    if (target.started ? kind === 'startup' : kind !== 'startup') return periodMs;
    const answer = await attempt(target);
    if (stop.signal.aborted || answer === undefined || target.containerId !== currentId) return periodMs;
    runLength = answer.outcome === last ? runLength + 1 : 1;
    last = answer.outcome;
    const threshold = answer.outcome === 'failure' ? probe.failureThreshold ?? DEFAULT_FAILURES : kind === 'readiness' ? probe.successThreshold ?? 1 : 1;
    if (runLength < threshold) return periodMs;
    deps.results.set(kind, currentId, answer.outcome, pod().metadata.uid!);
    // A container that is about to be killed is not probed any more.
    if (kind !== 'readiness' && answer.outcome === 'failure') { onHold = true; runLength = 0; }
    return periodMs;
  }

  async function attempt(target: ProbeTarget): Promise<ProbeAnswer | undefined> {
    for (let tries = 1; ; tries++) {
      try {
        const answer = await deps.probe(probe, pod(), container, target, stop.signal);
        deps.onProbed(RESULT_NAMES[answer.outcome]);
        if (answer.outcome === 'failure') deps.events.container(pod(), container.name, 'Warning', 'Unhealthy', `${TITLES[kind]} probe failed: ${answer.output.slice(0, OUTPUT_CHARS_MAX)}`);
        return answer;
      } catch (error) {
        if (stop.signal.aborted) return undefined;
        if (tries < TRIES) continue;
        deps.events.container(pod(), container.name, 'Warning', 'Unhealthy', `${TITLES[kind]} probe errored and resulted in unknown state: ${error instanceof Error ? error.message : String(error)}`);
        return undefined;
      }
    }
  }

  function schedule(ms: number): void {
    if (stop.signal.aborted) return;
    timer?.cancel();
    timer = deps.clock.setTimer(ms, tick, { unref: true });
  }

  function tick(): void {
    if (busy || stop.signal.aborted) return;
    busy = true;
    probeOne().then((nextMs) => { busy = false; if (nextMs !== undefined) { schedule(nextMs); return; } stop.abort(); deps.onOver(); }, (error: unknown) => {
      busy = false;
      deps.log.error('probe worker failed', { container: container.name, kind, error });
      schedule(periodMs);
    });
  }

  const target = deps.target();
  if (target !== undefined) adopt(target);
  // A restarted kubelet spreads the first probes of pods that run since long.
  schedule(target !== undefined && deps.clock.now() - target.startedAtMs > 2 * periodMs ? deps.random.next() * periodMs : 0);
  return { stop: () => { stop.abort(new Error('probe stopped')); timer?.cancel(); }, poke: () => { if (!busy) schedule(0); } };
}
