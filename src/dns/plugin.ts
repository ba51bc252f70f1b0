/**
 * The plugin chain: each plugin answers a question or passes it to the next.
 *
 *     server → hosts → kubernetes → cache → forward
 *
 * The order stands in `chain.ts`. A plugin never throws for a question it cannot answer: it passes on or answers with an rcode.
 */
import type { Answer as DnsRecord } from 'dns-packet';

export type { DnsRecord };

export type ResponseCode = 'NOERROR' | 'FORMERR' | 'SERVFAIL' | 'NXDOMAIN' | 'NOTIMP' | 'REFUSED';

export interface DnsQuestion {
  /** Lower case, without the final dot; '' is the root. */
  readonly name: string;
  /** `A`, `AAAA`, `SRV`, … */
  readonly type: string;
}

export interface DnsReply {
  readonly code: ResponseCode;
  readonly answers: readonly DnsRecord[];
  /** SOA for negative answers. */
  readonly authorities?: readonly DnsRecord[];
  readonly additionals?: readonly DnsRecord[];
  /** This server speaks for the zone. */
  readonly authoritative?: boolean;
}

export type DnsHandler = (question: DnsQuestion, signal: AbortSignal) => Promise<DnsReply>;

export interface DnsPlugin {
  readonly name: string;
  serve(question: DnsQuestion, next: DnsHandler, signal: AbortSignal): Promise<DnsReply>;
  stop?(): Promise<void>;
}

/** The chain as one handler; past its end is REFUSED. */
export function chainHandler(plugins: readonly DnsPlugin[]): DnsHandler {
  return plugins.reduceRight<DnsHandler>(
    (next, plugin) => (question, signal) => plugin.serve(question, next, signal),
    async () => ({ code: 'REFUSED', answers: [] }),
  );
}
