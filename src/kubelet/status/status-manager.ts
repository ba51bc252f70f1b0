/**
 * Holds the newest status of each pod and writes it to the API; deletes pods from the API when nothing of them is left here.
 *
 * Invariant: a status is written only over the pod with the same uid; writes of one pod are serialised, the newest wins.
 * A terminal pod with a deletion timestamp is deleted (grace 0) only after the worker called `finish`.
 */
import { rfc3339, type Clock } from '#base/clock';
import type { Logger } from '#base/log';
import { pods, type ContainerStatus, type Pod, type PodCondition, type PodStatus } from '#api/generated/core/v1';
import type { Client } from '#client/client';
import { semanticEqual as deepEqual } from '#machinery/deep-equal';
import { isConflict, isNotFound } from '#machinery/status-error';
import { podKey } from '../runtime/pod-text.ts';
import { KUBELET_CONDITIONS } from './conditions.ts';

export interface StatusManager {
  get(uid: string): PodStatus | undefined;
  /** Keeps transition times of what did not change, then writes in the background. @returns what is kept. */
  set(pod: Pod, status: PodStatus): PodStatus;
  /** Nothing runs any more: every container that is not terminated is lost. */
  terminate(pod: Pod): void;
  /** The pod may vanish from the API: its node side is cleaned up. */
  finish(pod: Pod): void;
  /** Forgets pods that are not in the set. */
  retain(uids: ReadonlySet<string>): void;
  /** Writes again what the API shows differently. @param shown the mirror of a static pod. */
  reconcile(pod: Pod, shown?: Pod): void;
  stop(): Promise<void>;
}

export interface StatusManagerOptions {
  /** Undefined: standalone, nothing is written. */
  client: Client | undefined;
  clock: Clock;
  log: Logger;
  /** The pod that shows a static pod in the API. */
  mirrorOf(pod: Pod): Pod | undefined;
  isStatic(pod: Pod): boolean;
}

interface Entry { pod: Pod; status: PodStatus; version: number; writtenVersion: number; finished: boolean; writing: boolean; retryMs: number; writtenUid?: string }

const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 10_000;

export function createStatusManager(options: StatusManagerOptions): StatusManager {
  const { clock, log } = options;
  const entries = new Map<string, Entry>();
  const stop = new AbortController();
  const inFlight = new Set<Promise<void>>();

  function kick(entry: Entry): void {
    if (options.client === undefined || entry.writing || stop.signal.aborted) return;
    entry.writing = true;
    const work = writeUntilCurrent(entry).finally(() => { entry.writing = false; inFlight.delete(work); });
    inFlight.add(work);
  }

  async function writeUntilCurrent(entry: Entry): Promise<void> {
    while (!stop.signal.aborted && (entry.version > entry.writtenVersion || entry.finished)) {
      const version = entry.version;
      const finished = entry.finished;
      try {
        const gone = await writeOne(options, entry, stop.signal);
        entry.retryMs = RETRY_MS_MIN;
        entry.writtenVersion = Math.max(entry.writtenVersion, version);
        if (finished && gone) { entry.finished = false; return; }
        if (finished && !gone && entry.version === version) return;
      } catch (error) {
        if (stop.signal.aborted) return;
        log.debug('pod status was not written', { pod: podKey(entry.pod), error });
        await clock.sleep(entry.retryMs, stop.signal).catch(() => undefined);
        entry.retryMs = Math.min(RETRY_MS_MAX, entry.retryMs * 2);
      }
    }
  }

  const set: StatusManager['set'] = (pod, status) => {
    const uid = pod.metadata.uid!;
    const old = entries.get(uid);
    const kept = withTimes(status, old?.status ?? pod.status ?? {}, clock);
    if (old !== undefined && deepEqual(kept, old.status)) { old.pod = pod; if (old.finished) kick(old); return old.status; }
    const entry: Entry = old ?? { pod, status: kept, version: 0, writtenVersion: 0, finished: false, writing: false, retryMs: RETRY_MS_MIN };
    Object.assign(entry, { pod, status: kept, version: entry.version + 1 });
    entries.set(uid, entry);
    kick(entry);
    return kept;
  };

  return {
    get: (uid) => entries.get(uid)?.status,
    set,
    terminate: (pod) => { const entry = entries.get(pod.metadata.uid!); if (entry !== undefined) set(pod, allTerminated(pod, entry.status)); },
    finish: (pod) => {
      const entry = entries.get(pod.metadata.uid!);
      if (entry === undefined) return;
      entry.pod = pod;
      entry.finished = true;
      kick(entry);
    },
    retain: (uids) => { for (const uid of entries.keys()) if (!uids.has(uid)) entries.delete(uid); },
    reconcile: (pod, shown = pod) => {
      const entry = entries.get(pod.metadata.uid!);
      if (entry === undefined || entry.writing) return;
      entry.pod = pod;
      if (entry.finished || !sameForApi(entry.status, shown.status ?? {})) { entry.version++; kick(entry); }
    },
    stop: async () => { stop.abort(new Error('status manager stopped')); await Promise.all(inFlight); },
  };
}

