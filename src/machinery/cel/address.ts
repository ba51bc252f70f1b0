/**
 * IP addresses and prefixes of the `ip` and `cidr` functions, read strictly, with Go's words for what is none.
 */
import { formatIp, networkContains, parseIp } from '../ip.ts';
import { quote } from '../go-print.ts';
import { Failure } from './value.ts';

export interface Address { readonly bytes: Uint8Array; readonly text: string; readonly size: number }
export interface Prefix { readonly address: Address; readonly bits: number; readonly text: string; readonly size: number }

export function addressOf(bytes: Uint8Array): Address {
  return { bytes, text: formatIp(bytes), size: bytes.length };
}

export function parseAddress(text: string): Address | Failure {
  const bare = text.split('%')[0]!;
  const wrong = addressFault(text.includes(':') ? bare : text, text);
  if (wrong !== undefined) return new Failure(`IP Address ${quote(text)} parse error during conversion from string: ParseAddr(${quote(text)}): ${wrong}`);
  if (text.includes('%')) return new Failure(`IP address ${quote(text)} with zone value is not allowed`);
  const parsed = parseIp(text, true)!;
  return parsed.mapped ? new Failure(`IPv4-mapped IPv6 address ${quote(text)} is not allowed`) : addressOf(parsed.bytes);
}

function addressFault(text: string, whole: string): string | undefined {
  const first = /[.:%]/.exec(whole)?.[0];
  if (first === undefined) return 'unable to parse IP';
  if (first === '%') return 'missing IPv6 address';
  if (first === ':' && /%$/.test(whole)) return 'zone must be a non-empty string';
  return first === '.' ? ipv4Fault(text) : ipv6Fault(text);
}

function ipv4Fault(text: string): string | undefined {
  const parts = text.split('.');
  for (const [index, part] of parts.entries()) {
    const strange = /[^0-9]/.exec(part);
    if (strange) return `unexpected character (at ${quote(text.slice(text.indexOf(strange[0])))})`;
    if (part === '') return `IPv4 field must have at least one digit (at ${quote(parts.slice(index).join('.'))})`;
    if (part.length > 1 && part.startsWith('0')) return 'IPv4 field has octet with leading zero';
    if (Number(part) > 255) return 'IPv4 field has value >255';
    if (index === 4) return 'IPv4 address too long';
  }
  return parts.length < 4 ? 'IPv4 address too short' : undefined;
}

function ipv6Fault(text: string): string | undefined {
  if (parseIp(text, true) !== undefined) return undefined;
  if (text.split('::').length > 2) return `multiple :: in address (at ${quote(text.slice(text.lastIndexOf('::') + 1))})`;
  const strange = /[^0-9A-Fa-f:.]/.exec(text);
  if (strange) {
    const fieldStart = text.lastIndexOf(':', strange.index) + 1;
    return fieldStart === strange.index ? `each colon-separated field must have at least one digit (at ${quote(text.slice(strange.index))})`
      : `unexpected character, want colon (at ${quote(text.slice(strange.index))})`;
  }
  const long = /[0-9A-Fa-f]{5,}/.exec(text);
  if (long) return `each group must have 4 or less digits (at ${quote(text.slice(long.index))})`;
  if (/(^|[^:]):$/.test(text)) return 'colon must be followed by more characters (at ":")';
  return text.includes('::') || text.split(':').length < 8 ? 'address string too short' : `trailing garbage after address (at ${quote(text.split(':').slice(8).join(':'))})`;
}

export function parsePrefix(text: string): Prefix | Failure {
  const fault = (why: string): Failure => new Failure(`network address parse error during conversion from string: netip.ParsePrefix(${quote(text)}): ${why}`);
  const slash = text.lastIndexOf('/');
  if (slash === -1) return fault("no '/'");
  const [before, after] = [text.slice(0, slash), text.slice(slash + 1)];
  const wrong = addressFault(before.split('%')[0]!, before);
  if (wrong !== undefined) return fault(`ParseAddr(${quote(before)}): ${wrong}`);
  if (before.includes('%')) return fault('IPv6 zones cannot be present in a prefix');
  if (!/^\d+$/.test(after) || (after.length > 1 && after.startsWith('0'))) return fault(`bad bits after slash: ${quote(after)}`);
  const parsed = parseIp(before, true)!;
  const bits = Number(after);
  if (bits > (parsed.mapped ? 128 : parsed.bytes.length * 8)) return fault('prefix length out of range');
  return parsed.mapped ? new Failure(`IPv4-mapped IPv6 address ${quote(text)} is not allowed`) : prefixOf(parsed.bytes, bits);
}

export function prefixOf(bytes: Uint8Array, bits: number): Prefix {
  const address = addressOf(bytes);
  return { address, bits, text: `${address.text}/${bits}`, size: Math.ceil(bits / 8) };
}

export function masked({ address, bits }: Prefix): Prefix {
  return prefixOf(maskBytes(address.bytes, bits), bits);
}

function maskBytes(bytes: Uint8Array, bits: number): Uint8Array {
  return bytes.map((byte, index) => byte & (0xff << Math.max(0, Math.min(8, 8 - (bits - index * 8)))));
}

export function prefixContains(prefix: Prefix, address: Uint8Array): boolean {
  if (prefix.address.bytes.length !== address.length) return false;
  const parsed = { bytes: prefix.address.bytes, mapped: false };
  return networkContains({ address: parsed, network: maskBytes(prefix.address.bytes, prefix.bits), prefixLength: prefix.bits }, address);
}

export function isUnspecified({ bytes }: Address): boolean {
  return bytes.every((byte) => byte === 0);
}

export function isLoopback({ bytes }: Address): boolean {
  return bytes.length === 4 ? bytes[0] === 127 : bytes.every((byte, index) => byte === (index === 15 ? 1 : 0));
}

export function isLinkLocalMulticast({ bytes }: Address): boolean {
  return bytes.length === 4 ? bytes[0] === 224 && bytes[1] === 0 && bytes[2] === 0 : bytes[0] === 0xff && (bytes[1]! & 0x0f) === 0x02;
}

export function isLinkLocalUnicast({ bytes }: Address): boolean {
  return bytes.length === 4 ? bytes[0] === 169 && bytes[1] === 254 : bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80;
}

export function isGlobalUnicast(address: Address): boolean {
  const { bytes } = address;
  const multicast = bytes.length === 4 ? (bytes[0]! & 0xf0) === 0xe0 : bytes[0] === 0xff;
  const broadcast = bytes.length === 4 && bytes.every((byte) => byte === 255);
  return !multicast && !broadcast && !isUnspecified(address) && !isLoopback(address) && !isLinkLocalUnicast(address);
}
