/**
 * Everything between "this pod belongs here" and its containers, as one assembly: store, workers, syncer, probes, volumes, images.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ComponentContext } from '#component/component';
import type { Container, Node, Pod, Service } from '#api/generated/core/v1';
import { runtimeclasses } from '#api/generated/node/v1';
import type { Client } from '#client/client';
import type { EventRecorder } from '#client/events/event-recorder';
import type { Informer, InformerFactory } from '#client/informer-contract';
import { within } from '#component/component-group';
import { semanticEqual } from '#machinery/deep-equal';
import type { PodCgroups } from './cgroups/pod-cgroups.ts';
import type { KubeletConfig } from './config.ts';
import type { ImageService, Mount, RuntimeService, SandboxConfig } from './cri/contract.ts';
import { createImageManager } from './images/image-manager.ts';
import type { KubeletMetrics } from './kubelet-metrics.ts';
import type { NodeAgent } from './node-agent.ts';
import { podPaths, type PodPaths } from './paths.ts';
import type { Snapshot } from './pleg/pleg.ts';
import { refusal } from './pods/admission.ts';
import { createAllocations, resizeSummary } from './pods/allocations.ts';
import { createHousekeeping } from './pods/housekeeping.ts';
import { createMirrorPods } from './pods/mirror-pods.ts';
import { createPodStore, isMirrorPod, isStaticPod, type PodStore } from './pods/pod-store.ts';
import { createPodWorkers, type PodWorkers } from './pods/pod-workers.ts';
import { podSyncer } from './pods/sync-pod.ts';
import { createProbeManager } from './prober/probe-manager.ts';
import { createBackOff } from './runtime/back-off.ts';
import { containerKiller } from './runtime/container-killer.ts';
import { containerStarter, type StartSupport } from './runtime/container-starter.ts';
import { hookRunner } from './runtime/lifecycle-hooks.ts';
import { podEvents } from './runtime/pod-events.ts';
import { createSlots } from './runtime/slots.ts';
import { createReasonCache } from './runtime/sync-runtime.ts';
import { KUBELET_CONDITIONS } from './status/conditions.ts';
import { createStatusManager, type StatusManager } from './status/status-manager.ts';
import { parseResolvConf, podDns } from './translation/dns.ts';
import { containerEnvironment } from './translation/environment.ts';
import { hostNames, hostNetworkHostsFile, hostsFile, kernelHostname } from './translation/hostname.ts';
import { sandboxConfig } from './translation/sandbox-config.ts';
import { serviceEnvironment, servicesFor } from './translation/service-env.ts';
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

export interface PodPipeline {
  readonly store: PodStore;
  readonly workers: PodWorkers;
  readonly status: StatusManager;
  readonly paths: PodPaths;
  add(pod: Pod): void;
  update(old: Pod, pod: Pod): void;
  /** Gone from the API: what still runs of it is ended. */
  remove(pod: Pod): void;
  setStatic(pods: readonly Pod[]): void;
  /** Not ended, and not being ended for good. */
  activePods(): Pod[];
  housekeep(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

/** A kubelet that has just started reads the services first. */
const SERVICES_WAIT_MS = 10_000;
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
  const support = startSupport(options, { paths, objects, volumes, networkOf, ensureImage: imageManager.ensure, events });
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

  const activePods = (): Pod[] => store.list().filter((pod) => {
    const phase = status.get(pod.metadata.uid!)?.phase ?? pod.status?.phase;
    return phase !== 'Succeeded' && phase !== 'Failed' && !workers.isFinished(pod.metadata.uid!);
  });

  function admit(pod: Pod): boolean {
    // What ran here before was admitted then.
    if (pod.status?.startTime !== undefined || pod.metadata.deletionTimestamp !== undefined || isStaticPod(pod)) return true;
    const fault = refusal(pod, {
      allocatable: options.agent.allocatable(), others: activePods().filter((other) => other.metadata.uid !== pod.metadata.uid).map(allocations.granted), pressures: options.agent.pressures(),
      allowedUnsafeSysctls: config.allowedUnsafeSysctls, node: options.node(),
    });
    if (fault === undefined) return true;
    events.pod(pod, 'Warning', fault.reason, fault.message);
    status.set(pod, { ...pod.status, phase: 'Failed', reason: fault.reason, message: `Pod was rejected: ${fault.message}` });
    return false;
  }

  function add(pod: Pod): void {
    store.set(pod);
    if (isMirrorPod(pod)) { followMirror(pod); return; }
    if (!admit(pod)) return; // it is ended when it is deleted
    allocations.grantAll(pod);
    objects.register(pod);
    workers.update(reviewed(pod));
  }

  /** With the resources that are granted; a changed wish is looked at first. */
  function reviewed(pod: Pod): Pod {
    const before = allocations.pending(pod)?.reason;
    const verdict = allocations.review(pod, { allocatable: options.agent.allocatable(), others: activePods().filter((other) => other.metadata.uid !== pod.metadata.uid).map(allocations.granted) });
    if (verdict === 'granted') events.pod(pod, 'Normal', 'ResizeStarted', `Pod resize started: ${resizeSummary(pod)}`);
    const pending = allocations.pending(pod);
    if (pending !== undefined && pending.reason !== before) events.pod(pod, 'Warning', `Resize${pending.reason}`, `Pod resize ${pending.reason}: ${resizeSummary(pod, pending.message)}`);
    return allocations.granted(pod);
  }

  function followMirror(mirror: Pod): void {
    const owner = store.byName(mirror.metadata.namespace!, mirror.metadata.name!);
    if (owner === undefined) return;
    status.reconcile(owner, mirror);
    workers.poke(owner.metadata.uid!);
  }

  return {
    store, workers, status, paths, add, activePods,
    update: (old, pod) => {
      store.set(pod);
      if (isMirrorPod(pod)) { followMirror(pod); return; }
      if (isOwnEcho(old, pod)) { status.reconcile(pod); return; }
      // Nothing is left to do for it here: a deletion can be confirmed at once.
      if (workers.isFinished(pod.metadata.uid!)) status.finish(pod);
      objects.register(pod);
      workers.update(reviewed(pod));
    },
    remove: (pod) => {
      store.remove(pod);
      allocations.forget(pod.metadata.uid!);
      // What it leaves may be what another waits for.
      for (const other of store.list()) if (allocations.pending(other)?.reason === 'Deferred') workers.update(reviewed(other));
      if (isMirrorPod(pod)) { followMirror(pod); return; }
      workers.kill(pod).catch(() => undefined);
      options.onForgotten();
    },
    setStatic: (found) => {
      const wanted = new Set(found.map((pod) => pod.metadata.uid));
      for (const pod of store.list().filter(isStaticPod)) {
        if (wanted.has(pod.metadata.uid)) continue;
        store.remove(pod);
        workers.kill(pod).catch(() => undefined);
      }
      for (const pod of found) if (store.get(pod.metadata.uid!) === undefined) add(pod);
    },
    housekeep: async (signal) => { backOff.sweep(); await housekeeping.run(signal); },
    stop: async () => { probes.stop(); await workers.stop(); await status.stop(); },
  };
}

