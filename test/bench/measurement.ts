/**
 * What a benchmark measures and how it is compared: rounds of ours and the peer's in turn, so that both see the same machine.
 *
 * `ratio` above 1 always means that we are ahead, whatever the unit. `range` is the least and the greatest ratio of the rounds;
 * of our own figure where there is no peer.
 */
import { median } from './load/spread.ts';

export interface Result {
  readonly id: string;
  readonly what: string;
  readonly unit: string;
  readonly ours: number;
  readonly peer: number | null;
  readonly ratio: number | null;
  readonly range: readonly [least: number, greatest: number];
  readonly aim?: string;
  readonly note?: string;
}

export interface Stall { readonly id: string; readonly ms: number }

export interface BenchContext {
  readonly rounds: number;
  readonly roundMs: number;
  readonly quick: boolean;
  /** Upstream's API server and the etcd under it, given by path. */
  readonly peerApiServer: string | undefined;
  readonly peerEtcd: string;
  /** How long A9 holds its renewals. */
  readonly holdMs: number;
  wanted(id: string): boolean;
  /** A size: a tenth of it in a quick run. */
  size(count: number): number;
  say(text: string): void;
  readonly stalls: Stall[];
}

export interface BenchCase {
  readonly ids: readonly string[];
  run(context: BenchContext): Promise<readonly Result[]>;
}

export interface Comparison {
  readonly id: string;
  readonly what: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  readonly aim?: string;
  readonly note?: string;
  readonly ours: () => Promise<number>;
  readonly peer?: () => Promise<number>;
  /** Processor time of each server so far, ms: for rates. On a busy machine this says more than the rate. */
  readonly cpu?: { readonly ours: () => number; readonly peer: () => number };
}

export async function compare(context: BenchContext, comparison: Comparison, rounds = context.rounds): Promise<Result> {
  const ours: number[] = [];
  const peer: number[] = [];
  const { cpu } = comparison;
  const cpuUs: { readonly ours: number[]; readonly peer: number[] } = { ours: [], peer: [] };
  const timed = async (run: () => Promise<number>, used: (() => number) | undefined, into: number[]): Promise<number> => {
    const before = used?.() ?? 0;
    const perSecond = await run();
    if (used !== undefined) into.push((used() - before) * 1000 / (perSecond * context.roundMs / 1000));
    return perSecond;
  };
  for (let round = 0; round < rounds; round++) {
    ours.push(await timed(comparison.ours, cpu?.ours, cpuUs.ours));
    if (comparison.peer !== undefined) peer.push(await timed(comparison.peer, cpu?.peer, cpuUs.peer));
  }
  const result = resultOf(comparison, ours, peer);
  if (cpu === undefined) return result;
  return { ...result, note: `${result.note === undefined ? '' : `${result.note}; `}processor time an operation: ours ${median(cpuUs.ours).toFixed(0)} µs, peer ${median(cpuUs.peer).toFixed(0)} µs` };
}

type Described = Pick<Result, 'id' | 'what' | 'unit' | 'aim' | 'note'> & { readonly better: 'higher' | 'lower' };

export function resultOf(described: Described, ours: readonly number[], peer: readonly number[] = []): Result {
  const { better, id, what, unit, aim, note } = described;
  const ratios = peer.map((theirs, round) => (better === 'higher' ? ours[round]! / theirs : theirs / ours[round]!));
  const spread = ratios.length > 0 ? ratios : ours;
  return {
    id, what, unit, ours: rounded(median(ours)), peer: peer.length === 0 ? null : rounded(median(peer)), ratio: ratios.length === 0 ? null : rounded(median(ratios)),
    range: [rounded(Math.min(...spread)), rounded(Math.max(...spread))], ...(aim === undefined ? {} : { aim }), ...(note === undefined ? {} : { note }),
  };
}

/** Three digits that mean something. */
export function rounded(value: number): number { return Number.isFinite(value) ? Number(value.toPrecision(4)) : value; }

export function resultText({ id, what, unit, ours, peer, ratio, range, aim, note }: Result): string {
  const beside = peer === null ? `(${range[0]} … ${range[1]})` : `peer ${peer} ${unit}, ratio ${ratio} (${range[0]} … ${range[1]})`;
  return `${id.padEnd(4)} ${what}: ${ours} ${unit} ${beside}${aim === undefined ? '' : `; aim ${aim}`}${note === undefined ? '' : `\n     ${note}`}`;
}