/** @returns whether the pod is no longer in the API. */
async function writeOne(options: StatusManagerOptions, entry: Entry, signal: AbortSignal): Promise<boolean> {
  const target = options.isStatic(entry.pod) ? options.mirrorOf(entry.pod) : entry.pod;
  if (target === undefined) return true;
  const client = options.client!.for(pods, target.metadata.namespace);
  let current: Pod;
  try { current = await client.get(target.metadata.name!, { signal }); } catch (error) {
    if (isNotFound(error)) return true;
    throw error;
  }
  if (current.metadata.uid !== target.metadata.uid) return true;
  const merged = mergeForApi(current, entry.status);
  if (!deepEqual(merged, current.status)) {
    try {
      current = await client.patch(current.metadata.name!, 'application/strategic-merge-patch+json', statusPatch(current, merged), { subresource: 'status', signal });
    } catch (error) {
      if (isNotFound(error)) return true;
      if (isConflict(error)) return false;
      throw error;
    }
  }
  if (!entry.finished || current.metadata.deletionTimestamp === undefined || options.isStatic(entry.pod)) return false;
  try {
    await client.delete(current.metadata.name!, { gracePeriodSeconds: 0, preconditions: { uid: current.metadata.uid! }, signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  return true;
}

/** Conditions of others stay as the API has them. */
function mergeForApi(current: Pod, status: PodStatus): PodStatus {
  const others = (current.status?.conditions ?? []).filter((condition) => !KUBELET_CONDITIONS.has(condition.type) && condition.type !== 'DisruptionTarget');
  const own = (status.conditions ?? []).filter((condition) => KUBELET_CONDITIONS.has(condition.type) || condition.type === 'DisruptionTarget');
  const disruption = own.some((condition) => condition.type === 'DisruptionTarget') ? [] : (current.status?.conditions ?? []).filter((condition) => condition.type === 'DisruptionTarget');
  return { ...status, conditions: [...others, ...disruption, ...own] };
}

/** A strategic merge patch that makes the status what it should be; lists are replaced as wholes where their keys may go. */
function statusPatch(current: Pod, status: PodStatus): object {
  const removed = Object.fromEntries(Object.keys(current.status ?? {}).filter((key) => REMOVABLE.has(key) && !(key in status)).map((key) => [key, null]));
  const replaced = Object.fromEntries(REPLACED_LISTS.filter((key) => status[key] !== undefined).map((key) => [key, [...(status[key] as object[]), { $patch: 'replace' }]]));
  const wanted = new Set((status.conditions ?? []).map((condition) => condition.type));
  const gone = (current.status?.conditions ?? []).filter((condition) => !wanted.has(condition.type)).map((condition) => ({ type: condition.type, $patch: 'delete' }));
  const conditions = (status.conditions ?? []).map((condition) => ({ ...withoutText(current, condition.type), ...condition }));
  return { metadata: { uid: current.metadata.uid }, status: { ...status, ...replaced, conditions: [...conditions, ...gone], ...removed } };
}

/** Takes away what a condition said before: it merges into the one that the API has. */
function withoutText(current: Pod, type: string): { reason?: null; message?: null } {
  const before = current.status?.conditions?.find((condition) => condition.type === type);
  return { ...(before?.reason === undefined ? {} : { reason: null }), ...(before?.message === undefined ? {} : { message: null }) };
}

const REPLACED_LISTS = ['podIPs', 'hostIPs'] as const;
const REMOVABLE: ReadonlySet<string> = new Set(['reason', 'message', 'podIP', 'podIPs', 'ephemeralContainerStatuses', 'initContainerStatuses']);

function sameForApi(own: PodStatus, api: PodStatus): boolean {
  const relevant = (status: PodStatus): PodStatus => ({ ...status, conditions: (status.conditions ?? []).filter((condition) => KUBELET_CONDITIONS.has(condition.type)).sort((a, b) => (a.type < b.type ? -1 : 1)) });
  const a = relevant(own);
  const b = relevant(api);
  return Object.keys(a).every((key) => deepEqual(a[key as keyof PodStatus], b[key as keyof PodStatus]));
}

function withTimes(status: PodStatus, old: PodStatus, clock: Clock): PodStatus {
  const now = rfc3339(clock.now());
  const conditions = (status.conditions ?? []).map((condition): PodCondition => {
    const before = old.conditions?.find((entry) => entry.type === condition.type);
    return { lastProbeTime: null as unknown as string, ...condition, lastTransitionTime: before?.status === condition.status && before.lastTransitionTime !== undefined ? before.lastTransitionTime : now };
  }).map(({ lastProbeTime, ...rest }) => (lastProbeTime ? { lastProbeTime, ...rest } : rest));
  return { ...status, conditions, startTime: status.startTime ?? old.startTime ?? now };
}

const LOST = { exitCode: 137, reason: 'ContainerStatusUnknown', message: 'The container could not be located when the pod was terminated' };

function allTerminated(pod: Pod, status: PodStatus): PodStatus {
  const ended = (list: ContainerStatus[] | undefined): ContainerStatus[] | undefined => list?.map((entry) => {
    if (entry.state?.terminated !== undefined) return entry;
    // A container that waits after an earlier run shows how that run ended.
    if (entry.state?.waiting !== undefined && entry.lastState?.terminated !== undefined && pod.metadata.deletionTimestamp === undefined) return entry;
    return { ...entry, ready: false, started: false, state: { terminated: entry.lastState?.terminated !== undefined && entry.state?.waiting !== undefined ? entry.lastState.terminated : LOST } };
  });
  const regular = ended(status.containerStatuses);
  const init = ended(status.initContainerStatuses);
  const phase = status.phase === 'Succeeded' || status.phase === 'Failed' ? status.phase : regular?.every((entry) => entry.state?.terminated?.exitCode === 0) === true ? 'Succeeded' : 'Failed';
  return { ...status, phase, ...(regular === undefined ? {} : { containerStatuses: regular }), ...(init === undefined || status.initContainerStatuses === undefined ? {} : { initContainerStatuses: status.initContainerStatuses }) };
}
