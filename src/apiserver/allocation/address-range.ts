/**
 * A service network as a range of numbers: which addresses may be given out, and in which order they are tried.
 *
 *     10.96.0.0/12:  .0 network │ lower band, for addresses that users choose │ upper band, drawn at random first │ broadcast
 *
 * The lower band keeps chosen and drawn addresses apart (KEP-3070): a sixteenth of the range, at least 16, at most 256.
 */
import { formatIp, parseCidr, parseIp } from '#machinery/ip';
import type { Random } from '#base/random';

export class AddressRange {
  readonly cidr: string;
  readonly isIPv6: boolean;
  /** First and last address that may be given out. */
  readonly #first: bigint;
  readonly #last: bigint;

  /** @throws RangeError for a text that is no network. */
  constructor(cidr: string) {
    const network = parseCidr(cidr);
    if (network === undefined) throw new RangeError(`${cidr} is no network`);
    this.cidr = cidr;
    this.isIPv6 = network.network.length === 16;
    const bits = network.network.length * 8;
    const start = toNumber(network.network);
    const size = 1n << BigInt(bits - network.prefixLength);
    this.#first = start + 1n;
    this.#last = this.isIPv6 ? start + size - 1n : start + size - 2n;
  }

  /** How many addresses may be given out. */
  get size(): number { return Number(this.#last - this.#first + 1n); }

  contains(ip: string): boolean {
    const address = parseIp(ip);
    if (address === undefined || (address.bytes.length === 16) !== this.isIPv6) return false;
    const number = toNumber(address.bytes);
    return number >= this.#first && number <= this.#last;
  }

  /** The first usable address: the API server's own service. */
  first(): string { return this.#text(this.#first); }

  /** Addresses to try: from a random place of the upper band on, around, then the lower band. At most `limit`. */
  *candidates(random: Random, limit: number): Generator<string> {
    const size = this.#last - this.#first + 1n;
    const lower = lowerBand(size);
    let left = limit;
    for (const [start, length] of [[this.#first + lower, size - lower], [this.#first, lower]] as const) {
      if (length <= 0n) continue;
      const offset = BigInt(random.integer(Number(length < 2n ** 31n ? length : 2n ** 31n)));
      for (let i = 0n; i < length && left > 0; i++, left--) yield this.#text(start + ((offset + i) % length));
    }
  }

  #text(number: bigint): string {
    const bytes = new Uint8Array(this.isIPv6 ? 16 : 4);
    let rest = number;
    for (let i = bytes.length - 1; i >= 0; i--) {
      bytes[i] = Number(rest & 0xffn);
      rest >>= 8n;
    }
    return formatIp(bytes);
  }
}

function lowerBand(size: bigint): bigint {
  if (size <= 16n) return 0n;
  const share = size / 16n;
  return share < 16n ? 16n : share > 256n ? 256n : share;
}

function toNumber(bytes: Uint8Array): bigint {
  let number = 0n;
  for (const byte of bytes) number = (number << 8n) | BigInt(byte);
  return number;
}