/** A change of nothing but the status that the kubelet wrote itself. */
function isOwnEcho(old: Pod, pod: Pod): boolean {
  const foreign = (of: Pod) => (of.status?.conditions ?? []).filter((condition) => !KUBELET_CONDITIONS.has(condition.type));
  return old.metadata.deletionTimestamp === pod.metadata.deletionTimestamp && old.metadata.deletionGracePeriodSeconds === pod.metadata.deletionGracePeriodSeconds
    && semanticEqual(old.metadata.labels, pod.metadata.labels) && semanticEqual(old.metadata.annotations, pod.metadata.annotations)
    && semanticEqual(old.spec, pod.spec) && semanticEqual(foreign(old), foreign(pod))
    && (old.status?.phase === pod.status?.phase || (pod.status?.phase !== 'Failed' && pod.status?.phase !== 'Succeeded'));
}

function sandboxConfigs(options: PodPipelineOptions, paths: PodPaths, events: ReturnType<typeof podEvents>): (pod: Pod, attempt: number) => SandboxConfig {
  const { config } = options;
  return (pod, attempt) => {
    if (pod.spec?.hostUsers === false) throw new Error('user namespaces are not supported by the container runtime of this node');
    const host = config.resolvConf === '' ? { servers: [], searches: [], options: [] } : parseResolvConf(readOrEmpty(config.resolvConf));
    const dns = podDns(pod, { clusterDns: config.clusterDns, clusterDomain: config.clusterDomain, host });
    for (const { reason, message } of dns.warnings) events.pod(pod, 'Warning', reason, message);
    return sandboxConfig(pod, {
      attempt, hostname: kernelHostname(pod, hostNames(pod, config.clusterDomain)), dns: dns.config, logDirectory: paths.logs(pod), cgroupParent: options.cgroups.pathOf(pod),
    });
  };
}

