/**
 * The node's side of the kubelet: machine facts, registration and status, heartbeat, image collection, eviction.
 */
import { mkdir } from 'node:fs/promises';
import { rfc3339 } from '#base/clock';
import type { ComponentContext } from '#component/component';
import type { Node, NodeCondition, NodeStatus, Pod } from '#api/generated/core/v1';
import type { Client } from '#client/client';
import type { EventRecorder } from '#client/events/event-recorder';
import type { CgroupHierarchies, CgroupUsage } from './cgroups/hierarchies.ts';
import type { KubeletConfig } from './config.ts';
import type { ImageService, RuntimeService, RuntimeVersion } from './cri/contract.ts';
import { createEvictionManager, type EvictionManager } from './eviction/eviction-manager.ts';
import { hasStorageLimit, measureStorage, storageExcess } from './eviction/local-storage.ts';
import { readSignals } from './eviction/signals.ts';
import { createImageGc } from './images/image-gc.ts';
import { availableMemory, diskUse, pidUse, readMachine } from './node/machine.ts';
import { keepNodeLease } from './node/node-lease.ts';
import { allocatableOf, capacityOf, nodeConditions, nodeStatus, type PressureKind } from './node/node-object.ts';
import { createNodeReporter, nodeSubject } from './node/node-reporter.ts';
import type { RuntimeHealth } from './node/runtime-health.ts';
import type { PodPaths } from './paths.ts';
import type { KillRequest } from './pods/pod-workers.ts';
import { bytes, milliCpu } from './translation/amounts.ts';

export interface NodeAgentOptions extends ComponentContext {
  config: KubeletConfig;
  client?: Client;
  version: string;
  runtime: RuntimeService;
  images: ImageService;
  hierarchies: CgroupHierarchies;
  health: RuntimeHealth;
  recorder: EventRecorder;
  runtimeVersion: RuntimeVersion;
  plegFault(): string | undefined;
  kill(pod: Pod, request: KillRequest): Promise<void>;
  pods(): readonly Pod[];
  podUsage(uid: string): CgroupUsage | undefined;
  onEvicted(signal: string): void;
  paths: PodPaths;
}

export interface NodeAgent {
  run(signal: AbortSignal): Promise<void>;
  /** The status should be written again. */
  poke(): void;
  /** A container uses this image; a new one shows in the status. */
  onImage(id: string): void;
  whenReady(signal: AbortSignal): Promise<void>;
  node(): Node | undefined;
  memoryCapacityBytes(): number;
  cpus(): number;
  /** Of everything on the node; undefined where the kernel does not say. */
  usage(): CgroupUsage | undefined;
  allocatable(): Readonly<Record<string, string>>;
  /** What pods may use together. */
  capacity(): { milliCpus: number; memoryBytes: number };
  pressures(): ReadonlySet<PressureKind>;
}

const IMAGES_PERIOD_MS = 30_000;
const EVICTION_PERIOD_MS = 10_000;

