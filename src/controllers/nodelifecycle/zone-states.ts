/**
 * How quickly pods may be driven from the nodes of a zone. Pure but for its token buckets.
 *
 *     normal               the usual rate (a node in ten seconds)
 *     partly disrupted     over 55 % and more than two nodes not ready: slower in large zones, not at all in small ones
 *     fully disrupted      the usual rate, as long as another zone lives
 *     all zones disrupted  not at all: rather we are cut off than all nodes dead
 */

export type ZoneState = 'initial' | 'normal' | 'partial' | 'full';

export interface ZoneRates { readonly rate: number; readonly secondaryRate: number; readonly largeZoneNodes: number; readonly unhealthyShare: number }

export function zoneState(ready: readonly boolean[], unhealthyShare: number): ZoneState {
  const unhealthy = ready.filter((value) => !value).length;
  if (unhealthy > 0 && unhealthy === ready.length) return 'full';
  return unhealthy > 2 && unhealthy / ready.length >= unhealthyShare ? 'partial' : 'normal';
}

export function rateOf(state: ZoneState, nodes: number, rates: ZoneRates): number {
  if (state !== 'partial') return rates.rate;
  return nodes > rates.largeZoneNodes ? rates.secondaryRate : 0;
}

/** Nodes waiting for their NoExecute taint, each once, with a token bucket of one. */
export class TaintQueue {
  readonly #waiting = new Set<string>();
  #rate: number;
  #tokens = 1;
  #lastMs: number;

  constructor(rate: number, nowMs: number) {
    this.#rate = rate;
    this.#lastMs = nowMs;
  }

  size(): number { return this.#waiting.size; }
  add(name: string): void { this.#waiting.add(name); }
  remove(name: string): void { this.#waiting.delete(name); }

  setRate(rate: number, nowMs: number): void {
    this.#refill(nowMs);
    this.#rate = rate;
    if (rate === 0) this.#tokens = 0;
  }

  /** The next node that may be tainted now. */
  take(nowMs: number): string | undefined {
    this.#refill(nowMs);
    const next = this.#waiting.values().next();
    if (next.done === true || this.#tokens < 1) return undefined;
    this.#tokens--;
    this.#waiting.delete(next.value);
    return next.value;
  }

  #refill(nowMs: number): void {
    this.#tokens = Math.min(1, this.#tokens + ((nowMs - this.#lastMs) / 1000) * this.#rate);
    this.#lastMs = nowMs;
  }
}

/** Region and zone of a node, as one key. */
export function zoneKey(labels: Readonly<Record<string, string>> | undefined): string {
  const region = labels?.['topology.kubernetes.io/region'] ?? labels?.['failure-domain.beta.kubernetes.io/region'] ?? '';
  const zone = labels?.['topology.kubernetes.io/zone'] ?? labels?.['failure-domain.beta.kubernetes.io/zone'] ?? '';
  return region === '' && zone === '' ? '' : `${region}:\0:${zone}`;
}
