/**
 * Requests and limits → what the kernel is told: cpu shares and quota, memory limit, out-of-memory score.
 *
 *     250m of CPU requested → 256 shares; limit 250m → quota 25 000 µs of each 100 000 µs
 */
import type { Container, Pod } from '#api/generated/core/v1';
import { podQos } from '#semantics/qos';
import type { LinuxResources } from '../cri/contract.ts';
import { bytes, milliCpu } from './amounts.ts';
import { isRestartableInit } from './container-list.ts';

export const CPU_PERIOD_US = 100_000;
const SHARES_MIN = 2;
const SHARES_MAX = 262_144;
const SHARES_PER_CPU = 1_024;
const QUOTA_US_MIN = 1_000;
const GUARANTEED_OOM_SCORE = -997;
const BEST_EFFORT_OOM_SCORE = 1_000;
/** Pods from this priority on (system-node-critical, static) are spared as guaranteed ones. */
const NODE_CRITICAL_PRIORITY = 2_000_001_000;

/** @param milliCpus thousandths of a CPU. */
export function cpuShares(milliCpus: number): number {
  return Math.min(SHARES_MAX, Math.max(SHARES_MIN, Math.floor((milliCpus * SHARES_PER_CPU) / 1000)));
}

/** 0: unlimited. */
export function cpuQuota(milliCpus: number): number {
  return milliCpus === 0 ? 0 : Math.max(QUOTA_US_MIN, Math.floor((milliCpus * CPU_PERIOD_US) / 1000));
}

export function containerResources(pod: Pod, container: Container, memoryCapacityBytes: number): LinuxResources {
  const { requests, limits } = container.resources ?? {};
  const cpuLimit = milliCpu(limits?.['cpu']);
  const cpuRequest = requests?.['cpu'] === undefined && limits?.['cpu'] !== undefined ? cpuLimit : milliCpu(requests?.['cpu']);
  const memoryLimit = bytes(limits?.['memory']);
  const resources: LinuxResources = { cpuShares: cpuShares(cpuRequest), oomScoreAdj: oomScore(pod, container, memoryCapacityBytes) };
  if (memoryLimit > 0) resources.memoryLimitInBytes = memoryLimit;
  if (cpuLimit > 0) Object.assign(resources, { cpuQuota: cpuQuota(cpuLimit), cpuPeriod: CPU_PERIOD_US });
  const pages = Object.entries(limits ?? {}).filter(([name]) => name.startsWith('hugepages-'));
  if (pages.length > 0) resources.hugepageLimits = pages.map(([name, quantity]) => ({ pageSize: pageSizeName(name.slice('hugepages-'.length)), limit: bytes(quantity) }));
  return resources;
}

/** `2Mi` → `2MB`: the kernel's word. */
function pageSizeName(size: string): string {
  return size.replace('i', 'B');
}

/** Burstable: the more of the node's memory a container asked for, the safer it is. */
function oomScore(pod: Pod, container: Container, memoryCapacityBytes: number): number {
  if ((pod.spec?.priority ?? 0) >= NODE_CRITICAL_PRIORITY) return GUARANTEED_OOM_SCORE;
  const qos = podQos(pod);
  if (qos === 'Guaranteed') return GUARANTEED_OOM_SCORE;
  if (qos === 'BestEffort') return BEST_EFFORT_OOM_SCORE;
  const own = burstableScore(container, memoryCapacityBytes);
  const isSidecar = isRestartableInit(container) && (pod.spec?.initContainers ?? []).some((init) => init.name === container.name);
  if (!isSidecar) return own;
  return Math.min(own, ...(pod.spec?.containers ?? []).map((main) => burstableScore(main, memoryCapacityBytes)));
}

function burstableScore(container: Container, memoryCapacityBytes: number): number {
  const request = bytes(container.resources?.requests?.['memory']);
  const score = 1000 - Math.floor((1000 * request) / Math.max(1, memoryCapacityBytes));
  if (score < 1000 + GUARANTEED_OOM_SCORE) return 1000 + GUARANTEED_OOM_SCORE;
  return score === BEST_EFFORT_OOM_SCORE ? score - 1 : score;
}
