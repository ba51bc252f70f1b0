/**
 * What the kubelet asks of a container runtime: CRI v1 as typed functions.
 *
 * The only door to the runtime. Names are CRI's, camel-cased; 64-bit integers are decimal strings or numbers on the way in and
 * numbers on the way out; times are epoch milliseconds with a fraction (0: never). Every function rejects with `CriError`.
 */

export interface SandboxMetadata { name: string; uid: string; namespace: string; attempt: number }
export interface ContainerMetadata { name: string; attempt: number }
export type NamespaceMode = 'POD' | 'CONTAINER' | 'NODE' | 'TARGET';
export interface NamespaceOptions { network: NamespaceMode; pid: NamespaceMode; ipc: NamespaceMode; targetId?: string }
export interface SecurityProfile { profileType: 'RuntimeDefault' | 'Unconfined' | 'Localhost'; localhostRef?: string }
export interface SelinuxOption { user?: string; role?: string; type?: string; level?: string }
export interface Int64Value { value: number | string }

export interface DnsConfig { servers: string[]; searches: string[]; options: string[] }
export interface PortMapping { protocol: 'TCP' | 'UDP' | 'SCTP'; containerPort: number; hostPort: number; hostIp: string }

export interface SandboxSecurityContext {
  namespaceOptions: NamespaceOptions;
  selinuxOptions?: SelinuxOption;
  runAsUser?: Int64Value;
  runAsGroup?: Int64Value;
  readonlyRootfs?: boolean;
  supplementalGroups?: number[];
  supplementalGroupsPolicy?: 'Merge' | 'Strict';
  privileged?: boolean;
  seccomp?: SecurityProfile;
  apparmor?: SecurityProfile;
}

export interface LinuxResources {
  cpuPeriod?: number;
  cpuQuota?: number;
  cpuShares?: number;
  memoryLimitInBytes?: number;
  memorySwapLimitInBytes?: number;
  oomScoreAdj?: number;
  cpusetCpus?: string;
  cpusetMems?: string;
  hugepageLimits?: { pageSize: string; limit: number }[];
  unified?: Record<string, string>;
}

export interface SandboxConfig {
  metadata: SandboxMetadata;
  hostname: string;
  logDirectory: string;
  dnsConfig?: DnsConfig;
  portMappings: PortMapping[];
  labels: Record<string, string>;
  annotations: Record<string, string>;
  linux: {
    cgroupParent: string;
    securityContext: SandboxSecurityContext;
    sysctls: Record<string, string>;
    overhead?: LinuxResources;
    resources?: LinuxResources;
  };
}

export type MountPropagation = 'PROPAGATION_PRIVATE' | 'PROPAGATION_HOST_TO_CONTAINER' | 'PROPAGATION_BIDIRECTIONAL';
export interface ImageSpec { image: string; annotations?: Record<string, string>; userSpecifiedImage?: string }

export interface Mount {
  containerPath: string;
  hostPath: string;
  readonly?: boolean;
  selinuxRelabel?: boolean;
  propagation?: MountPropagation;
  recursiveReadOnly?: boolean;
  image?: ImageSpec;
  imageSubPath?: string;
}

export interface ContainerSecurityContext {
  capabilities?: { addCapabilities: string[]; dropCapabilities: string[] };
  privileged: boolean;
  namespaceOptions: NamespaceOptions;
  selinuxOptions?: SelinuxOption;
  runAsUser?: Int64Value;
  runAsGroup?: Int64Value;
  runAsUsername?: string;
  readonlyRootfs: boolean;
  supplementalGroups: number[];
  supplementalGroupsPolicy?: 'Merge' | 'Strict';
  noNewPrivs: boolean;
  maskedPaths: readonly string[];
  readonlyPaths: readonly string[];
  seccomp?: SecurityProfile;
  apparmor?: SecurityProfile;
}

export interface ContainerConfig {
  metadata: ContainerMetadata;
  image: ImageSpec;
  command: string[];
  args: string[];
  workingDir: string;
  /** Values are bytes on the wire. */
  envs: { key: string; value: Buffer }[];
  mounts: Mount[];
  devices: { containerPath: string; hostPath: string; permissions: string }[];
  labels: Record<string, string>;
  annotations: Record<string, string>;
  logPath: string;
  stdin: boolean;
  stdinOnce: boolean;
  tty: boolean;
  /** CRI's name, such as SIGTERM; absent: the image's. */
  stopSignal?: string;
  linux: { resources: LinuxResources; securityContext: ContainerSecurityContext };
}

export type SandboxState = 'SANDBOX_READY' | 'SANDBOX_NOTREADY';
export interface Sandbox {
  id: string;
  metadata: SandboxMetadata;
  state: SandboxState;
  createdAtMs: number;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  runtimeHandler: string;
}

export interface SandboxStatus extends Sandbox {
  /** Empty for a pod on the host's network. */
  ips: string[];
  network?: NamespaceMode;
  pid?: NamespaceMode;
  /** Verbose facts of the runtime; containerd: `info` holds JSON with pid and netns. */
  info: Record<string, string>;
}

