/**
 * `RuntimeService` over CRI v1's gRPC. Turns wire messages into the contract's shapes; decides nothing.
 */
import descriptor from './cri-v1.json' with { type: 'json' };
import { isNotFound } from './contract.ts';
import type {
  ContainerStats, LinuxResources, NamespaceMode, RuntimeContainer, RuntimeContainerStatus, RuntimeFilter, RuntimeService, Sandbox, SandboxStatus,
} from './contract.ts';
import { grpcService, type UnaryCall } from './grpc-call.ts';

/** Upstream's `--runtime-request-timeout`. */
export const RUNTIME_TIMEOUT_MS = 120_000;
/** Creating a sandbox may pull its image and run CNI: twice the usual time, as upstream. */
const SANDBOX_TIMEOUT_MS = 2 * RUNTIME_TIMEOUT_MS;
/** Given to the runtime beyond the grace period, for the KILL and the clean-up. */
const STOP_EXTRA_MS = RUNTIME_TIMEOUT_MS;
/** Given to an exec beyond its own timeout, so that the runtime's answer arrives. */
const EXEC_EXTRA_MS = 5_000;

// Messages as their descriptor decodes them; the functions below give them types.
// oxlint-disable-next-line no-explicit-any
type Wire = Record<string, any>;

export function createRuntimeService(endpoint: string): RuntimeService & { close(): void } {
  const service = grpcService(descriptor, 'runtime.v1.RuntimeService', endpoint);
  return { ...sandboxCalls(service.call), ...containerCalls(service.call), ...execCalls(service.call), ...statusCalls(service.call), close: service.close };
}

function statusCalls(call: UnaryCall): Pick<RuntimeService, 'version' | 'status' | 'listContainerStats'> {
  return {
    version: (signal) => call('Version', { version: '0.1.0' }, RUNTIME_TIMEOUT_MS, signal),
    status: async (signal) => {
      const answer = await call<Wire>('Status', {}, RUNTIME_TIMEOUT_MS, signal);
      return {
        conditions: answer.status?.conditions ?? [],
        handlers: (answer.runtimeHandlers ?? []).map((handler: Wire) => ({
          name: handler.name,
          recursiveReadOnlyMounts: handler.features?.recursiveReadOnlyMounts === true,
          userNamespaces: handler.features?.userNamespaces === true,
        })),
        supplementalGroupsPolicy: answer.features?.supplementalGroupsPolicy === true,
      };
    },
    listContainerStats: async (filter, signal) => {
      const answer = await call<Wire>('ListContainerStats', { filter: statsFilter(filter) }, RUNTIME_TIMEOUT_MS, signal);
      return answer.stats.map(toStats);
    },
  };
}

function sandboxCalls(call: UnaryCall): Pick<RuntimeService, 'runPodSandbox' | 'stopPodSandbox' | 'removePodSandbox' | 'podSandboxStatus' | 'listPodSandboxes'> {
  return {
    runPodSandbox: async (config, runtimeHandler = '', signal) =>
      (await call<Wire>('RunPodSandbox', { config, runtimeHandler }, SANDBOX_TIMEOUT_MS, signal)).podSandboxId,
    stopPodSandbox: async (podSandboxId, signal) => { await call('StopPodSandbox', { podSandboxId }, RUNTIME_TIMEOUT_MS, signal).catch(ignoreNotFound); },
    removePodSandbox: async (podSandboxId, signal) => { await call('RemovePodSandbox', { podSandboxId }, RUNTIME_TIMEOUT_MS, signal).catch(ignoreNotFound); },
    podSandboxStatus: async (podSandboxId, verbose = false, signal) => {
      const answer = await call<Wire>('PodSandboxStatus', { podSandboxId, verbose }, RUNTIME_TIMEOUT_MS, signal);
      return toSandboxStatus(answer);
    },
    listPodSandboxes: async (filter, signal) => {
      const wire = filter === undefined ? {} : { filter: { id: filter.id ?? '', labelSelector: filter.labels ?? {} } };
      return (await call<Wire>('ListPodSandbox', wire, RUNTIME_TIMEOUT_MS, signal)).items.map(toSandbox);
    },
  };
}

