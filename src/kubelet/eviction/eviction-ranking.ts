/**
 * Which pod goes first under pressure. Pure.
 *
 *     uses more than it requested → lower priority → the larger excess over its request
 */
import type { Pod } from '#api/generated/core/v1';
import { bytes, podAmounts } from '../translation/amounts.ts';

export interface PodUse { pod: Pod; memoryBytes: number; diskBytes: number; pids: number }

export type Starved = 'memory' | 'ephemeral-storage' | 'pids';

export function evictionOrder(pods: readonly PodUse[], starved: Starved): PodUse[] {
  const used = (entry: PodUse): number => (starved === 'memory' ? entry.memoryBytes : starved === 'pids' ? entry.pids : entry.diskBytes);
  const requested = (entry: PodUse): number => (starved === 'pids' ? 0 : bytes(podAmounts(entry.pod).requests[starved]));
  const excess = (entry: PodUse): number => used(entry) - requested(entry);
  const priority = (entry: PodUse): number => entry.pod.spec?.priority ?? 0;
  return [...pods].sort((a, b) => Number(excess(b) > 0) - Number(excess(a) > 0) || priority(a) - priority(b) || excess(b) - excess(a));
}