export type ContainerRuntimeState = 'CONTAINER_CREATED' | 'CONTAINER_RUNNING' | 'CONTAINER_EXITED' | 'CONTAINER_UNKNOWN';
export interface RuntimeContainer {
  id: string;
  podSandboxId: string;
  metadata: ContainerMetadata;
  image: string;
  imageRef: string;
  imageId: string;
  state: ContainerRuntimeState;
  createdAtMs: number;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

export interface RuntimeContainerStatus {
  id: string;
  metadata: ContainerMetadata;
  state: ContainerRuntimeState;
  createdAtMs: number;
  startedAtMs: number;
  finishedAtMs: number;
  exitCode: number;
  image: string;
  imageRef: string;
  imageId: string;
  reason: string;
  message: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  mounts: { containerPath: string; hostPath: string; readonly: boolean }[];
  logPath: string;
  resources?: LinuxResources;
  user?: { uid: number; gid: number; supplementalGroups: number[] };
  stopSignal?: string;
}

export interface ContainerStats {
  id: string;
  labels: Record<string, string>;
  atMs: number;
  usageCoreNanoSeconds: number;
  usageNanoCores: number;
  workingSetBytes: number;
  usageBytes: number;
  rssBytes: number;
  pageFaults: number;
  majorPageFaults: number;
  writableLayerBytes: number;
  writableLayerInodes: number;
}

export interface ExecResult { stdout: Buffer; stderr: Buffer; exitCode: number }
export interface RuntimeVersion { runtimeName: string; runtimeVersion: string; runtimeApiVersion: string }
export interface RuntimeCondition { type: string; status: boolean; reason: string; message: string }
export interface RuntimeStatus {
  conditions: RuntimeCondition[];
  handlers: { name: string; recursiveReadOnlyMounts: boolean; userNamespaces: boolean }[];
  supplementalGroupsPolicy: boolean;
}

/** Labels that must all match; absent: everything. */
export interface RuntimeFilter { id?: string; podSandboxId?: string; labels?: Record<string, string> }

export interface RuntimeService {
  version(signal?: AbortSignal): Promise<RuntimeVersion>;
  status(signal?: AbortSignal): Promise<RuntimeStatus>;

  /** @returns the sandbox id. May take minutes when the sandbox image must be pulled. */
  runPodSandbox(config: SandboxConfig, runtimeHandler?: string, signal?: AbortSignal): Promise<string>;
  /** Kills what runs in it and frees its network; idempotent. */
  stopPodSandbox(id: string, signal?: AbortSignal): Promise<void>;
  removePodSandbox(id: string, signal?: AbortSignal): Promise<void>;
  podSandboxStatus(id: string, verbose?: boolean, signal?: AbortSignal): Promise<SandboxStatus>;
  listPodSandboxes(filter?: RuntimeFilter, signal?: AbortSignal): Promise<Sandbox[]>;

  createContainer(sandboxId: string, config: ContainerConfig, sandboxConfig: SandboxConfig, signal?: AbortSignal): Promise<string>;
  startContainer(id: string, signal?: AbortSignal): Promise<void>;
  /** TERM, then KILL after the grace period; idempotent. Returns when the container has ended. */
  stopContainer(id: string, gracePeriodSeconds: number, signal?: AbortSignal): Promise<void>;
  removeContainer(id: string, signal?: AbortSignal): Promise<void>;
  containerStatus(id: string, signal?: AbortSignal): Promise<RuntimeContainerStatus>;
  listContainers(filter?: RuntimeFilter, signal?: AbortSignal): Promise<RuntimeContainer[]>;
  updateContainerResources(id: string, resources: LinuxResources, signal?: AbortSignal): Promise<void>;
  reopenContainerLog(id: string, signal?: AbortSignal): Promise<void>;

  /** @param timeoutSeconds 0: none. A timeout rejects with code `deadline-exceeded`. */
  execSync(id: string, command: readonly string[], timeoutSeconds: number, signal?: AbortSignal): Promise<ExecResult>;
  /** The three streaming calls return a single-use URL of the runtime's own streaming server. */
  exec(id: string, command: readonly string[], streams: StreamOptions, signal?: AbortSignal): Promise<string>;
  attach(id: string, streams: StreamOptions, signal?: AbortSignal): Promise<string>;
  portForward(sandboxId: string, ports: readonly number[], signal?: AbortSignal): Promise<string>;

  listContainerStats(filter?: RuntimeFilter, signal?: AbortSignal): Promise<ContainerStats[]>;
}

export interface StreamOptions { tty: boolean; stdin: boolean; stdout: boolean; stderr: boolean }

export interface AuthConfig { username?: string; password?: string; auth?: string; serverAddress?: string; identityToken?: string; registryToken?: string }

export interface RuntimeImage {
  id: string;
  repoTags: string[];
  repoDigests: string[];
  sizeBytes: number;
  /** Numeric USER of the image. */
  uid?: number;
  /** Named USER of the image. */
  username: string;
  pinned: boolean;
}

export interface FilesystemUsage { mountpoint: string; usedBytes: number; inodesUsed: number }

export interface ImageService {
  listImages(signal?: AbortSignal): Promise<RuntimeImage[]>;
  /** Undefined when the image is not there. */
  imageStatus(image: string, signal?: AbortSignal): Promise<RuntimeImage | undefined>;
  /** @returns the reference to start containers with. */
  pullImage(image: string, auth: AuthConfig | undefined, sandboxConfig?: SandboxConfig, signal?: AbortSignal): Promise<string>;
  removeImage(image: string, signal?: AbortSignal): Promise<void>;
  imageFilesystem(signal?: AbortSignal): Promise<FilesystemUsage[]>;
}

export type CriErrorCode = 'not-found' | 'already-exists' | 'deadline-exceeded' | 'unavailable' | 'unimplemented' | 'invalid-argument' | 'unknown';

/** What the runtime (or the way to it) answered instead of a result. The message is the runtime's own. */
export class CriError extends Error {
  readonly code: CriErrorCode;
  constructor(code: CriErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'CriError';
    this.code = code;
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof CriError && error.code === 'not-found';
}
