/**
 * A network cut into equal ranges, given out one by one: 10.244.0.0/16 as 256 times /24. Pure.
 *
 * Invariant: a range is given to at most one owner. The search goes on from the last range given, so that a range that was
 * returned rests as long as possible before it is used again.
 */
import { formatIp, parseCidr } from '#machinery/ip';

/** More ranges than this are not kept: 2^16 nodes. */
const RANGES_MAX = 2 ** 16;

export class CidrSet {
  readonly #base: bigint;
  readonly #bytes: number;
  readonly #mask: number;
  readonly #count: number;
  readonly #used = new Set<number>();
  #next = 0;

  constructor(cidr: string, mask: number) {
    const network = parseCidr(cidr);
    if (network === undefined) throw new Error(`"${cidr}" is not a network`);
    this.#bytes = network.network.length;
    const bits = mask - network.prefixLength;
    if (bits < 0 || mask > this.#bytes * 8) throw new Error(`ranges of /${mask} do not fit into ${cidr}`);
    this.#mask = mask;
    this.#count = Math.min(2 ** bits, RANGES_MAX);
    this.#base = toNumber(network.network) >> BigInt(this.#bytes * 8 - mask);
  }

  get isIPv6(): boolean { return this.#bytes === 16; }
  free(): number { return this.#count - this.#used.size; }

  /** Undefined when all are given. */
  allocate(): string | undefined {
    for (let i = 0; i < this.#count; i++) {
      const index = (this.#next + i) % this.#count;
      if (this.#used.has(index)) continue;
      this.#used.add(index);
      this.#next = (index + 1) % this.#count;
      return this.#text(index);
    }
    return undefined;
  }

  /** @returns false when it does not lie in this network. */
  occupy(cidr: string): boolean { return this.#forEach(cidr, (index) => this.#used.add(index)); }
  release(cidr: string): boolean { return this.#forEach(cidr, (index) => this.#used.delete(index)); }

  #forEach(cidr: string, apply: (index: number) => void): boolean {
    const network = parseCidr(cidr);
    if (network === undefined || network.network.length !== this.#bytes) return false;
    const first = (toNumber(network.network) >> BigInt(this.#bytes * 8 - this.#mask)) - this.#base;
    const ranges = network.prefixLength >= this.#mask ? 1 : 2 ** (this.#mask - network.prefixLength);
    if (first < 0n || first >= BigInt(this.#count)) return false;
    for (let i = 0; i < ranges && Number(first) + i < this.#count; i++) apply(Number(first) + i);
    return true;
  }

  #text(index: number): string {
    let value = (this.#base + BigInt(index)) << BigInt(this.#bytes * 8 - this.#mask);
    const bytes = new Uint8Array(this.#bytes);
    for (let i = this.#bytes - 1; i >= 0; i--) { bytes[i] = Number(value & 0xffn); value >>= 8n; }
    return `${formatIp(bytes)}/${this.#mask}`;
  }
}

function toNumber(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}
