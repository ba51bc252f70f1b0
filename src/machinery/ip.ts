/**
 * IP addresses and networks as bytes: the tolerant reading that stored objects need (leading zeros), the strict one for new
 * fields, and the canonical form (RFC 5952).
 *
 * An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) is an IPv4 address in all but its spelling.
 */

export interface IpAddress {
  /** 4 or 16 bytes. */
  readonly bytes: Uint8Array;
  /** Written as an IPv4-mapped IPv6 address. */
  readonly mapped: boolean;
}

export interface IpNetwork {
  /** The address as written. */
  readonly address: IpAddress;
  /** 4 or 16 bytes, bits beyond the prefix cleared. */
  readonly network: Uint8Array;
  /** Relative to `network`'s length. */
  readonly prefixLength: number;
}

const DECIMAL = /^\d+$/;
const HEX = /^[0-9a-fA-F]+$/;
/** Numbers from here on are refused whatever their leading zeros. */
const NUMBER_LIMIT = 0xffffff;

function parseIpv4(text: string, strict: boolean): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [index, part] of parts.entries()) {
    if (!DECIMAL.test(part) || (strict && part.length > 1 && part.startsWith('0'))) return undefined;
    const value = Number(part);
    if (value > 255) return undefined;
    bytes[index] = value;
  }
  return bytes;
}

function parseIpv6(text: string, strict: boolean): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0]!, halves.length === 1, strict);
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true, strict) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return Uint8Array.from([...head, ...Array.from({ length: missing }, () => 0), ...tail]);
}

/** The bytes of `a:b:c`, of which the last group may be an IPv4 address when `mayEndInIpv4`. */
function parseGroups(text: string, mayEndInIpv4: boolean, strict: boolean): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const groups = text.split(':');
  for (const [index, group] of groups.entries()) {
    if (group.includes('.')) {
      const ipv4 = mayEndInIpv4 && index === groups.length - 1 ? parseIpv4(group, strict) : undefined;
      if (ipv4 === undefined) return undefined;
      bytes.push(...ipv4);
      continue;
    }
    if (!HEX.test(group) || (strict && group.length > 4)) return undefined;
    const value = Number.parseInt(group, 16);
    if (value > 0xffff) return undefined;
    bytes.push(value >> 8, value & 0xff);
  }
  return bytes;
}

function isMapped(bytes: Uint8Array): boolean {
  return bytes.length === 16 && bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);
}

/** @param strict refuses leading zeros in numbers. @returns undefined when it is no address. */
export function parseIp(text: string, strict = false): IpAddress | undefined {
  const colon = text.indexOf(':');
  const dot = text.indexOf('.');
  if (colon < 0 || (dot >= 0 && dot < colon)) {
    const bytes = parseIpv4(text, strict);
    return bytes && { bytes, mapped: false };
  }
  const bytes = parseIpv6(text, strict);
  if (bytes === undefined) return undefined;
  return isMapped(bytes) ? { bytes: bytes.slice(12), mapped: true } : { bytes, mapped: false };
}

/** @param strict refuses leading zeros in numbers. @returns undefined when it is no network. */
export function parseCidr(text: string, strict = false): IpNetwork | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const mask = text.slice(slash + 1);
  if (!DECIMAL.test(mask) || Number(mask) >= NUMBER_LIMIT || (strict && mask.length > 1 && mask.startsWith('0'))) return undefined;
  const address = parseIp(text.slice(0, slash), strict);
  if (address === undefined) return undefined;
  const written = Number(mask);
  if (written > (address.mapped ? 128 : address.bytes.length * 8)) return undefined;
  const full = address.mapped ? Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...address.bytes]) : address.bytes;
  const network = maskBytes(full, written);
  if (!isMapped(network)) return { address, network, prefixLength: written };
  return { address, network: network.slice(12), prefixLength: Math.max(0, written - 96) };
}

/** A copy with the bits beyond the prefix cleared. */
function maskBytes(bytes: Uint8Array, prefixLength: number): Uint8Array {
  return bytes.map((byte, index) => {
    const bits = Math.min(8, Math.max(0, prefixLength - index * 8));
    return byte & (0xff << (8 - bits)) & 0xff;
  });
}

/** Canonical text: dotted decimal, or RFC 5952. */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, index) => (bytes[index * 2]! << 8) | bytes[index * 2 + 1]!);
  let bestStart = -1;
  let bestLength = 1;
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0) end++;
    if (end - start > bestLength) [bestStart, bestLength] = [start, end - start];
    if (end > start) start = end;
  }
  const hex = (from: number, to: number): string => groups.slice(from, to).map((group) => group.toString(16)).join(':');
  return bestStart < 0 ? hex(0, 8) : `${hex(0, bestStart)}::${hex(bestStart + bestLength, 8)}`;
}

export function formatCidr(network: IpNetwork): string {
  return `${formatIp(network.network)}/${network.prefixLength}`;
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

export function networkContains(network: IpNetwork, address: Uint8Array): boolean {
  return address.length === network.network.length && sameBytes(maskBytes(address, network.prefixLength), network.network);
}
