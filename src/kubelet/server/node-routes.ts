/**
 * What the kubelet tells about itself and its pods: health, pods, metrics, statistics, configuration.
 */
import type { ServerResponse } from 'node:http';
import type { ComponentContext } from '#component/component';
import type { PodPipeline } from '../pod-pipeline.ts';
import type { KubeletConfig } from '../config.ts';
import type { RuntimeService } from '../cri/contract.ts';
import type { NodeAgent } from '../node-agent.ts';
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
  agent: Pick<NodeAgent, 'usage'>;
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
interface ContainerUsage { name: string; time: string; cpuNanoCores: number; cpuNanoSeconds: number; workingSetBytes: number; usageBytes: number; rssBytes: number; diskBytes: number; startedAtMs: number }

async function usageByPod(deps: NodeRouteDeps, signal: AbortSignal): Promise<PodUsage[]> {
  const stats = await deps.runtime.listContainerStats(undefined, signal);
  return deps.pipeline.store.list().map((pod) => ({
    podRef: { name: pod.metadata.name!, namespace: pod.metadata.namespace!, uid: pod.metadata.uid! },
    containers: stats.filter((entry) => entry.labels[POD_UID_LABEL] === pod.metadata.uid && entry.labels[CONTAINER_NAME_LABEL] !== undefined && entry.atMs > 0).map((entry) => ({
      name: entry.labels[CONTAINER_NAME_LABEL]!, time: rfc3339(entry.atMs), cpuNanoCores: entry.usageNanoCores, cpuNanoSeconds: entry.usageCoreNanoSeconds,
      workingSetBytes: entry.workingSetBytes, usageBytes: entry.usageBytes, rssBytes: entry.rssBytes, diskBytes: entry.writableLayerBytes,
      startedAtMs: startOf(deps, pod.metadata.uid!, entry.labels[CONTAINER_NAME_LABEL]!),
    })),
  }));
}

function startOf(deps: NodeRouteDeps, uid: string, container: string): number {
  const status = deps.pipeline.status.get(uid);
  const found = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].find((entry) => entry.name === container);
  return Date.parse(found?.state?.running?.startedAt ?? '') || 0;
}

const cpu = (time: string, cores: number, nanos: number) => ({ time, usageNanoCores: cores, usageCoreNanoSeconds: nanos });

async function summary(deps: NodeRouteDeps, signal: AbortSignal): Promise<unknown> {
  const pods = await usageByPod(deps, signal);
  const now = rfc3339(deps.clock.now());
  const sum = (containers: readonly ContainerUsage[], key: 'cpuNanoCores' | 'cpuNanoSeconds' | 'workingSetBytes' | 'usageBytes'): number => containers.reduce((total, entry) => total + entry[key], 0);
  const all = pods.flatMap((pod) => pod.containers);
  const node = deps.agent.usage();
  return {
    node: {
      nodeName: deps.config.nodeName, cpu: cpu(now, sum(all, 'cpuNanoCores'), node?.cpuNanos ?? sum(all, 'cpuNanoSeconds')),
      memory: { time: now, workingSetBytes: node?.workingSetBytes ?? sum(all, 'workingSetBytes'), usageBytes: node?.memoryBytes ?? sum(all, 'usageBytes') },
    },
    pods: pods.map(({ podRef, containers }) => ({
      podRef, startTime: deps.pipeline.status.get(podRef.uid)?.startTime,
      containers: containers.map((entry) => ({
        name: entry.name, startTime: rfc3339(entry.startedAtMs), cpu: cpu(entry.time, entry.cpuNanoCores, entry.cpuNanoSeconds),
        memory: { time: entry.time, workingSetBytes: entry.workingSetBytes, usageBytes: entry.usageBytes, rssBytes: entry.rssBytes }, rootfs: { time: entry.time, usedBytes: entry.diskBytes },
      })),
      cpu: cpu(now, sum(containers, 'cpuNanoCores'), sum(containers, 'cpuNanoSeconds')), memory: { time: now, workingSetBytes: sum(containers, 'workingSetBytes'), usageBytes: sum(containers, 'usageBytes') },
    })),
  };
}

/** What metrics-server reads. */
async function resourceMetrics(deps: NodeRouteDeps, signal: AbortSignal): Promise<string> {
  const pods = await usageByPod(deps, signal);
  const node = deps.agent.usage();
  const family = (name: string, type: string, help: string, lines: readonly string[]): string => (lines.length === 0 ? '' : `# HELP ${name} [STABLE] ${help}\n# TYPE ${name} ${type}\n${lines.map((line) => `${name}${line}\n`).join('')}`);
  const ofContainers = (value: (entry: ContainerUsage) => number): string[] => pods.flatMap((pod) => pod.containers.map((entry) => `{container="${entry.name}",namespace="${pod.podRef.namespace}",pod="${pod.podRef.name}"} ${value(entry)}`));
  const ofPods = (value: (entry: ContainerUsage) => number): string[] => pods.map((pod) => `{namespace="${pod.podRef.namespace}",pod="${pod.podRef.name}"} ${pod.containers.reduce((sum, entry) => sum + value(entry), 0)}`);
  return [
    family('container_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the container in core-seconds', ofContainers((entry) => entry.cpuNanoSeconds / 1e9)),
    family('container_memory_working_set_bytes', 'gauge', 'Current working set of the container in bytes', ofContainers((entry) => entry.workingSetBytes)),
    family('container_start_time_seconds', 'gauge', 'Start time of the container since unix epoch in seconds', ofContainers((entry) => entry.startedAtMs / 1000)),
    family('node_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the node in core-seconds', node === undefined ? [] : [` ${node.cpuNanos / 1e9}`]),
    family('node_memory_working_set_bytes', 'gauge', 'Current working set of the node in bytes', node === undefined ? [] : [` ${node.workingSetBytes}`]),
    family('pod_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the pod in core-seconds', ofPods((entry) => entry.cpuNanoSeconds / 1e9)),
    family('pod_memory_working_set_bytes', 'gauge', 'Current working set of the pod in bytes', ofPods((entry) => entry.workingSetBytes)),
    family('resource_scrape_error', 'gauge', '1 if there was an error while getting container metrics, 0 otherwise', [' 0']),
  ].join('');
}
