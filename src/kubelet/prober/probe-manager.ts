/**
 * Keeps a probe worker per probe of each pod, and says what containers count as ready and started.
 */
import type { Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { Random } from '#base/random';
import type { Container, Pod } from '#api/generated/core/v1';
import type { RuntimeService } from '../cri/contract.ts';
import { containersOf, isRestartableInit } from '../translation/container-list.ts';
import type { PodEvents } from '../runtime/pod-events.ts';
import type { ProbeResults } from '../runtime/pod-actions.ts';
import { findState, type PodState } from '../runtime/pod-state.ts';
import { restartsAfter } from '../runtime/restart-rules.ts';
import { probeOnce } from './probe-once.ts';
import { startProbeWorker, type ProbeTarget, type ProbeWorker } from './probe-worker.ts';
import { createProbeResults, type ProbeKind } from './results.ts';

export interface ProbeManager extends ProbeResults {
  /** Starts missing workers; called at each sync with the newest state. */
  addPod(pod: Pod, state: PodState): void;
  /** A pod that ends is still asked for readiness. */
  stopLivenessAndStartup(uid: string): void;
  removePod(uid: string): void;
  /** Of a running container. */
  verdict(pod: Pod, container: Container, containerId: string): { ready: boolean; started: boolean };
  stop(): void;
}

export interface ProbeManagerOptions { runtime: RuntimeService; clock: Clock; random: Random; log: Logger; events: PodEvents; hostIp(): string; onChange(podUid: string): void; onProbed?(kind: ProbeKind, result: string, container: string, pod: string, namespace: string, uid: string): void }

interface Probed { pod: Pod; state: PodState; workers: Map<string, ProbeWorker> }

const KINDS: readonly ProbeKind[] = ['startup', 'readiness', 'liveness'];

export function createProbeManager(options: ProbeManagerOptions): ProbeManager {
  const probed = new Map<string, Probed>();
  const results = createProbeResults((podUid, kind) => {
    // Once started, the others begin at once instead of at their next turn.
    if (kind === 'startup') for (const [key, worker] of probed.get(podUid)?.workers ?? []) if (!key.endsWith('/startup')) worker.poke();
    options.onChange(podUid);
  });

  const isStarted = (container: Container, containerId: string): boolean => container.startupProbe === undefined || results.get('startup', containerId) === 'success';

  function targetOf(uid: string, container: Container): ProbeTarget | undefined {
    const entry = probed.get(uid);
    const state = entry === undefined ? undefined : findState(entry.state, container.name);
    if (entry === undefined || state === undefined) return undefined;
    const podIp = entry.pod.spec?.hostNetwork === true ? options.hostIp() : entry.state.ips[0] ?? '';
    return { containerId: state.id, startedAtMs: state.startedAtMs, running: state.state === 'running', podIp, started: isStarted(container, state.id) };
  }

  function isOver(uid: string, container: Container): boolean {
    const entry = probed.get(uid);
    if (entry === undefined) return true;
    const state = findState(entry.state, container.name);
    return state?.state === 'exited' && !restartsAfter(entry.pod, container, state.exitCode);
  }

  function startMissing(entry: Probed, container: Container): void {
    const uid = entry.pod.metadata.uid!;
    for (const kind of KINDS) {
      const probe = kind === 'liveness' ? container.livenessProbe : kind === 'readiness' ? container.readinessProbe : container.startupProbe;
      const key = `${container.name}/${kind}`;
      if (probe === undefined || entry.workers.has(key)) continue;
      const restored = restoredOutcome(entry, container, kind);
      entry.workers.set(key, startProbeWorker({
        clock: options.clock, random: options.random, log: options.log, events: options.events, results,
        probe: (wanted, pod, of, target, signal) => probeOnce(options.runtime, options.clock, wanted, pod, of, target.containerId, target.podIp, signal),
        onProbed: (result) => options.onProbed?.(kind, result, container.name, entry.pod.metadata.name!, entry.pod.metadata.namespace!, uid),
        target: () => targetOf(uid, container), isOver: () => isOver(uid, container), onOver: () => entry.workers.delete(key),
      }, kind, () => probed.get(uid)?.pod ?? entry.pod, container, restored));
    }
  }

  return {
    liveness: (containerId) => results.get('liveness', containerId),
    startup: (containerId) => results.get('startup', containerId),
    addPod: (pod, state) => {
      const uid = pod.metadata.uid!;
      let entry = probed.get(uid);
      if (entry === undefined) { entry = { pod, state, workers: new Map() }; probed.set(uid, entry); } else {
        const before = entry.state;
        Object.assign(entry, { pod, state });
        pokeRestarted(entry, before);
      }
      for (const { container, kind } of containersOf(pod)) {
        if (kind === 'ephemeral' || (kind === 'init' && !isRestartableInit(container))) continue;
        startMissing(entry, container);
      }
    },
    stopLivenessAndStartup: (uid) => {
      for (const [key, worker] of probed.get(uid)?.workers ?? []) if (!key.endsWith('/readiness')) worker.stop();
    },
    removePod: (uid) => {
      const entry = probed.get(uid);
      if (entry === undefined) return;
      probed.delete(uid);
      for (const worker of entry.workers.values()) worker.stop();
      for (const container of entry.state.containers) results.remove(container.id);
    },
    verdict: (_pod, container, containerId) => {
      const started = isStarted(container, containerId);
      return { started, ready: started && (container.readinessProbe === undefined || results.get('readiness', containerId) === 'success') };
    },
    stop: () => { for (const entry of probed.values()) for (const worker of entry.workers.values()) worker.stop(); probed.clear(); },
  };
}

/** A container that has just started is probed at once, not at the old one's next turn. */
function pokeRestarted(entry: Probed, before: PodState): void {
  for (const [key, worker] of entry.workers) {
    const name = key.slice(0, key.lastIndexOf('/'));
    const now = findState(entry.state, name);
    const old = findState(before, name);
    if (now?.state === 'running' && (old?.id !== now.id || old.state !== 'running')) worker.poke();
  }
}

/** What the API knows of the very same container: a restarted kubelet goes on from there. */
function restoredOutcome(entry: Probed, container: Container, kind: ProbeKind): 'success' | undefined {
  const state = findState(entry.state, container.name);
  const status = [...(entry.pod.status?.containerStatuses ?? []), ...(entry.pod.status?.initContainerStatuses ?? [])].find((candidate) => candidate.name === container.name);
  if (state?.state !== 'running' || status?.containerID === undefined || !status.containerID.endsWith(`//${state.id}`)) return undefined;
  const held = kind === 'readiness' ? status.ready : kind === 'startup' ? status.started === true : false;
  return held ? 'success' : undefined;
}
