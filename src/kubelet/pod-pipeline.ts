/**
 * Everything between "this pod belongs here" and its containers, as one assembly: store, workers, syncer, probes, volumes, images.
 */
import { join } from 'node:path';
import type { ComponentContext } from '#component/component';
import type { Node, Pod, Service } from '#api/generated/core/v1';
import type { Client } from '#client/client';
import type { EventRecorder } from '#client/events/event-recorder';
import type { Informer, InformerFactory } from '#client/informer-contract';
import type { PodCgroups } from './cgroups/pod-cgroups.ts';
import type { KubeletConfig } from './config.ts';
import type { ImageService, RuntimeService } from './cri/contract.ts';
import { createImageManager } from './images/image-manager.ts';
import type { KubeletMetrics } from './kubelet-metrics.ts';
import type { NodeAgent } from './node-agent.ts';
import { podPaths, type PodPaths } from './paths.ts';
import type { Snapshot } from './pleg/pleg.ts';
import { createAllocations } from './pods/allocations.ts';
import { createHousekeeping } from './pods/housekeeping.ts';
import { createMirrorPods } from './pods/mirror-pods.ts';
import { createPodIntake, type PodIntake } from './pods/pod-intake.ts';
import { createPodStore, isStaticPod, type PodStore } from './pods/pod-store.ts';
import { createPodWorkers, type PodWorkers } from './pods/pod-workers.ts';
import { podSyncer } from './pods/sync-pod.ts';
import { createProbeManager } from './prober/probe-manager.ts';
import { createBackOff } from './runtime/back-off.ts';
import { containerKiller } from './runtime/container-killer.ts';
import { containerStarter } from './runtime/container-starter.ts';
import { hookRunner } from './runtime/lifecycle-hooks.ts';
import { podEvents } from './runtime/pod-events.ts';
import { runtimeHandler, sandboxConfigs, startSupport } from './runtime/start-support.ts';
import { createSlots } from './runtime/slots.ts';
import { createReasonCache } from './runtime/sync-runtime.ts';
import { createStatusManager, type StatusManager } from './status/status-manager.ts';
import { systemMounter } from './volumes/mounts.ts';
import { createObjectCache } from './volumes/object-cache.ts';
import { createPersistentVolumes } from './volumes/persistent-volumes.ts';
import { createTokenManager } from './volumes/token-manager.ts';
import { createVolumeManager } from './volumes/volume-manager.ts';

export interface PodPipelineOptions extends ComponentContext {
  config: KubeletConfig;
  client?: Client;
  factory: InformerFactory | undefined;
  runtime: RuntimeService;
  images: ImageService;
  runtimeName: string;
  recorder: EventRecorder;
  cgroups: PodCgroups;
  services: Informer<Service> | undefined;
  node(): Node | undefined;
  agent: Pick<NodeAgent, 'memoryCapacityBytes' | 'allocatable' | 'pressures' | 'onImage' | 'cpus'>;
  networkFault(): string | undefined;
  record: KubeletMetrics;
  snapshot(signal: AbortSignal): Promise<Snapshot>;
  sourcesReady(): boolean;
  onForgotten(): void;
}

