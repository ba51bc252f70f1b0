/** Sizes of runs: small by default, others by the environment (`KUBERNODE_OPERATIONS=1000000`), and the seed of chance. */
import type { TestContext } from 'node:test';
import { seededRandom, type Random } from '#base/random';

export function sizeOf(name: string, standard: number): number {
  const text = process.env[`KUBERNODE_${name}`];
  if (text === undefined) return standard;
  const size = Number(text);
  if (!Number.isSafeInteger(size) || size < 1) throw new Error(`KUBERNODE_${name}=${text} is no size`);
  return size;
}

/** `KUBERNODE_SEED` repeats a run. */
export function chance(t: TestContext): Random {
  const seed = Number(process.env['KUBERNODE_SEED'] ?? Math.floor(performance.timeOrigin) % 1_000_000);
  t.diagnostic(`seed ${seed}`);
  return seededRandom(seed);
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });
