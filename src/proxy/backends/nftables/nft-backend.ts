/**
 * Applies the wanted table with `nft`, one transaction a sync.
 *
 * Invariant: `#current` is what the kernel holds, or undefined when that is not known (start, a failed transaction); then the next
 * sync replaces the whole table. A refused transaction changes nothing in the kernel.
 */
import { desiredTable, type DesiredTable, type Family, type ServiceRules } from './desired-table.ts';
import { fullTransaction, incrementalTransaction } from './transaction.ts';
import type { ProxyBackend } from '../backend.ts';

/** Runs `nft -f -` with this text. @throws with nft's own words. */
export type NftRunner = (script: string, signal: AbortSignal) => Promise<void>;

/** As upstream's. */
export const SERVICE_TABLE = 'kube-proxy';

export class NftBackend implements ProxyBackend {
  readonly name = 'nftables';
  readonly #run: NftRunner;
  readonly #podCidrs: readonly string[];
  readonly #families: readonly Family[];
  readonly #table: string;
  readonly #current = new Map<Family, DesiredTable>();

  constructor(options: { run: NftRunner; podCidrs: readonly string[]; families?: readonly Family[]; table?: string }) {
    this.#run = options.run;
    this.#podCidrs = options.podCidrs;
    this.#families = options.families ?? ['ip'];
    this.#table = options.table ?? SERVICE_TABLE;
  }

  async sync(services: readonly ServiceRules[], signal: AbortSignal): Promise<void> {
    for (const family of this.#families) {
      const podCidrs = this.#podCidrs.filter((cidr) => cidr.includes(':') === (family === 'ip6'));
      const ofFamily = services.filter(({ port }) => port.clusterIPs.some((ip) => ip.includes(':') === (family === 'ip6')));
      const wanted = desiredTable(ofFamily, { family, table: this.#table, podCidrs });
      const current = this.#current.get(family);
      const script = current === undefined ? fullTransaction(wanted) : incrementalTransaction(current, wanted);
      if (script === '') continue;
      this.#current.delete(family);
      await this.#run(script, signal);
      this.#current.set(family, wanted);
    }
  }

  async cleanup(): Promise<void> {
    for (const family of this.#families) {
      this.#current.delete(family);
      const name = `${family} ${this.#table}`;
      await this.#run(`add table ${name}\ndelete table ${name}\n`, new AbortController().signal);
    }
  }
}
