/** What turns a snapshot of services into rules of the kernel. */
import type { ServiceRules } from './nftables/desired-table.ts';

export interface ProxyBackend {
  readonly name: string;
  /** Makes the kernel's rules be exactly those for `services`; a failure leaves the old set whole. */
  sync(services: readonly ServiceRules[], signal: AbortSignal): Promise<void>;
  /** Removes all rules. */
  cleanup(): Promise<void>;
}
