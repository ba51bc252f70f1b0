/**
 * A container runtime in memory, for tests of the kubelet: the same contract, time from the clock, "processes" that a test ends.
 *
 * It keeps containerd's visible behaviour (states, reasons, not-found, idempotent stop) and is held to it by
 * `runtime-contract.ts`. A container runs until `exit` is called, its image's behaviour ends it, or it is stopped.
 */
import type { Clock } from '#base/clock';
import {
  CriError, type ContainerConfig, type ExecResult, type ImageService, type RuntimeContainer, type RuntimeContainerStatus, type RuntimeFilter,
  type RuntimeImage, type RuntimeService, type Sandbox, type SandboxConfig, type SandboxStatus,
} from '../contract.ts';

interface FakeContainer { status: RuntimeContainerStatus; sandboxId: string; config: ContainerConfig }
interface FakeSandbox { status: SandboxStatus; config: SandboxConfig }

export interface FakeRuntime extends RuntimeService, ImageService {
  /** Ends a running container as its process would. */
  exit(containerId: string, exitCode: number, reason?: string): void;
  /** Names of the calls made, in order, `method:subject`. */
  readonly calls: string[];
  /** A call of that name fails with this error until cleared. */
  failures: Map<string, CriError>;
  /** What execSync answers, by command text. */
  onExec: (containerId: string, command: readonly string[]) => ExecResult | Promise<ExecResult>;
  /** Seconds that a container needs to end after TERM; beyond the grace period it is killed (137). */
  stopSeconds: number;
  readonly images: Map<string, RuntimeImage>;
  /** Images that can be pulled; others are not found. */
  readonly registry: Set<string>;
  readonly containers: ReadonlyMap<string, FakeContainer>;
  readonly sandboxes: ReadonlyMap<string, FakeSandbox>;
  /** Called after each change of a container. */
  onChange: (containerId: string) => void;
}

