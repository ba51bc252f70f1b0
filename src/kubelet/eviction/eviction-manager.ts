/**
 * Watches memory, disk, inodes and process ids; reports pressure; ends one pod at a time while a threshold is crossed.
 *
 * Pressure is reported at once and taken back after a while without it, so that it does not flap. Images are collected before a
 * pod is ended for disk. Static and system-critical pods are never ended.
 */
import type { Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { Pod } from '#api/generated/core/v1';
import type { EventRecorder } from '#client/events/event-recorder';
import { formatQuantity, newQuantity } from '#machinery/quantity';
import { subjectOf } from '#client/events/event-recorder';
import type { CgroupUsage } from '../cgroups/hierarchies.ts';
import type { KubeletConfig } from '../config.ts';
import { thresholdOf, type PressureKind } from '../node/node-object.ts';
import { nodeSubject } from '../node/node-reporter.ts';
import { isStaticPod } from '../pods/pod-store.ts';
import type { KillRequest } from '../pods/pod-workers.ts';
import { podAmounts } from '../translation/amounts.ts';
import { evictionOrder, type PodUse, type Starved } from './eviction-ranking.ts';
import type { SignalName, Signals } from './signals.ts';

export interface EvictionManager {
  check(signal: AbortSignal): Promise<void>;
  pressures(): ReadonlySet<PressureKind>;
}

export interface EvictionOptions {
  config: KubeletConfig;
  clock: Clock;
  log: Logger;
  recorder: EventRecorder;
  signals(): Promise<Signals>;
  pods(): readonly Pod[];
  podUsage(uid: string): CgroupUsage | undefined;
  kill(pod: Pod, request: KillRequest): Promise<void>;
  collectImages(): Promise<number>;
  onChange(): void;
  /** Pods over a disk limit of their own, with why. */
  overLimit(): Promise<{ pod: Pod; message: string }[]>;
  onEvicted(signal: string): void;
}

const SYSTEM_CRITICAL_PRIORITY = 2_000_000_000;
const KINDS: Readonly<Record<SignalName, { pressure: PressureKind; starved: Starved; resource: string }>> = {
  'memory.available': { pressure: 'MemoryPressure', starved: 'memory', resource: 'memory' },
  'nodefs.available': { pressure: 'DiskPressure', starved: 'ephemeral-storage', resource: 'ephemeral-storage' },
  'nodefs.inodesFree': { pressure: 'DiskPressure', starved: 'ephemeral-storage', resource: 'inodes' },
  'imagefs.available': { pressure: 'DiskPressure', starved: 'ephemeral-storage', resource: 'ephemeral-storage' },
  'imagefs.inodesFree': { pressure: 'DiskPressure', starved: 'ephemeral-storage', resource: 'inodes' },
  'pid.available': { pressure: 'PIDPressure', starved: 'pids', resource: 'pids' },
};

export function createEvictionManager(options: EvictionOptions): EvictionManager {
  const lastCrossedMs = new Map<PressureKind, number>();
  let pressures: ReadonlySet<PressureKind> = new Set();

  return {
    pressures: () => pressures,
    check: async (signal) => {
      const signals = await options.signals();
      const crossed = (Object.keys(KINDS) as SignalName[]).filter((name) => isCrossed(options.config, signals, name));
      const nowMs = options.clock.monotonicNow();
      for (const name of crossed) lastCrossedMs.set(KINDS[name].pressure, nowMs);
      const fresh = new Set([...lastCrossedMs].filter(([, atMs]) => atMs === nowMs || nowMs - atMs < options.config.evictionPressureTransitionMs).map(([kind]) => kind));
      const changed = fresh.size !== pressures.size || [...fresh].some((kind) => !pressures.has(kind));
      pressures = fresh;
      if (changed) options.onChange();
      for (const { pod, message } of await options.overLimit()) await end(options, pod, message, 'ephemeralpodfs.limit');
      const first = crossed[0];
      if (first === undefined || signal.aborted) return;
      options.recorder.event(nodeSubject(options.config), 'Warning', 'EvictionThresholdMet', `Attempting to reclaim ${KINDS[first].resource}`);
      if (KINDS[first].pressure === 'DiskPressure') {
        await options.collectImages();
        if (!isCrossed(options.config, await options.signals(), first)) return;
      }
      await evictOne(options, first, signals);
    },
  };
}

function isCrossed(config: KubeletConfig, signals: Signals, name: SignalName): boolean {
  const value = signals[name];
  const threshold = config.evictionHard[name];
  return value !== undefined && threshold !== undefined && value.available < thresholdOf(threshold, value.capacity);
}

async function evictOne(options: EvictionOptions, name: SignalName, signals: Signals): Promise<void> {
  const kind = KINDS[name];
  const uses = options.pods().map((pod): PodUse => {
    const usage = options.podUsage(pod.metadata.uid!);
    return { pod, memoryBytes: usage?.workingSetBytes ?? 0, diskBytes: 0, pids: usage?.pids ?? 0 };
  });
  const victim = evictionOrder(uses, kind.starved).find(({ pod }) => !isStaticPod(pod) && (pod.spec?.priority ?? 0) < SYSTEM_CRITICAL_PRIORITY);
  if (victim === undefined) { options.log.warn('nothing can be evicted', { signal: name }); return; }
  const value = signals[name]!;
  const text = (amount: number): string => formatQuantity(newQuantity(amount, kind.starved === 'pids' ? 'DecimalSI' : 'BinarySI'));
  const message = `The node was low on resource: ${kind.resource}. Threshold quantity: ${text(thresholdOf(options.config.evictionHard[name], value.capacity))}, available: ${text(value.available)}. ${containersText(victim, kind.starved)}`;
  await end(options, victim.pod, message, name);
}

async function end(options: EvictionOptions, pod: Pod, message: string, signal: string): Promise<void> {
  options.recorder.event(subjectOf(pod, 'v1', 'Pod'), 'Warning', 'Evicted', message);
  options.log.info('pod is evicted', { pod: pod.metadata.name, namespace: pod.metadata.namespace, signal });
  options.onEvicted(signal);
  await options.kill(pod, {
    graceSeconds: options.config.evictionMaxPodGraceSeconds,
    failure: { reason: 'Evicted', message, condition: { type: 'DisruptionTarget', reason: 'TerminationByKubelet', message } },
  });
}

function containersText(victim: PodUse, starved: Starved): string {
  if (starved !== 'memory') return '';
  const names = (victim.pod.spec?.containers ?? []).map((container) => container.name).join(', ');
  const request = podAmounts(victim.pod).requests['memory'] ?? '0';
  return `Container ${names} was using ${formatQuantity(newQuantity(Math.floor(victim.memoryBytes / 1024) * 1024, 'BinarySI'))}, request is ${request}, has larger consumption of memory. `;
}
