/**
 * What the runtime knows of one pod: its sandboxes and containers, newest first. The truth that everything is decided from.
 *
 * Rebuilt from the runtime at any time (labels and annotations say what belongs where), so a restarted kubelet loses nothing.
 */
import { open } from 'node:fs/promises';
import { isNotFound, type LinuxResources, type RuntimeService, type Sandbox, type SandboxStatus } from '../cri/contract.ts';
import { CONTAINER_NAME_LABEL, POD_NAME_LABEL, POD_NAMESPACE_LABEL, POD_UID_LABEL, readContainerAnnotations, type ContainerRecord } from '../translation/labels.ts';
import type { RuntimeContainerStatus } from '../cri/contract.ts';
import { tailOfLog } from '../logs/tail.ts';

export type ContainerLifeState = 'created' | 'running' | 'exited' | 'unknown';

export interface ContainerState {
  id: string;
  name: string;
  sandboxId: string;
  state: ContainerLifeState;
  createdAtMs: number;
  startedAtMs: number;
  finishedAtMs: number;
  exitCode: number;
  reason: string;
  /** The termination message, or the runtime's. */
  message: string;
  image: string;
  imageRef: string;
  imageId: string;
  logPath: string;
  record: ContainerRecord;
  resources?: LinuxResources;
  user?: { uid: number; gid: number; supplementalGroups: number[] };
  stopSignal?: string;
}

export interface PodState {
  uid: string;
  name: string;
  namespace: string;
  /** Of the newest ready sandbox; empty on the host's network. */
  ips: string[];
  sandboxes: SandboxStatus[];
  containers: ContainerState[];
}

const LIFE: Readonly<Record<RuntimeContainerStatus['state'], ContainerLifeState>> = {
  CONTAINER_CREATED: 'created', CONTAINER_RUNNING: 'running', CONTAINER_EXITED: 'exited', CONTAINER_UNKNOWN: 'unknown',
};

export function emptyPodState(uid: string, name = '', namespace = ''): PodState {
  return { uid, name, namespace, ips: [], sandboxes: [], containers: [] };
}

/** The newest container of that name. */
export function findState(state: PodState, name: string): ContainerState | undefined {
  return state.containers.find((container) => container.name === name);
}

export function hasRunning(state: PodState): boolean {
  return state.containers.some((container) => container.state === 'running') || state.sandboxes.some((sandbox) => sandbox.state === 'SANDBOX_READY');
}

/** @throws CriError when the runtime does not answer. */
export async function readPodState(runtime: RuntimeService, uid: string, signal?: AbortSignal): Promise<PodState> {
  const [sandboxes, containers] = await Promise.all([
    runtime.listPodSandboxes({ labels: { [POD_UID_LABEL]: uid } }, signal), runtime.listContainers({ labels: { [POD_UID_LABEL]: uid } }, signal),
  ]);
  const statuses = (await Promise.all(sandboxes.map((sandbox) => unlessGone(runtime.podSandboxStatus(sandbox.id, false, signal)))))
    .filter((status) => status !== undefined).sort(newestFirst);
  const states = (await Promise.all(containers.map(async (container) => {
    const status = await unlessGone(runtime.containerStatus(container.id, signal));
    return status === undefined ? undefined : toState(status, container.podSandboxId);
  }))).filter((entry) => entry !== undefined).sort(newestFirst);
  const owner: Sandbox | undefined = statuses[0];
  const labels = owner?.labels ?? containers[0]?.labels ?? {};
  return {
    uid, name: owner?.metadata.name ?? labels[POD_NAME_LABEL] ?? '', namespace: owner?.metadata.namespace ?? labels[POD_NAMESPACE_LABEL] ?? '',
    ips: statuses.find((status) => status.state === 'SANDBOX_READY')?.ips ?? [], sandboxes: statuses, containers: states,
  };
}

function newestFirst(a: { createdAtMs: number }, b: { createdAtMs: number }): number {
  return b.createdAtMs - a.createdAtMs;
}

/** Something may vanish between the list and the question. */
async function unlessGone<T>(answer: Promise<T>): Promise<T | undefined> {
  try { return await answer; } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function toState(status: RuntimeContainerStatus, sandboxId: string): Promise<ContainerState> {
  const record = readContainerAnnotations(status.annotations);
  const { id, createdAtMs, startedAtMs, finishedAtMs, exitCode, reason, image, imageRef, imageId, logPath } = status;
  return {
    id, name: status.labels[CONTAINER_NAME_LABEL] ?? status.metadata.name, sandboxId, state: LIFE[status.state], createdAtMs, startedAtMs, finishedAtMs,
    exitCode, reason, image, imageRef, imageId, logPath, record,
    message: status.state === 'CONTAINER_EXITED' ? await terminationMessage(status, record) : status.message,
    ...(status.resources === undefined ? {} : { resources: status.resources }), ...(status.user === undefined ? {} : { user: status.user }),
    ...(status.stopSignal === undefined ? {} : { stopSignal: status.stopSignal }),
  };
}

const MESSAGE_BYTES_MAX = 4096;
const LOG_MESSAGE_BYTES_MAX = 2048;
const LOG_MESSAGE_LINES_MAX = 80;

/** The file that the container wrote; by policy, the end of its log after a failure. */
async function terminationMessage(status: RuntimeContainerStatus, record: ContainerRecord): Promise<string> {
  const path = status.mounts.find((mount) => mount.containerPath === record.terminationMessagePath)?.hostPath;
  const written = path === undefined ? '' : await readStart(path).catch((error: unknown) => `Error on reading termination log ${path}: ${String(error)}`);
  if (written !== '') return written;
  if (record.terminationMessagePolicy === 'FallbackToLogsOnError' && status.exitCode !== 0) {
    const tail = await tailOfLog(status.logPath, LOG_MESSAGE_LINES_MAX, LOG_MESSAGE_BYTES_MAX).catch(() => '');
    if (tail !== '') return tail;
  }
  return status.message;
}

async function readStart(path: string): Promise<string> {
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => { if (error.code === 'ENOENT') return undefined; throw error; });
  if (handle === undefined) return '';
  try {
    const buffer = Buffer.alloc(MESSAGE_BYTES_MAX);
    const { bytesRead } = await handle.read(buffer, 0, MESSAGE_BYTES_MAX, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}