type ContainerCalls = Pick<RuntimeService,
  'createContainer' | 'startContainer' | 'stopContainer' | 'removeContainer' | 'containerStatus' | 'listContainers' | 'updateContainerResources' | 'reopenContainerLog'>;

function containerCalls(call: UnaryCall): ContainerCalls {
  return {
    createContainer: async (podSandboxId, config, sandboxConfig, signal) =>
      (await call<Wire>('CreateContainer', { podSandboxId, config, sandboxConfig }, RUNTIME_TIMEOUT_MS, signal)).containerId,
    startContainer: async (containerId, signal) => { await call('StartContainer', { containerId }, RUNTIME_TIMEOUT_MS, signal); },
    stopContainer: async (containerId, gracePeriodSeconds, signal) => {
      await call('StopContainer', { containerId, timeout: gracePeriodSeconds }, STOP_EXTRA_MS + gracePeriodSeconds * 1000, signal).catch(ignoreNotFound);
    },
    removeContainer: async (containerId, signal) => { await call('RemoveContainer', { containerId }, RUNTIME_TIMEOUT_MS, signal).catch(ignoreNotFound); },
    containerStatus: async (containerId, signal) =>
      toContainerStatus((await call<Wire>('ContainerStatus', { containerId, verbose: false }, RUNTIME_TIMEOUT_MS, signal)).status),
    listContainers: async (filter, signal) => {
      const wire = filter === undefined ? {} : { filter: { id: filter.id ?? '', podSandboxId: filter.podSandboxId ?? '', labelSelector: filter.labels ?? {} } };
      return (await call<Wire>('ListContainers', wire, RUNTIME_TIMEOUT_MS, signal)).containers.map(toContainer);
    },
    updateContainerResources: async (containerId, linux, signal) => {
      await call('UpdateContainerResources', { containerId, linux }, RUNTIME_TIMEOUT_MS, signal);
    },
    reopenContainerLog: async (containerId, signal) => { await call('ReopenContainerLog', { containerId }, RUNTIME_TIMEOUT_MS, signal); },
  };
}

function execCalls(call: UnaryCall): Pick<RuntimeService, 'execSync' | 'exec' | 'attach' | 'portForward'> {
  return {
    execSync: (containerId, cmd, timeoutSeconds, signal) =>
      call('ExecSync', { containerId, cmd, timeout: timeoutSeconds }, timeoutSeconds === 0 ? 0 : timeoutSeconds * 1000 + EXEC_EXTRA_MS, signal),
    exec: async (containerId, cmd, streams, signal) => (await call<Wire>('Exec', { containerId, cmd, ...streams }, RUNTIME_TIMEOUT_MS, signal)).url,
    attach: async (containerId, streams, signal) => (await call<Wire>('Attach', { containerId, ...streams }, RUNTIME_TIMEOUT_MS, signal)).url,
    portForward: async (podSandboxId, port, signal) => (await call<Wire>('PortForward', { podSandboxId, port }, RUNTIME_TIMEOUT_MS, signal)).url,
  };
}

function statsFilter(filter?: RuntimeFilter): Wire | undefined {
  return filter === undefined ? undefined : { id: filter.id ?? '', podSandboxId: filter.podSandboxId ?? '', labelSelector: filter.labels ?? {} };
}

function toSandbox(wire: Wire): Sandbox {
  return {
    id: wire.id, metadata: wire.metadata, state: wire.state, createdAtMs: nanosToMs(wire.createdAt),
    labels: wire.labels ?? {}, annotations: wire.annotations ?? {}, runtimeHandler: wire.runtimeHandler ?? '',
  };
}

