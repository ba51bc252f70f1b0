/**
 * A kubelet without node, API server and disk: store, workers and runtime pass on the in-memory runtime under a virtual clock.
 */
import { silentLogger } from '#base/log';
import { seededRandom } from '#base/random';
import { VirtualClock } from '#base/virtual-clock';
import type { Pod, PodStatus } from '#api/generated/core/v1';
import type { PodCgroups } from '../../cgroups/pod-cgroups.ts';
import type { RuntimeService } from '../../cri/contract.ts';
import { createFakeRuntime, fakeImage, type FakeRuntime } from '../../cri/testing/fake-runtime.ts';
import { createImageManager } from '../../images/image-manager.ts';
import { podPaths } from '../../paths.ts';
import { createProbeManager } from '../../prober/probe-manager.ts';
import { createBackOff } from '../../runtime/back-off.ts';
import { containerKiller } from '../../runtime/container-killer.ts';
import { containerStarter } from '../../runtime/container-starter.ts';
import { hookRunner } from '../../runtime/lifecycle-hooks.ts';
import { podEvents } from '../../runtime/pod-events.ts';
import { createSlots } from '../../runtime/slots.ts';
import { createReasonCache } from '../../runtime/sync-runtime.ts';
import { createStatusManager } from '../../status/status-manager.ts';
import { POD_UID_LABEL } from '../../translation/labels.ts';
import { sandboxConfig } from '../../translation/sandbox-config.ts';
import { createHousekeeping } from '../housekeeping.ts';
import { createPodStore } from '../pod-store.ts';
import { createPodWorkers, type PodWorkers } from '../pod-workers.ts';
import { podSyncer } from '../sync-pod.ts';

export interface PodWorld {
  clock: VirtualClock;
  runtime: FakeRuntime;
  workers: PodWorkers;
  events: string[];
  run(pod: Pod): void;
  status(): PodStatus;
  /** The id of the newest container of that name. */
  id(name: string): string;
  /** Removes what nobody wants. */
  housekeep(): Promise<void>;
  stop(): Promise<void>;
  /** Calls since the last question, without lists. */
  calls(): string[];
}

/** A machine that outlives the kubelet on it. */
export function createMachine(): { clock: VirtualClock; fake: FakeRuntime } {
  const clock = new VirtualClock();
  const fake = createFakeRuntime(clock);
  fake.images.set('app:1', fakeImage('app:1'));
  return { clock, fake };
}

/** @param door what the kubelet sees of the runtime, such as one that crashes it. */
export function createPodWorld(machine = createMachine(), door: RuntimeService = machine.fake): PodWorld {
  const { clock, fake } = machine;
  const runtime = door;
  const random = seededRandom(7);
  const texts: string[] = [];
  const events = podEvents({ event: (subject, _type, reason, message) => { texts.push(`${subject.fieldPath ?? ''} ${reason}: ${message}`.trim()); } });
  const store = createPodStore();
  const paths = podPaths('/k', '/l');
  const log = silentLogger;
  const status = createStatusManager({ client: undefined, clock, log, mirrorOf: () => undefined, isStatic: () => false });
  const reasons = createReasonCache();
  const probes = createProbeManager({ runtime, clock, random, log, events, hostIp: () => '10.0.0.1', onChange: (uid) => workers.poke(uid) });
  const hooks = hookRunner(runtime, clock);
  const killer = containerKiller({ runtime, clock, hooks, events, log });
  const cgroups = { pathOf: () => '/kubepods/x', ensurePod: () => undefined, balance: () => undefined, removePod: () => undefined, listPods: () => [] } as unknown as PodCgroups;
  const images = createImageManager({ images: fake, clock, events, parallelMax: 1, secret: async () => undefined });
  const start = containerStarter({
    runtime, hooks, killer, events, random, paths, slots: createSlots(4), containerLogsDir: '', writeFiles: false,
    support: {
      ensureImage: images.ensure, environment: async () => new Map(), mounts: async () => [], devices: async () => [], security: () => ({ seccompDefault: false, seccompDir: '/s' }), memoryCapacityBytes: () => 2 ** 30,
    },
  });
  const syncer = podSyncer({
    runtime, runtimeName: 'fake', clock, log, events, cgroups, status, probes, killer, reasons, store, paths, volumeBackOff: createBackOff(clock), writeFiles: false,
    volumes: { mountPod: async () => [], unmountPod: async () => undefined, containerMounts: async () => [], extraGroups: () => [], removeOrphans: async () => undefined },
    hostIps: () => ['10.0.0.1'], imageIdOf: (container) => container.imageRef, networkFault: () => undefined, ensureMirror: async () => undefined, pendingResize: () => undefined,
    sync: {
      runtime, clock, log, events, probes, killer, start, backOff: createBackOff(clock), reasons, paths, slots: createSlots(4), writeFiles: false, runtimeHandlerOf: async () => '', updatePodCgroup: () => undefined, memoryCapacityBytes: () => 2 ** 30,
      sandboxConfigOf: (pod, attempt) => sandboxConfig(pod, { attempt, hostname: pod.metadata.name!, dns: { servers: [], searches: [], options: [] }, logDirectory: '/l', cgroupParent: '/kubepods/x' }),
    },
  });
  const workers = createPodWorkers({ syncer, clock, random, log, syncPeriodMs: 60_000 });
  fake.onChange = (id) => { const uid = fake.containers.get(id)?.status.labels[POD_UID_LABEL]; if (uid !== undefined) clock.setTimer(1, () => workers.poke(uid)); };
  const housekeeping = createHousekeeping({
    runtime, log, store, workers, status, cgroups, sourcesReady: () => true, removeOrphanedMirrors: async () => undefined, onForgotten: () => undefined, podLogsDir: '/l', containerLogsDir: '', writeFiles: false,
    volumes: { mountPod: async () => [], unmountPod: async () => undefined, containerMounts: async () => [], extraGroups: () => [], removeOrphans: async () => undefined },
    snapshot: async () => ({ sandboxes: await fake.listPodSandboxes(), containers: await fake.listContainers() }),
  });
  let seen = 0;
  return {
    clock, runtime: fake, workers, events: texts,
    housekeep: () => housekeeping.run(new AbortController().signal),
    stop: async () => { probes.stop(); await workers.stop(); },
    run: (pod) => { store.set(pod); workers.update(pod); },
    status: () => status.get('u1')!,
    id: (name) => [...fake.containers.values()].filter((container) => container.config.metadata.name === name).at(-1)!.status.id,
    calls: () => { const fresh = fake.calls.slice(seen).filter((call) => !call.startsWith('list')); seen = fake.calls.length; return fresh; },
  };
}
