/**
 * What happens when a pod comes, changes or goes: admission, granted resources, watched objects, the worker.
 *
 * Pods come from the API and from manifests; a mirror only leads to its static pod. A pod that is refused here is never given to a
 * worker until it is deleted.
 */
import type { Node, Pod } from '#api/generated/core/v1';
import { semanticEqual } from '#machinery/deep-equal';
import type { KubeletConfig } from '../config.ts';
import type { PressureKind } from '../node/node-object.ts';
import type { PodEvents } from '../runtime/pod-events.ts';
import { KUBELET_CONDITIONS } from '../status/conditions.ts';
import type { StatusManager } from '../status/status-manager.ts';
import { refusal } from './admission.ts';
import { resizeSummary, type Allocations } from './allocations.ts';
import { isMirrorPod, isStaticPod, type PodStore } from './pod-store.ts';
import type { PodWorkers } from './pod-workers.ts';

export interface PodIntake {
  add(pod: Pod): void;
  update(old: Pod, pod: Pod): void;
  /** Gone from the API: what still runs of it is ended. */
  remove(pod: Pod): void;
  /** All pods that the manifests describe now. */
  setStatic(pods: readonly Pod[]): void;
  /** Not ended, and not being ended for good. */
  activePods(): Pod[];
}

export interface PodIntakeOptions {
  config: KubeletConfig;
  store: PodStore;
  workers: PodWorkers;
  status: StatusManager;
  allocations: Allocations;
  events: PodEvents;
  allocatable(): Readonly<Record<string, string>>;
  pressures(): ReadonlySet<PressureKind>;
  node(): Node | undefined;
  /** Watches what the pod refers to. */
  registerObjects(pod: Pod): void;
  /** Something was left behind that can be cleaned up. */
  onRemoved(): void;
}

export function createPodIntake(options: PodIntakeOptions): PodIntake {
  const { store, workers, status, allocations, events } = options;

  const activePods = (): Pod[] => store.list().filter((pod) => {
    const phase = status.get(pod.metadata.uid!)?.phase ?? pod.status?.phase;
    return phase !== 'Succeeded' && phase !== 'Failed' && !workers.isFinished(pod.metadata.uid!);
  });
  /** Everyone else here, with what they were granted. */
  const othersThan = (pod: Pod): Pod[] => activePods().filter((other) => other.metadata.uid !== pod.metadata.uid).map(allocations.granted);

  function admit(pod: Pod): boolean {
    // What ran here before was admitted then.
    if (pod.status?.startTime !== undefined || pod.metadata.deletionTimestamp !== undefined || isStaticPod(pod)) return true;
    const fault = refusal(pod, {
      allocatable: options.allocatable(), others: othersThan(pod), pressures: options.pressures(), allowedUnsafeSysctls: options.config.allowedUnsafeSysctls, node: options.node(),
    });
    if (fault === undefined) return true;
    events.pod(pod, 'Warning', fault.reason, fault.message);
    status.set(pod, { ...pod.status, phase: 'Failed', reason: fault.reason, message: `Pod was rejected: ${fault.message}` });
    return false;
  }

  /** With the resources that are granted; a changed wish is looked at first. */
  function reviewed(pod: Pod): Pod {
    const before = allocations.pending(pod)?.reason;
    const verdict = allocations.review(pod, { allocatable: options.allocatable(), others: othersThan(pod) });
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

  function add(pod: Pod): void {
    store.set(pod);
    if (isMirrorPod(pod)) { followMirror(pod); return; }
    if (!admit(pod)) return;
    allocations.grantAll(pod);
    options.registerObjects(pod);
    workers.update(reviewed(pod));
  }

  return {
    add, activePods,
    update: (old, pod) => {
      store.set(pod);
      if (isMirrorPod(pod)) { followMirror(pod); return; }
      if (isOwnEcho(old, pod)) { status.reconcile(pod); return; }
      // Nothing is left to do for it here: a deletion can be confirmed at once.
      if (workers.isFinished(pod.metadata.uid!)) status.finish(pod);
      options.registerObjects(pod);
      workers.update(reviewed(pod));
    },
    remove: (pod) => {
      store.remove(pod);
      if (isMirrorPod(pod)) { followMirror(pod); return; }
      allocations.forget(pod.metadata.uid!);
      // What it leaves may be what another waits for.
      for (const other of store.list()) if (allocations.pending(other)?.reason === 'Deferred') workers.update(reviewed(other));
      workers.kill(pod).catch(() => undefined);
      options.onRemoved();
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
