/**
 * The kubelet: runs the pods of one node through its container runtime and tells the API how they are.
 *
 *     API ──informer──▶ pod store ──▶ workers ──▶ sync (status, volumes, cgroup, probes, runtime)
 *     manifests ──────▶     ▲            ▲  ▲
 *                           │            │  └── probes
 *               housekeeping┘            └───── PLEG ◀── runtime (events, lists)
 *
 * Wires the parts; decides nothing itself. Without a client it runs static pods alone. What runs goes on running when it stops.
 */
import { setMaxListeners } from 'node:events';
import type { Component, ComponentContext } from '#component/component';
import type { Timer } from '#base/clock';
import { nodes, pods, services, type Node, type Pod } from '#api/generated/core/v1';
import type { Client } from '#client/client';
import { createEventSink, type EventSink } from '#client/events/event-recorder';
import { createInformerFactory } from '#client/informer/factory';
import type { Informer, InformerFactory } from '#client/informer-contract';
import { cgroupHierarchies } from './cgroups/hierarchies.ts';
import { podCgroups } from './cgroups/pod-cgroups.ts';
import type { KubeletConfig } from './config.ts';
import { watchContainerdEvents } from './cri/containerd-events.ts';
import { createImageService } from './cri/image-client.ts';
import { createRuntimeService } from './cri/runtime-client.ts';
import { instrumentedRuntime, kubeletMetrics } from './kubelet-metrics.ts';
import { createPodPipeline, type PodPipeline } from './pod-pipeline.ts';
import { createNodeAgent, type NodeAgent } from './node-agent.ts';
import { createKubeletServer, type ServingIdentity } from './server/kubelet-server.ts';
import { rotateLogs } from './logs/log-rotation.ts';
import { podPaths } from './paths.ts';
import { createPleg } from './pleg/pleg.ts';
import { createRuntimeHealth } from './node/runtime-health.ts';
import { createStaticPodSource } from './pods/static-pods.ts';
import type { StreamingRoutes } from './server/routes.ts';

export interface KubeletOptions extends ComponentContext {
  config: KubeletConfig;
  /** Absent: static pods only. */
  client?: Client;
  /** `v1.36.2+kubernode`. */
  version: string;
  /** Absent: no HTTPS server. */
  serving?: ServingIdentity;
  /** YAML or JSON text to objects, for static pods. */
  parseManifests(text: string): unknown[];
  /** exec, attach, port-forward and run. */
  streaming?: StreamingRoutes;
}

export interface Kubelet extends Component {
  /** Known after `start`. */
  parts(): { pipeline: PodPipeline; agent: NodeAgent | undefined };
}

const HOUSEKEEPING_MS = 2_000;
/** After something was forgotten, its remains go soon. */
const HOUSEKEEPING_SOON_MS = 100;
const RUNTIME_WAIT_MS = 200;

