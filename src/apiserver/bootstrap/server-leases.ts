/**
 * Which API servers of a cluster run: each keeps a key in the store alive and finds there the others, so that the endpoints of
 * `default/kubernetes` are those that answer.
 *
 * A server that is killed is out when its key has expired; one that stops in order takes its key with it.
 */
import type { Clock } from '#base/clock';
import type { Logger } from '#base/log';
import { prefixEnd, type StorageEngine } from '#storage/contract';

const PREFIX = '/kubernode/apiservers/';
const TTL_SECONDS = 15;
const RENEW_MS = 10_000;

export interface ServerLeases {
  /** Says that this server runs. @returns the addresses of all that do. */
  renew(): Promise<string[]>;
  /** Renews until `signal` aborts; `changed` gets the addresses each time, and makes of them what it should. */
  keep(changed: (addresses: readonly string[]) => Promise<void>, signal: AbortSignal): Promise<void>;
  /** Says that this server does not run any more. @returns the addresses of the others. */
  leave(): Promise<string[]>;
}

export function serverLeases(storage: StorageEngine, address: string, { clock, log }: { readonly clock: Clock; readonly log: Logger }): ServerLeases {
  const key = `${PREFIX}${address}`;
  const running = async (): Promise<string[]> => (await storage.range({ start: PREFIX, end: prefixEnd(PREFIX), keysOnly: true })).items.map((item) => item.key.slice(PREFIX.length));
  async function renew(): Promise<string[]> {
    const leaseId = await storage.grantLease(TTL_SECONDS);
    await storage.write({ key, value: Buffer.from(address), leaseId });
    return await running();
  }
  return {
    renew,
    async keep(changed, signal) {
      while (!signal.aborted) {
        try {
          await clock.sleep(RENEW_MS, signal);
          await changed(await renew());
        } catch (error) {
          if (signal.aborted) return;
          log.warn('this API server could not say that it runs; trying again', { error, retryMs: RENEW_MS });
        }
      }
    },
    async leave() {
      await storage.write({ key, value: undefined });
      return await running();
    },
  };
}
