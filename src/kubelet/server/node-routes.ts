/**
 * What the kubelet tells about itself and its pods: health, pods, metrics, statistics, configuration.
 */
import type { ServerResponse } from 'node:http';
import type { ComponentContext } from '#component/component';
import type { PodPipeline } from '../pod-pipeline.ts';
import type { KubeletConfig } from '../config.ts';
import type { RuntimeService } from '../cri/contract.ts';
import type { RuntimeHealth } from '../node/runtime-health.ts';
import { CONTAINER_NAME_LABEL, POD_UID_LABEL } from '../translation/labels.ts';
import { rfc3339 } from '#base/clock';
import { text } from './text-answer.ts';
import type { KubeletRoute } from './routes.ts';

export interface NodeRouteDeps extends ComponentContext {
  config: KubeletConfig;
  pipeline: PodPipeline;
  runtime: RuntimeService;
  health: RuntimeHealth;
}

export function nodeRoutes(deps: NodeRouteDeps): KubeletRoute[] {
  const read = (pattern: string, rights: readonly string[], handle: KubeletRoute['handle']): KubeletRoute => ({ methods: ['GET', 'HEAD'], pattern, rights, handle });
  const healthz: KubeletRoute['handle'] = async (_request, response) => {
    const fault = deps.health.runtimeFault();
    text(response, fault === undefined ? 200 : 500, fault === undefined ? 'ok' : `[-]runtime failed: ${fault}\n`);
  };
  return [
    read('/healthz', ['healthz', 'proxy'], healthz),
    read('/healthz/ping', ['healthz', 'proxy'], async (_request, response) => text(response, 200, 'ok')),
    read('/healthz/syncloop', ['healthz', 'proxy'], healthz),
    read('/pods', ['pods', 'proxy'], async (_request, response) => json(response, podList(deps))),
    read('/runningpods/', ['pods', 'proxy'], async (_request, response) => json(response, { ...podList(deps), items: podList(deps).items.filter((pod) => pod.status?.phase === 'Running') })),
    read('/configz', ['configz', 'proxy'], async (_request, response) => json(response, { kubeletconfig: { ...deps.config } })),
    read('/metrics', ['metrics'], async (_request, response) => text(response, 200, deps.metrics.text(), 'text/plain; version=0.0.4; charset=utf-8')),
    read('/metrics/resource', ['metrics'], async (request, response) => text(response, 200, await resourceMetrics(deps, request.signal), 'text/plain; version=0.0.4; charset=utf-8')),
    read('/stats/summary', ['stats'], async (request, response) => json(response, await summary(deps, request.signal))),
  ];
}

function podList(deps: NodeRouteDeps) {
  const items = deps.pipeline.store.list().map((pod) => {
    const status = deps.pipeline.status.get(pod.metadata.uid!);
    return status === undefined ? pod : { ...pod, status };
  });
  return { kind: 'PodList', apiVersion: 'v1', metadata: {}, items };
}

function json(response: ServerResponse, value: unknown): void {
  text(response, 200, JSON.stringify(value), 'application/json');
}

interface PodUsage { podRef: { name: string; namespace: string; uid: string }; containers: ContainerUsage[] }
interface ContainerUsage { name: string; time: string; cpuNanoCores: number; cpuNanoSeconds: number; workingSetBytes: number; usageBytes: number; rssBytes: number; diskBytes: number }

async function usageByPod(deps: NodeRouteDeps, signal: AbortSignal): Promise<PodUsage[]> {
  const stats = await deps.runtime.listContainerStats(undefined, signal);
  return deps.pipeline.store.list().map((pod) => ({
    podRef: { name: pod.metadata.name!, namespace: pod.metadata.namespace!, uid: pod.metadata.uid! },
    containers: stats.filter((entry) => entry.labels[POD_UID_LABEL] === pod.metadata.uid && entry.labels[CONTAINER_NAME_LABEL] !== undefined && entry.atMs > 0).map((entry) => ({
      name: entry.labels[CONTAINER_NAME_LABEL]!, time: rfc3339(entry.atMs), cpuNanoCores: entry.usageNanoCores, cpuNanoSeconds: entry.usageCoreNanoSeconds,
      workingSetBytes: entry.workingSetBytes, usageBytes: entry.usageBytes, rssBytes: entry.rssBytes, diskBytes: entry.writableLayerBytes,
    })),
  }));
}

const cpu = (time: string, cores: number, nanos: number) => ({ time, usageNanoCores: cores, usageCoreNanoSeconds: nanos });

async function summary(deps: NodeRouteDeps, signal: AbortSignal): Promise<unknown> {
  const pods = await usageByPod(deps, signal);
  const now = rfc3339(deps.clock.now());
  const sum = (containers: readonly ContainerUsage[], key: 'cpuNanoCores' | 'cpuNanoSeconds' | 'workingSetBytes' | 'usageBytes'): number => containers.reduce((total, entry) => total + entry[key], 0);
  const all = pods.flatMap((pod) => pod.containers);
  return {
    node: { nodeName: deps.config.nodeName, cpu: cpu(now, sum(all, 'cpuNanoCores'), sum(all, 'cpuNanoSeconds')), memory: { time: now, workingSetBytes: sum(all, 'workingSetBytes'), usageBytes: sum(all, 'usageBytes') } },
    pods: pods.map(({ podRef, containers }) => ({
      podRef, startTime: deps.pipeline.status.get(podRef.uid)?.startTime,
      containers: containers.map((entry) => ({
        name: entry.name, startTime: entry.time, cpu: cpu(entry.time, entry.cpuNanoCores, entry.cpuNanoSeconds),
        memory: { time: entry.time, workingSetBytes: entry.workingSetBytes, usageBytes: entry.usageBytes, rssBytes: entry.rssBytes }, rootfs: { time: entry.time, usedBytes: entry.diskBytes },
      })),
      cpu: cpu(now, sum(containers, 'cpuNanoCores'), sum(containers, 'cpuNanoSeconds')), memory: { time: now, workingSetBytes: sum(containers, 'workingSetBytes'), usageBytes: sum(containers, 'usageBytes') },
    })),
  };
}

async function resourceMetrics(deps: NodeRouteDeps, signal: AbortSignal): Promise<string> {
  const pods = await usageByPod(deps, signal);
  let out = '# HELP container_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the container in core-seconds\n# TYPE container_cpu_usage_seconds_total counter\n';
  const labels = (pod: PodUsage, name: string): string => `{container="${name}",namespace="${pod.podRef.namespace}",pod="${pod.podRef.name}"}`;
  for (const pod of pods) for (const entry of pod.containers) out += `container_cpu_usage_seconds_total${labels(pod, entry.name)} ${entry.cpuNanoSeconds / 1e9}\n`;
  out += '# HELP container_memory_working_set_bytes [STABLE] Current working set of the container in bytes\n# TYPE container_memory_working_set_bytes gauge\n';
  for (const pod of pods) for (const entry of pod.containers) out += `container_memory_working_set_bytes${labels(pod, entry.name)} ${entry.workingSetBytes}\n`;
  return out;
}
