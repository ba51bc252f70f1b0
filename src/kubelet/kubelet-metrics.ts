/**
 * The kubelet's metrics, declared in one place under upstream's names.
 */
import type { Clock } from '#base/clock';
import type { MetricsRegistry } from '#base/metrics';
import type { RuntimeService } from './cri/contract.ts';
import type { Snapshot } from './pleg/pleg.ts';

export interface KubeletMetrics {
  workerDone(phase: 'sync' | 'terminating' | 'terminated', seconds: number): void;
  podStarted(): void;
  podFailedToStart(): void;
  podRunningAfter(seconds: number): void;
  containerStarted(kind: 'container' | 'init_container' | 'ephemeral_container'): void;
  relisted(seconds: number, snapshot: Snapshot): void;
  evicted(signal: string): void;
  probed(kind: string, result: string, container: string, pod: string, namespace: string, uid: string): void;
}

const START_BUCKETS = [0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600];

export function kubeletMetrics(registry: MetricsRegistry, nodeName: string): KubeletMetrics {
  registry.gauge({ name: 'kubelet_node_name', help: "The node's name. The count is always 1.", labels: ['node'] }).set(1, [nodeName]);
  const worker = registry.histogram({ name: 'kubelet_pod_worker_duration_seconds', help: 'Duration in seconds to sync a single pod. Broken down by operation type: create, update, or sync', labels: ['operation_type'] });
  const startedPods = registry.counter({ name: 'kubelet_started_pods_total', help: 'Cumulative number of pods started' });
  const failedPods = registry.counter({ name: 'kubelet_started_pods_errors_total', help: 'Cumulative number of errors when starting pods' });
  const podStart = registry.histogram({ name: 'kubelet_pod_start_duration_seconds', help: 'Duration in seconds from kubelet seeing a pod for the first time to the pod starting to run', buckets: START_BUCKETS });
  const startedContainers = registry.counter({ name: 'kubelet_started_containers_total', help: 'Cumulative number of containers started', labels: ['container_type'] });
  const relist = registry.histogram({ name: 'kubelet_pleg_relist_duration_seconds', help: 'Duration in seconds for relisting pods in PLEG.' });
  const runningPods = registry.gauge({ name: 'kubelet_running_pods', help: 'Number of pods that have a running pod sandbox' });
  const runningContainers = registry.gauge({ name: 'kubelet_running_containers', help: 'Number of containers currently running', labels: ['container_state'] });
  const evictions = registry.counter({ name: 'kubelet_evictions', help: 'Cumulative number of pod evictions by eviction signal', labels: ['eviction_signal'] });
  const probes = registry.counter({ name: 'prober_probe_total', help: 'Cumulative number of a liveness, readiness or startup probe for a container by result.', labels: ['probe_type', 'result', 'container', 'pod', 'namespace', 'pod_uid'] });
  return {
    workerDone: (phase, seconds) => worker.observe(seconds, [phase]),
    podStarted: () => startedPods.inc(),
    podFailedToStart: () => failedPods.inc(),
    podRunningAfter: (seconds) => podStart.observe(seconds),
    containerStarted: (kind) => startedContainers.inc([kind]),
    relisted: (seconds, { sandboxes, containers }) => {
      relist.observe(seconds);
      runningPods.set(sandboxes.filter((sandbox) => sandbox.state === 'SANDBOX_READY').length);
      for (const state of ['created', 'running', 'exited', 'unknown']) {
        runningContainers.set(containers.filter((container) => container.state === `CONTAINER_${state.toUpperCase()}`).length, [state]);
      }
    },
    evicted: (signal) => evictions.inc([signal]),
    probed: (kind, result, container, pod, namespace, uid) => probes.inc([kind, result, container, pod, namespace, uid]),
  };
}

/** Counts and times every call of the runtime. */
export function instrumentedRuntime(runtime: RuntimeService, registry: MetricsRegistry, clock: Clock): RuntimeService {
  const labels = ['operation_type'];
  const total = registry.counter({ name: 'kubelet_runtime_operations_total', help: 'Cumulative number of runtime operations by operation type.', labels });
  const errors = registry.counter({ name: 'kubelet_runtime_operations_errors_total', help: 'Cumulative number of runtime operation errors by operation type.', labels });
  const duration = registry.histogram({ name: 'kubelet_runtime_operations_duration_seconds', help: 'Duration in seconds of runtime operations. Broken down by operation type.', labels });
  const wrap = (name: string, call: (...args: unknown[]) => Promise<unknown>) => {
    const operation = [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)];
    return (...args: unknown[]): Promise<unknown> => {
      const startedMs = clock.monotonicNow();
      total.inc(operation);
      return call(...args).then(
        (value) => { duration.observe((clock.monotonicNow() - startedMs) / 1000, operation); return value; },
        (error: unknown) => { errors.inc(operation); throw error; },
      );
    };
  };
  return Object.fromEntries(Object.entries(runtime).map(([name, value]) => [name, typeof value === 'function' && name !== 'close' ? wrap(name, value as (...args: unknown[]) => Promise<unknown>) : value])) as unknown as RuntimeService;
}
