/**
 * The cgroups of pods: `<root>/kubepods/[burstable|besteffort/]pod<uid>`, with limits from the pods' requests and limits.
 *
 * Invariant: a pod's sandbox starts only after its cgroup exists; the cgroup goes after its last container.
 */
import type { Pod } from '#api/generated/core/v1';
import { podQos } from '#semantics/qos';
import { bytes, milliCpu, podAmounts } from '../translation/amounts.ts';
import { CPU_PERIOD_US, cpuQuota, cpuShares } from '../translation/container-resources.ts';
import type { CgroupHierarchies, CgroupLimits, CgroupUsage } from './hierarchies.ts';

const POD_PREFIX = 'pod';
const BEST_EFFORT_SHARES = 2;

export interface PodCgroups {
  /** What the runtime is given as `cgroup_parent`. */
  pathOf(pod: Pod): string;
  /** Makes the node's own groups. @param capacity of what pods may use together. */
  start(capacity: { milliCpus: number; memoryBytes: number }): void;
  ensurePod(pod: Pod): void;
  updatePod(pod: Pod): void;
  /** Weights the burstable group by what its pods requested together. */
  balance(pods: readonly Pod[]): void;
  removePod(uid: string): void;
  /** Uids of pods that have a cgroup. */
  listPods(): string[];
  processesOf(uid: string): number[];
  podUsage(uid: string): CgroupUsage | undefined;
  podsUsage(): CgroupUsage | undefined;
}

export function podCgroups(hierarchies: CgroupHierarchies, options: { cgroupRoot: string; podPidsLimit: number }): PodCgroups {
  const kubepods = `${options.cgroupRoot === '/' ? '' : options.cgroupRoot}/kubepods`;
  const classes = [kubepods, `${kubepods}/burstable`, `${kubepods}/besteffort`];
  const classOf = (pod: Pod): string => {
    const qos = podQos(pod);
    return qos === 'Guaranteed' ? kubepods : `${kubepods}/${qos.toLowerCase()}`;
  };
  const pathOf = (pod: Pod): string => `${classOf(pod)}/${POD_PREFIX}${pod.metadata.uid}`;
  const limitsOf = (pod: Pod): CgroupLimits => ({ ...podLimits(pod), ...(options.podPidsLimit > 0 ? { pids: options.podPidsLimit } : {}) });
  const pathsOfUid = (uid: string): string[] => classes.map((name) => `${name}/${POD_PREFIX}${uid}`).filter((path) => hierarchies.exists(path));
  return {
    pathOf,
    start: (capacity) => {
      hierarchies.ensure(kubepods, { cpuShares: cpuShares(capacity.milliCpus), memoryBytes: capacity.memoryBytes });
      hierarchies.ensure(classes[1]!, {});
      hierarchies.ensure(classes[2]!, { cpuShares: BEST_EFFORT_SHARES });
    },
    ensurePod: (pod) => { if (!hierarchies.exists(pathOf(pod))) hierarchies.ensure(pathOf(pod), limitsOf(pod)); },
    updatePod: (pod) => hierarchies.ensure(pathOf(pod), limitsOf(pod)),
    balance: (pods) => {
      const requested = pods.filter((pod) => podQos(pod) === 'Burstable').reduce((sum, pod) => sum + milliCpu(podAmounts(pod).requests['cpu']), 0);
      hierarchies.setLimits(classes[1]!, { cpuShares: cpuShares(requested) });
    },
    removePod: (uid) => { for (const path of pathsOfUid(uid)) hierarchies.remove(path); },
    listPods: () => [...new Set(classes.flatMap((path) => hierarchies.children(path)).filter((name) => name.startsWith(POD_PREFIX)).map((name) => name.slice(POD_PREFIX.length)))],
    processesOf: (uid) => pathsOfUid(uid).flatMap((path) => hierarchies.processes(path)),
    podUsage: (uid) => pathsOfUid(uid).map((path) => hierarchies.usage(path)).find((usage) => usage !== undefined),
    podsUsage: () => hierarchies.usage(kubepods),
  };
}

/** A limit holds for the pod as a whole only when each of its containers has one. */
function podLimits(pod: Pod): CgroupLimits {
  const qos = podQos(pod);
  if (qos === 'BestEffort') return { cpuShares: BEST_EFFORT_SHARES };
  const { requests, limits } = podAmounts(pod);
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const podLevel = pod.spec?.resources?.limits ?? {};
  const declared = (name: string): boolean => podLevel[name] !== undefined || containers.every((container) => container.resources?.limits?.[name] !== undefined);
  const cpuLimit = milliCpu(limits['cpu']);
  const memoryLimit = bytes(limits['memory']);
  const requested = requests['cpu'] === undefined && cpuLimit > 0 ? cpuLimit : milliCpu(requests['cpu']);
  return {
    cpuShares: cpuShares(requested),
    ...(declared('cpu') && cpuLimit > 0 ? { cpuQuotaUs: cpuQuota(cpuLimit), cpuPeriodUs: CPU_PERIOD_US } : {}),
    ...(declared('memory') && memoryLimit > 0 ? { memoryBytes: memoryLimit } : {}),
  };
}