function toSandboxStatus(answer: Wire): SandboxStatus {
  const wire: Wire = answer.status;
  const ips: string[] = [wire.network?.ip, ...(wire.network?.additionalIps ?? []).map((entry: Wire) => entry.ip)].filter((ip) => ip !== undefined && ip !== '');
  const options = wire.linux?.namespaces?.options;
  return {
    ...toSandbox(wire), ips, info: answer.info ?? {},
    ...(isAbsent(options) ? {} : { network: options.network as NamespaceMode, pid: options.pid as NamespaceMode }),
  };
}

function toContainer(wire: Wire): RuntimeContainer {
  return {
    id: wire.id, podSandboxId: wire.podSandboxId, metadata: wire.metadata, image: wire.image?.image ?? '', imageRef: wire.imageRef,
    imageId: wire.imageId !== '' ? wire.imageId : wire.imageRef, state: wire.state, createdAtMs: nanosToMs(wire.createdAt),
    labels: wire.labels ?? {}, annotations: wire.annotations ?? {},
  };
}

function toContainerStatus(wire: Wire): RuntimeContainerStatus {
  const user = wire.user?.linux;
  const linux = wire.resources?.linux;
  return {
    id: wire.id, metadata: wire.metadata, state: wire.state,
    createdAtMs: nanosToMs(wire.createdAt), startedAtMs: nanosToMs(wire.startedAt), finishedAtMs: nanosToMs(wire.finishedAt),
    exitCode: wire.exitCode, image: wire.image?.image ?? '', imageRef: wire.imageRef, imageId: wire.imageId !== '' ? wire.imageId : wire.imageRef,
    reason: wire.reason, message: wire.message, labels: wire.labels ?? {}, annotations: wire.annotations ?? {},
    mounts: wire.mounts ?? [], logPath: wire.logPath,
    ...(isAbsent(linux) ? {} : { resources: toResources(linux) }),
    ...(isAbsent(user) ? {} : { user: { uid: Number(user.uid), gid: Number(user.gid), supplementalGroups: (user.supplementalGroups ?? []).map(Number) } }),
    ...(wire.stopSignal === undefined || wire.stopSignal === 'RUNTIME_DEFAULT' ? {} : { stopSignal: wire.stopSignal }),
  };
}

function toResources(wire: Wire): LinuxResources {
  return {
    cpuPeriod: Number(wire.cpuPeriod), cpuQuota: Number(wire.cpuQuota), cpuShares: Number(wire.cpuShares),
    memoryLimitInBytes: Number(wire.memoryLimitInBytes), oomScoreAdj: Number(wire.oomScoreAdj),
  };
}

function toStats(wire: Wire): ContainerStats {
  const value = (holder: Wire | null | undefined): number => Number(holder?.value ?? 0);
  return {
    id: wire.attributes?.id ?? '', labels: wire.attributes?.labels ?? {}, atMs: nanosToMs(wire.cpu?.timestamp ?? '0'),
    usageCoreNanoSeconds: value(wire.cpu?.usageCoreNanoSeconds), usageNanoCores: value(wire.cpu?.usageNanoCores),
    workingSetBytes: value(wire.memory?.workingSetBytes), usageBytes: value(wire.memory?.usageBytes), rssBytes: value(wire.memory?.rssBytes),
    pageFaults: value(wire.memory?.pageFaults), majorPageFaults: value(wire.memory?.majorPageFaults),
    writableLayerBytes: value(wire.writableLayer?.usedBytes), writableLayerInodes: value(wire.writableLayer?.inodesUsed),
  };
}

/** Stopping and removing are idempotent by the contract; older runtimes disagree. */
function ignoreNotFound(error: unknown): void {
  if (!isNotFound(error)) throw error;
}

/** Nanoseconds as a decimal string to milliseconds with a fraction; exact to about 0.2 µs. */
function nanosToMs(nanos: string): number {
  const value = BigInt(nanos === '' ? '0' : nanos);
  return value <= 0n ? 0 : Number(value / 1_000_000n) + Number(value % 1_000_000n) / 1e6;
}

/** Messages that were not sent decode as null. */
function isAbsent(message: unknown): boolean {
  return message === undefined || message === null;
}