export function createKubelet(options: KubeletOptions): Kubelet {
  const { config, clock, log } = options;
  const stop = new AbortController();
  // Every loop waits on it.
  setMaxListeners(0, stop.signal);
  const running: Promise<unknown>[] = [];
  const closers: (() => void | Promise<void>)[] = [];
  let pipeline: PodPipeline | undefined;
  let agent: NodeAgent | undefined;
  let readySignal: (() => Promise<void>) | undefined;

  async function start(signal: AbortSignal): Promise<void> {
    const door = createRuntimeService(config.runtimeEndpoint);
    const runtime = instrumentedRuntime(door, options.metrics, clock);
    const metrics = kubeletMetrics(options.metrics, config.nodeName);
    const images = createImageService(config.imageEndpoint);
    closers.push(() => door.close(), () => images.close());
    const version = await untilAnswered(() => runtime.version(signal), signal);
    const hierarchies = cgroupHierarchies(config.cgroupMount);
    const cgroups = podCgroups(hierarchies, config);
    const health = createRuntimeHealth({ runtime, clock, onChange: () => { agent?.poke(); for (const pod of pipeline?.store.list() ?? []) pipeline!.workers.poke(pod.metadata.uid!); } });
    await health.check(signal);
    const recorder = eventSink(options);
    closers.push(() => recorder.stop());
    const factory = options.client === undefined ? undefined : createInformerFactory({ client: options.client, clock, random: options.random, log });
    if (factory !== undefined) closers.push(() => factory.stop());
    const informers = factory === undefined ? undefined : informersOf(factory, config.nodeName);
    const pleg = createPleg({
      runtime, clock, log, relistMs: config.relistMs, relistWithEventsMs: config.relistWithEventsMs, onPodChanged: (uid) => { pipeline?.workers.poke(uid); soon(); }, onRelist: metrics.relisted,
      watchEvents: (onHint, onConnected, until) => watchContainerdEvents({ endpoint: config.runtimeEndpoint, clock, onHint, onConnected }, until),
    });
    agent = await createNodeAgent({ ...options, runtime, images, hierarchies, health, recorder, plegFault: pleg.fault, runtimeVersion: version, onEvicted: metrics.evicted, paths: podPaths(config.rootDir, config.podLogsDir), kill: (pod, request) => pipeline!.workers.kill(pod, request), pods: () => pipeline?.activePods() ?? [], podUsage: cgroups.podUsage }, signal);
    cgroups.start(agent.capacity());
    pipeline = createPodPipeline({
      ...options, record: metrics, runtime, images, runtimeName: version.runtimeName, recorder, cgroups, factory, services: informers?.services, node: () => informers?.node.get(config.nodeName) ?? agent!.node(),
      agent, networkFault: health.networkFault, snapshot: (until) => pleg.relist(until), onForgotten: soon,
      sourcesReady: () => (informers?.pods.hasSynced() ?? true) && (statics?.hasSynced() ?? true),
    });
    closers.push(() => pipeline!.stop());
    const statics = config.podManifestPath === '' ? undefined : createStaticPodSource({
      path: config.podManifestPath, nodeName: config.nodeName, clock, log, checkMs: config.manifestCheckMs, parse: options.parseManifests, onPods: (found) => pipeline!.setStatic(found),
    });
    if (informers !== undefined) followPods(informers.pods, pipeline);
    factory?.start();
    statics?.start(stop.signal);
    pleg.start(stop.signal);
    background('runtime health', health.run(stop.signal));
    background('node agent', agent.run(stop.signal));
    background('log rotation', rotateLogs({ runtime, clock, log, maxBytes: config.containerLogMaxBytes, maxFiles: config.containerLogMaxFiles }, stop.signal));
    if (options.serving !== undefined) {
      const server = createKubeletServer({ ...options, serving: options.serving, pipeline, agent, runtime, health, ...(options.streaming === undefined ? {} : { streaming: options.streaming }) });
      await server.start();
      closers.unshift(() => server.stop());
    }
    scheduleHousekeeping(HOUSEKEEPING_SOON_MS);
    readySignal = async () => { await factory?.whenSynced(stop.signal); await agent!.whenReady(stop.signal); };
    log.info('kubelet started', { node: config.nodeName, runtime: `${version.runtimeName} ${version.runtimeVersion}` });
  }

  async function untilAnswered<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let told = false; ; told = true) {
      try { return await ask(); } catch (error) {
        signal.throwIfAborted();
        if (!told) log.info('waiting for the container runtime', { endpoint: config.runtimeEndpoint, error: error instanceof Error ? error.message : error });
        await clock.sleep(RUNTIME_WAIT_MS, signal);
      }
    }
  }

  function background(name: string, work: Promise<void>): void {
    running.push(work.catch((error: unknown) => { if (!stop.signal.aborted) log.error(`${name} ended`, { error }); }));
  }

  let timer: Timer | undefined;
  let cleaning = false;
  let dueMs = Infinity;
  function soon(): void { scheduleHousekeeping(HOUSEKEEPING_SOON_MS); }
  function scheduleHousekeeping(ms: number): void {
    const at = clock.monotonicNow() + ms;
    if (stop.signal.aborted || cleaning || at >= dueMs) return;
    timer?.cancel();
    dueMs = at;
    timer = clock.setTimer(ms, () => {
      dueMs = Infinity;
      cleaning = true;
      const work = pipeline!.housekeep(stop.signal).catch((error: unknown) => { if (!stop.signal.aborted) log.warn('housekeeping failed', { error: error instanceof Error ? error.message : error }); })
        .finally(() => { cleaning = false; scheduleHousekeeping(HOUSEKEEPING_MS); });
      running.push(work);
      if (running.length > 64) running.splice(0, running.length - 8);
    }, { unref: true });
  }

  return {
    name: 'kubelet',
    start,
    ready: async () => { await readySignal?.(); },
    stop: async () => {
      if (stop.signal.aborted) return;
      stop.abort(new Error('kubelet stopped'));
      timer?.cancel();
      for (const close of closers.splice(0).reverse()) await close();
      await Promise.all(running);
    },
    parts: () => ({ pipeline: pipeline!, agent }),
  };
}

function informersOf(factory: InformerFactory, nodeName: string): { pods: Informer<Pod>; node: Informer<Node>; services: ReturnType<typeof servicesOf> } {
  return {
    pods: factory.for(pods, { fieldSelector: `spec.nodeName=${nodeName}` }), node: factory.for(nodes, { fieldSelector: `metadata.name=${nodeName}` }), services: servicesOf(factory),
  };
}

function servicesOf(factory: InformerFactory) {
  return factory.for(services);
}

function followPods(informer: Informer<Pod>, pipeline: PodPipeline): void {
  informer.addHandlers({
    onAdd: (pod) => pipeline.add(pod),
    onUpdate: (old, pod) => {
      // The same name may have become another pod between two lists.
      if (old.metadata.uid !== pod.metadata.uid) { pipeline.remove(old); pipeline.add(pod); } else pipeline.update(old, pod);
    },
    onDelete: (pod) => pipeline.remove(pod),
  });
}

/** Standalone, events go to the log. */
function eventSink(options: KubeletOptions): EventSink {
  if (options.client !== undefined) return createEventSink({ client: options.client, clock: options.clock, log: options.log, component: 'kubelet', host: options.config.nodeName });
  return {
    event: (subject, type, reason, message) => options.log.info('event', { subject: `${subject.kind}/${subject.namespace ?? ''}/${subject.name}`, type, reason, text: message }),
    flush: async () => undefined, stop: async () => undefined,
  };
}