function readOrEmpty(path: string): string {
  try { return readFileSync(path, 'utf8'); } catch { return ''; }
}

async function runtimeHandler(client: Client | undefined, pod: Pod): Promise<string> {
  const name = pod.spec?.runtimeClassName;
  if (name === undefined || name === '' || client === undefined) return '';
  return (await client.for(runtimeclasses).get(name)).handler;
}

interface SupportParts {
  paths: PodPaths;
  objects: ReturnType<typeof createObjectCache>;
  volumes: ReturnType<typeof createVolumeManager>;
  networkOf(pod: Pod): { podIps: readonly string[]; hostIps: readonly string[] };
  ensureImage: StartSupport['ensureImage'];
  events: ReturnType<typeof podEvents>;
}

function startSupport(options: PodPipelineOptions, parts: SupportParts): StartSupport {
  const { config } = options;
  const environment: StartSupport['environment'] = async (pod, container, podIps) => {
    if (options.services !== undefined && !options.services.hasSynced()) await within(options.clock, SERVICES_WAIT_MS, 'services have not yet been read at least once, cannot construct envvars', (signal) => options.services!.whenSynced(signal));
    return containerEnvironment(pod, container, {
    configMap: parts.objects.configMap, secret: parts.objects.secret, allocatable: options.agent.allocatable(), network: { podIps, hostIps: config.nodeIps },
    serviceVariables: options.services === undefined ? new Map() : serviceEnvironment(servicesFor(pod.metadata.namespace!, pod.spec?.enableServiceLinks ?? true, options.services)),
    onInvalidKeys: (kind, namespace, name, keys) => parts.events.pod(pod, 'Warning', 'InvalidEnvironmentVariableNames',
      `Keys [${keys.join(', ')}] from the EnvFrom ${kind} ${namespace}/${name} were skipped since they are considered invalid environment variable names.`),
    });
  };
  return {
    environment,
    ensureImage: async (pod, container, sandbox, signal) => {
      const image = await parts.ensureImage(pod, container, sandbox, signal);
      options.agent.onImage(image.id);
      return image;
    },
    mounts: async (pod, container, variables, podIps) => {
      const mounts = await parts.volumes.containerMounts(pod, container, variables);
      const hosts = await hostsMount(config, parts.paths, pod, container, podIps);
      return hosts === undefined ? mounts : [...mounts, hosts];
    },
    devices: async () => [],
    security: (pod) => ({ seccompDefault: config.seccompDefault, seccompDir: join(config.rootDir, 'seccomp'), extraGroups: parts.volumes.extraGroups(pod) }),
    memoryCapacityBytes: options.agent.memoryCapacityBytes,
  };
}

/** Every container shares the pod's /etc/hosts, unless it mounts one itself. */
async function hostsMount(config: KubeletConfig, paths: PodPaths, pod: Pod, container: Container, podIps: readonly string[]): Promise<Mount | undefined> {
  if (podIps.length === 0 || (container.volumeMounts ?? []).some((mount) => mount.mountPath === '/etc/hosts')) return undefined;
  const path = paths.hosts(pod.metadata.uid!);
  const aliases = pod.spec?.hostAliases ?? [];
  const text = pod.spec?.hostNetwork === true
    ? hostNetworkHostsFile(await readFile('/etc/hosts', 'utf8').catch(() => ''), aliases) : hostsFile(podIps, hostNames(pod, config.clusterDomain), aliases);
  await mkdir(dirname(path), { recursive: true, mode: 0o750 });
  await writeFile(path, text, { mode: 0o644 });
  return { containerPath: '/etc/hosts', hostPath: path, readonly: container.securityContext?.readOnlyRootFilesystem === true };
}