export async function createNodeAgent(options: NodeAgentOptions, signal: AbortSignal): Promise<NodeAgent> {
  const { config, clock, log } = options;
  await mkdir(config.rootDir, { recursive: true, mode: 0o750 });
  const machine = await readMachine(options.hierarchies, config.cgroupRoot, { runtime: `${options.runtimeVersion.runtimeName}://${options.runtimeVersion.runtimeVersion}`, kubelet: options.version });
  const ephemeralStorageBytes = (await diskUse(config.rootDir)).capacityBytes;
  const capacity = capacityOf(config, { machine, ephemeralStorageBytes, extraCapacity: {} });
  const allocatable = allocatableOf(config, capacity);
  const imageGc = createImageGc({
    images: options.images, runtime: options.runtime, clock, log, diskUse, highPercent: config.imageGcHighThresholdPercent, lowPercent: config.imageGcLowThresholdPercent,
    minimumAgeMs: config.imageMinimumGcAgeMs, sandboxImage: config.sandboxImage, onFailure: (message) => options.recorder.event(nodeSubject(config), 'Warning', 'ImageGCFailed', message),
  });
  await imageGc.observe(signal).catch(() => undefined);
  const eviction: EvictionManager = createEvictionManager({
    config, clock, log, recorder: options.recorder, pods: options.pods, kill: options.kill, onEvicted: options.onEvicted, overLimit: () => podsOverLimit(options), podUsage: options.podUsage, collectImages: () => imageGc.collectAll(), onChange: () => reporter?.poke(),
    signals: () => readSignals({ config, images: options.images, memoryCapacityBytes: machine.memoryBytes, availableMemory: () => availableMemory(options.hierarchies, config.cgroupRoot, machine.memoryBytes), diskUse, pidUse }),
  });
  const faults = (): string[] => [options.health.runtimeFault(), options.health.networkFault(), options.plegFault()].filter((fault) => fault !== undefined);
  const status = async (old: readonly NodeCondition[]): Promise<NodeStatus> => nodeStatus(config, {
    machine, ephemeralStorageBytes, images: imageGc.images(), handlers: options.health.last()?.handlers ?? [], supplementalGroupsPolicy: options.health.last()?.supplementalGroupsPolicy ?? false,
    volumesInUse: [], extraCapacity: {},
  }, nodeConditions(eviction.pressures(), faults(), old, rfc3339(clock.now())));
  const reporter = options.client === undefined ? undefined : createNodeReporter({ config, client: options.client, clock, log, recorder: options.recorder, status });

  const every = async (ms: number, name: string, work: () => Promise<unknown>, until: AbortSignal): Promise<void> => {
    while (!until.aborted) {
      await work().catch((error: unknown) => { if (!until.aborted) log.warn(`${name} failed`, { error: error instanceof Error ? error.message : error }); });
      await clock.sleep(ms, until).catch(() => undefined);
    }
  };

  return {
    run: async (until) => {
      await Promise.all([
        reporter?.run(until).catch((error: unknown) => { if (!until.aborted) throw error; }),
        options.client === undefined ? undefined : keepNodeLease({ client: options.client, clock, log, nodeName: config.nodeName, durationSeconds: config.leaseDurationSeconds }, until),
        every(IMAGES_PERIOD_MS, 'image list', () => imageGc.observe(until), until),
        every(config.imageGcPeriodMs, 'image collection', () => imageGc.collect(until), until),
        every(EVICTION_PERIOD_MS, 'eviction', () => eviction.check(until), until),
      ]);
    },
    poke: () => reporter?.poke(),
    onImage: (id) => {
      if (!imageGc.images().some((image) => image.id === id)) imageGc.observe().then(() => reporter?.poke(), () => undefined);
    },
    whenReady: (until) => reporter?.whenReady(until) ?? Promise.resolve(),
    node: () => reporter?.node(),
    memoryCapacityBytes: () => machine.memoryBytes,
    cpus: () => machine.cpus,
    usage: () => options.hierarchies.usage(config.cgroupRoot === '' ? '/' : config.cgroupRoot),
    allocatable: () => allocatable,
    capacity: () => ({ milliCpus: milliCpu(allocatable['cpu']), memoryBytes: Math.max(0, machine.memoryBytes - bytes(config.reserved['memory'])) }),
    pressures: eviction.pressures,
  };
}

async function podsOverLimit(options: NodeAgentOptions): Promise<{ pod: Pod; message: string }[]> {
  const limited = options.pods().filter(hasStorageLimit);
  if (limited.length === 0) return [];
  const stats = await options.runtime.listContainerStats().catch(() => []);
  const over: { pod: Pod; message: string }[] = [];
  for (const pod of limited) {
    const message = storageExcess(pod, await measureStorage(pod, options.paths, stats));
    if (message !== undefined) over.push({ pod, message });
  }
  return over;
}