export function createFakeRuntime(clock: Clock): FakeRuntime {
  const sandboxes = new Map<string, FakeSandbox>();
  const containers = new Map<string, FakeContainer>();
  let sequence = 0;
  const nextId = (kind: string): string => `${kind}${String(++sequence).padStart(4, '0')}`;
  const enter = (method: string, subject: string): void => {
    fake.calls.push(`${method}:${subject}`);
    const failure = fake.failures.get(method);
    if (failure !== undefined) throw failure;
  };
  const sandboxOf = (id: string): FakeSandbox => sandboxes.get(id) ?? missing('pod sandbox', id);
  const containerOf = (id: string): FakeContainer => containers.get(id) ?? missing('container', id);
  const end = (container: FakeContainer, exitCode: number, reason: string): void => {
    if (container.status.state !== 'CONTAINER_RUNNING') return;
    Object.assign(container.status, { state: 'CONTAINER_EXITED', exitCode, reason, finishedAtMs: clock.now() });
    fake.onChange(container.status.id);
  };
  const fake: FakeRuntime = {
    calls: [], failures: new Map(), stopSeconds: 0, images: new Map(), registry: new Set(), containers, sandboxes,
    onChange: () => undefined,
    onExec: () => ({ stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), exitCode: 0 }),
    exit: (id, exitCode, reason) => end(containerOf(id), exitCode, reason ?? (exitCode === 0 ? 'Completed' : 'Error')),

    version: async () => ({ runtimeName: 'fake', runtimeVersion: '1.0', runtimeApiVersion: 'v1' }),
    status: async () => { enter('status', ''); return { conditions: [condition('RuntimeReady'), condition('NetworkReady')], handlers: [], supplementalGroupsPolicy: false }; },

    runPodSandbox: async (config, runtimeHandler = '') => {
      enter('runPodSandbox', config.metadata.name);
      const id = nextId('sandbox');
      const hostNetwork = config.linux.securityContext.namespaceOptions.network === 'NODE';
      sandboxes.set(id, { config, status: {
        id, metadata: config.metadata, state: 'SANDBOX_READY', createdAtMs: clock.now(), labels: config.labels, annotations: config.annotations, runtimeHandler,
        ips: hostNetwork ? [] : [`10.244.1.${sequence + 1}`], network: config.linux.securityContext.namespaceOptions.network, pid: config.linux.securityContext.namespaceOptions.pid, info: {},
      } });
      return id;
    },
    stopPodSandbox: async (id) => {
      enter('stopPodSandbox', id);
      const sandbox = sandboxes.get(id);
      if (sandbox === undefined) return;
      for (const container of containers.values()) if (container.sandboxId === id) end(container, 137, 'Error');
      sandbox.status.state = 'SANDBOX_NOTREADY';
      sandbox.status.ips = [];
      fake.onChange(id);
    },
    removePodSandbox: async (id) => {
      enter('removePodSandbox', id);
      for (const [containerId, container] of containers) if (container.sandboxId === id) containers.delete(containerId);
      sandboxes.delete(id);
      fake.onChange(id);
    },
    podSandboxStatus: async (id) => structuredClone(sandboxOf(id).status),
    listPodSandboxes: async (filter) => {
      enter('listPodSandboxes', '');
      return [...sandboxes.values()].map((sandbox) => structuredClone(sandbox.status) as Sandbox).filter((sandbox) => matches(sandbox.id, sandbox.labels, filter));
    },

    createContainer: async (sandboxId, config) => {
      enter('createContainer', config.metadata.name);
      sandboxOf(sandboxId);
      const image = findImage(fake.images, config.image.image);
      if (image === undefined) throw new CriError('not-found', `image "${config.image.image}": not found`);
      const id = nextId('container');
      containers.set(id, { sandboxId, config, status: {
        id, metadata: config.metadata, state: 'CONTAINER_CREATED', createdAtMs: clock.now(), startedAtMs: 0, finishedAtMs: 0, exitCode: 0,
        image: config.image.image, imageRef: image.id, imageId: image.id, reason: '', message: '', labels: config.labels, annotations: config.annotations,
        mounts: config.mounts.map((mount) => ({ containerPath: mount.containerPath, hostPath: mount.hostPath, readonly: mount.readonly ?? false })),
        logPath: `${sandboxOf(sandboxId).config.logDirectory}/${config.logPath}`, resources: config.linux.resources,
      } });
      fake.onChange(id);
      return id;
    },
    startContainer: async (id) => {
      const container = containerOf(id);
      enter('startContainer', container.config.metadata.name);
      Object.assign(container.status, { state: 'CONTAINER_RUNNING', startedAtMs: clock.now() });
      fake.onChange(id);
    },
    stopContainer: async (id, gracePeriodSeconds, signal) => {
      enter('stopContainer', `${containers.get(id)?.config.metadata.name ?? id}:${gracePeriodSeconds}`);
      const container = containers.get(id);
      if (container === undefined || container.status.state !== 'CONTAINER_RUNNING') return;
      const graceful = fake.stopSeconds <= gracePeriodSeconds;
      const waitMs = Math.min(fake.stopSeconds, gracePeriodSeconds) * 1000;
      if (waitMs > 0) await clock.sleep(waitMs, signal);
      end(container, graceful && gracePeriodSeconds > 0 ? 0 : 137, graceful && gracePeriodSeconds > 0 ? 'Completed' : 'Error');
    },
    removeContainer: async (id) => {
      enter('removeContainer', id);
      containers.delete(id);
      fake.onChange(id);
    },
    containerStatus: async (id) => structuredClone(containerOf(id).status),
    listContainers: async (filter) => [...containers.values()]
      .filter((container) => matches(container.status.id, container.status.labels, filter) && (filter?.podSandboxId === undefined || filter.podSandboxId === container.sandboxId))
      .map(toListed),
    updateContainerResources: async (id, resources) => {
      enter('updateContainerResources', id);
      const container = containerOf(id);
      container.status.resources = { ...container.status.resources, ...resources };
    },
    reopenContainerLog: async (id) => { enter('reopenContainerLog', id); containerOf(id); },
    execSync: async (id, command) => {
      enter('execSync', command.join(' '));
      if (containerOf(id).status.state !== 'CONTAINER_RUNNING') throw new CriError('unknown', `container ${id} is not running`);
      return fake.onExec(id, command);
    },
    exec: async (id) => `http://127.0.0.1:1/exec/${id}`,
    attach: async (id) => `http://127.0.0.1:1/attach/${id}`,
    portForward: async (id) => `http://127.0.0.1:1/portforward/${id}`,
    listContainerStats: async () => [],

    listImages: async () => [...new Set(fake.images.values())],
    imageStatus: async (image) => findImage(fake.images, image),
    pullImage: async (image) => {
      enter('pullImage', image);
      if (!fake.registry.has(image)) throw new CriError('not-found', `failed to resolve reference "${image}": ${image}: not found`);
      const made: RuntimeImage = { id: `sha256:${image}`, repoTags: [image], repoDigests: [`${image}@sha256:1`], sizeBytes: 1_000_000, username: '', pinned: false };
      fake.images.set(image, made);
      return made.id;
    },
    removeImage: async (image) => {
      enter('removeImage', image);
      const found = findImage(fake.images, image);
      for (const [key, value] of fake.images) if (value === found) fake.images.delete(key);
    },
    imageFilesystem: async () => [{ mountpoint: '/', usedBytes: 0, inodesUsed: 0 }],
  };
  return fake;
}

/** An image that needs no pull. */
export function fakeImage(name: string): RuntimeImage {
  return { id: `sha256:${name}`, repoTags: [name], repoDigests: [], sizeBytes: 1_000_000, username: '', pinned: false };
}

function findImage(images: ReadonlyMap<string, RuntimeImage>, name: string): RuntimeImage | undefined {
  return images.get(name) ?? [...images.values()].find((image) => image.id === name || image.repoTags.includes(name));
}

function toListed(container: FakeContainer): RuntimeContainer {
  const { id, metadata, image, imageRef, imageId, state, createdAtMs, labels, annotations } = container.status;
  return structuredClone({ id, podSandboxId: container.sandboxId, metadata, image, imageRef, imageId, state, createdAtMs, labels, annotations });
}

function matches(id: string, labels: Record<string, string>, filter?: RuntimeFilter): boolean {
  if (filter === undefined) return true;
  if (filter.id !== undefined && filter.id !== id) return false;
  return Object.entries(filter.labels ?? {}).every(([key, value]) => labels[key] === value);
}

function condition(type: string): { type: string; status: boolean; reason: string; message: string } {
  return { type, status: true, reason: '', message: '' };
}

function missing(kind: string, id: string): never {
  throw new CriError('not-found', `an error occurred when try to find ${kind} "${id}": not found`);
}
