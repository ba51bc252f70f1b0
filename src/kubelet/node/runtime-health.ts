/**
 * Whether the container runtime and its network work; asked every few seconds.
 */
import type { Clock } from '#base/clock';
import type { RuntimeService, RuntimeStatus } from '../cri/contract.ts';
import { rpcText } from '../cri/error-text.ts';

export interface RuntimeHealth {
  /** Undefined: fine. */
  runtimeFault(): string | undefined;
  networkFault(): string | undefined;
  last(): RuntimeStatus | undefined;
  check(signal?: AbortSignal): Promise<void>;
  run(signal: AbortSignal): Promise<void>;
}

const PERIOD_MS = 5_000;
/** While something is wrong, recovery is noticed sooner. */
const FAULT_PERIOD_MS = 500;

export function createRuntimeHealth(options: { runtime: RuntimeService; clock: Clock; onChange(): void }): RuntimeHealth {
  let runtimeFault: string | undefined = 'container runtime status check may not have completed yet';
  let networkFault: string | undefined;
  let last: RuntimeStatus | undefined;

  async function check(signal?: AbortSignal): Promise<void> {
    const before = `${runtimeFault}/${networkFault}`;
    try {
      last = await options.runtime.status(signal);
      const fault = (type: string): string | undefined => {
        const condition = last!.conditions.find((entry) => entry.type === type);
        return condition?.status === true ? undefined : `${type}=${condition === undefined ? 'unknown' : 'false'} reason:${condition?.reason ?? ''} message:${condition?.message ?? ''}`;
      };
      const runtime = fault('RuntimeReady');
      const network = fault('NetworkReady');
      runtimeFault = runtime === undefined ? undefined : `container runtime not ready: ${runtime}`;
      networkFault = network === undefined ? undefined : `container runtime network not ready: ${network}`;
    } catch (error) {
      if (signal?.aborted === true) return;
      runtimeFault = `container runtime is down: ${rpcText(error)}`;
    }
    if (before !== `${runtimeFault}/${networkFault}`) options.onChange();
  }

  return {
    runtimeFault: () => runtimeFault, networkFault: () => networkFault, last: () => last, check,
    run: async (signal) => {
      while (!signal.aborted) {
        await check(signal);
        await options.clock.sleep(runtimeFault === undefined && networkFault === undefined ? PERIOD_MS : FAULT_PERIOD_MS, signal).catch(() => undefined);
      }
    },
  };
}