export interface PodPipeline extends PodIntake {
  readonly store: PodStore;
  readonly workers: PodWorkers;
  readonly status: StatusManager;
  readonly paths: PodPaths;
  housekeep(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

const STARTS_MIN = 4;
const STARTS_PER_CPU = 2;
const VOLUME_RETRY_MS_MIN = 500;
const VOLUME_RETRY_MS_MAX = 122_000;

export function createPodPipeline(options: PodPipelineOptions): PodPipeline {
  const { config, clock, log, random, runtime } = options;
  const store = createPodStore();
  const paths = podPaths(config.rootDir, config.podLogsDir);
  const events = podEvents(options.recorder);
  const status = createStatusManager({ client: options.client, clock, log, mirrorOf: store.mirrorOf, isStatic: isStaticPod });
  const reasons = createReasonCache();
  const backOff = createBackOff(clock);
  const volumeBackOff = createBackOff(clock, VOLUME_RETRY_MS_MIN, VOLUME_RETRY_MS_MAX);
  const tokens = createTokenManager(options.client, clock);
  const objects = createObjectCache({ client: options.client, factory: options.factory, clock, onChange: (uids) => { for (const uid of uids) { volumeBackOff.reset(uid); workers.poke(uid); } } });
  const probes = createProbeManager({ runtime, clock, random, log, events, hostIp: () => config.nodeIps[0] ?? '127.0.0.1', onChange: (uid) => workers.poke(uid), onProbed: options.record.probed });
  const hooks = hookRunner(runtime, clock);
  const killer = containerKiller({ runtime, clock, hooks, events, log });
  const networkOf = (pod: Pod) => ({ podIps: (status.get(pod.metadata.uid!)?.podIPs ?? pod.status?.podIPs ?? []).map(({ ip }) => ip), hostIps: config.nodeIps });
  const volumes = createVolumeManager({
    paths, mounter: systemMounter, persistent: createPersistentVolumes(options.client), clock, random, log,
    sources: { configMap: objects.configMap, secret: objects.secret, token: tokens.token, network: networkOf, allocatable: options.agent.allocatable },
  });
  const imageManager = createImageManager({ images: options.images, clock, events, parallelMax: config.serializeImagePulls ? 1 : Math.max(1, config.maxParallelImagePulls), secret: objects.secret });
  const support = startSupport(options, { paths, objects, volumes, ensureImage: imageManager.ensure, events });
  const slots = createSlots(Math.max(STARTS_MIN, STARTS_PER_CPU * options.agent.cpus()));
  const start = containerStarter({ runtime, support, hooks, killer, events, random, paths, slots, containerLogsDir: config.containerLogsDir, onStarted: options.record.containerStarted });
  const allocations = createAllocations(join(config.rootDir, 'allocated_pods_state'));
  const mirrors = createMirrorPods({ client: options.client, store, nodeName: config.nodeName });
  const syncer = podSyncer({
    runtime, runtimeName: options.runtimeName, clock, log, events, cgroups: options.cgroups, status, probes, volumes, volumeBackOff, killer, reasons, store, paths,
    hostIps: () => config.nodeIps, imageIdOf: (container) => container.imageRef, networkFault: options.networkFault, ensureMirror: mirrors.ensure, pendingResize: allocations.pending, onRunning: (_pod, seconds) => options.record.podRunningAfter(seconds),
    sync: {
      runtime, clock, log, events, probes, killer, start, backOff, reasons, paths, slots, sandboxConfigOf: sandboxConfigs(options, paths, events), runtimeHandlerOf: (pod) => runtimeHandler(options.client, pod),
      onSandbox: (ok) => (ok ? options.record.podStarted() : options.record.podFailedToStart()), updatePodCgroup: options.cgroups.updatePod, memoryCapacityBytes: options.agent.memoryCapacityBytes,
    },
  });
  const workers = createPodWorkers({ syncer, clock, random, log, syncPeriodMs: config.syncPeriodMs, onDone: options.record.workerDone });
  const housekeeping = createHousekeeping({
    runtime, log, store, workers, status, volumes, cgroups: options.cgroups, snapshot: options.snapshot, sourcesReady: options.sourcesReady, removeOrphanedMirrors: mirrors.removeOrphans,
    podLogsDir: config.podLogsDir, containerLogsDir: config.containerLogsDir,
    onForgotten: (uid) => { objects.unregister(uid); tokens.forget(uid); probes.removePod(uid); reasons.clear(uid); volumeBackOff.reset(uid); allocations.forget(uid); },
  });

  const intake = createPodIntake({
    config, store, workers, status, allocations, events, allocatable: options.agent.allocatable, pressures: options.agent.pressures, node: options.node, registerObjects: objects.register, onRemoved: options.onForgotten,
  });

  return {
    ...intake, store, workers, status, paths,
    housekeep: async (signal) => { backOff.sweep(); await housekeeping.run(signal); },
    stop: async () => { probes.stop(); await workers.stop(); await status.stop(); },
  };
}
