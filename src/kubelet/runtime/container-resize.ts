/**
 * Whether a running container's limits differ from what its pod was granted, and what it takes to change them. Pure.
 */
import type { Container, Pod } from '#api/generated/core/v1';
import type { LinuxResources } from '../cri/contract.ts';
import { containerResources } from '../translation/container-resources.ts';
import type { ContainerState } from './pod-state.ts';

export interface Resize { update: LinuxResources; /** Some changed resource wants a new container. */ restart: boolean }

/** Undefined: nothing to do, or the runtime does not say what it enforces. */
export function containerResize(pod: Pod, container: Container, state: ContainerState, memoryCapacityBytes: number): Resize | undefined {
  const actual = state.resources;
  if (state.state !== 'running' || actual === undefined || (actual.cpuShares ?? 0) === 0) return undefined;
  const { oomScoreAdj: _score, hugepageLimits: _pages, ...wanted } = containerResources(pod, container, memoryCapacityBytes);
  const cpuChanged = wanted.cpuShares !== actual.cpuShares || (wanted.cpuQuota ?? 0) !== Math.max(0, actual.cpuQuota ?? 0);
  const memoryChanged = (wanted.memoryLimitInBytes ?? 0) !== Math.max(0, actual.memoryLimitInBytes ?? 0);
  if (!cpuChanged && !memoryChanged) return undefined;
  const policy = (name: string): string => container.resizePolicy?.find((entry) => entry.resourceName === name)?.restartPolicy ?? 'NotRequired';
  return {
    restart: (cpuChanged && policy('cpu') === 'RestartContainer') || (memoryChanged && policy('memory') === 'RestartContainer'),
    // An absent limit must be said: zero keeps the old one.
    update: { ...wanted, ...(wanted.cpuQuota === undefined ? { cpuQuota: -1, cpuPeriod: 100_000 } : {}), ...(wanted.memoryLimitInBytes === undefined && memoryChanged ? { memoryLimitInBytes: -1 } : {}) },
  };
}
