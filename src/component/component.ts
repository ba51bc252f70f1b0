/**
 * The component contract: init → start → ready → stop.
 *
 * Everything fallible that needs no other component happens in `init`; `start` returns once the component runs;
 * `ready` resolves when it can serve; `stop` may be called in any state, twice, and awaits all that was started.
 */
import type { Clock } from '#base/clock';
import type { Logger } from '#base/log';
import type { MetricsRegistry } from '#base/metrics';
import type { Random } from '#base/random';

/** What the outside gives to each component. */
export interface ComponentContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: MetricsRegistry;
}

export interface Component {
  readonly name: string;
  init?(signal: AbortSignal): Promise<void>;
  start(signal: AbortSignal): Promise<void>;
  /** Resolves when the component serves; rejects with the signal's reason or the failure. */
  ready?(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}
