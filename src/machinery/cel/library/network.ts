/**
 * Addresses, prefixes and URLs.
 */
import * as address from '../address.ts';
import { overload, type Library } from '../declaration.ts';
import { CIDR, IP, URL_TYPE } from '../type.ts';
import { escapedPath, hostname, parseUrl, port, queryValues, type ParsedUrl } from '../url.ts';
import { Failure, MapValue, Opaque, type Value } from '../value.ts';

type Ip = Opaque<address.Address>;
type Cidr = Opaque<address.Prefix>;
type Url = Opaque<ParsedUrl>;

function ip(text: string): Ip | Failure {
  const parsed = address.parseAddress(text);
  return parsed instanceof Failure ? parsed : new Opaque(IP, parsed);
}

function cidr(text: string): Cidr | Failure {
  const parsed = address.parsePrefix(text);
  return parsed instanceof Failure ? new Failure(`network address parse error during conversion from string: ${parsed.message}`) : new Opaque(CIDR, parsed);
}

function canonical(text: string): boolean | Failure {
  const parsed = ip(text);
  return parsed instanceof Failure ? parsed : parsed.content.text === text;
}

const containsIp = (a: Cidr, b: Ip | Failure): boolean | Failure => (b instanceof Failure ? b : address.prefixContains(a.content, b.content.bytes));
const containsCidr = (a: Cidr, b: Cidr | Failure): boolean | Failure =>
  (b instanceof Failure ? b : a.content.bits <= b.content.bits && address.prefixContains(a.content, b.content.address.bytes));
const property = (name: string, holds: (content: address.Address) => boolean): Library[number] =>
  overload(`ip_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`, `(net.IP).${name}(): bool`, ([a]: [Ip]) => holds(a.content));

export const ADDRESSES: Library = [
  overload('string_to_ip', 'ip(string): net.IP', ([text]: [string]) => ip(text)),
  overload('is_ip', 'isIP(string): bool', ([text]: [string]) => !(ip(text) instanceof Failure)),
  overload('ip_is_canonical', 'ip.isCanonical(string): bool', ([text]: [string]) => canonical(text)),
  overload('ip_family', '(net.IP).family(): int', ([a]: [Ip]) => (a.content.bytes.length === 4 ? 4n : 6n)),
  property('isUnspecified', address.isUnspecified), property('isLoopback', address.isLoopback), property('isLinkLocalMulticast', address.isLinkLocalMulticast),
  property('isLinkLocalUnicast', address.isLinkLocalUnicast), property('isGlobalUnicast', address.isGlobalUnicast),
  overload('ip_to_string', 'string(net.IP): string', ([a]: [Ip]) => a.content.text),
  overload('string_to_cidr', 'cidr(string): net.CIDR', ([text]: [string]) => cidr(text)),
  overload('is_cidr', 'isCIDR(string): bool', ([text]: [string]) => !(cidr(text) instanceof Failure)),
  overload('cidr_contains_ip_string', '(net.CIDR).containsIP(string): bool', ([a, text]: [Cidr, string]) => containsIp(a, ip(text))),
  overload('cidr_contains_ip_ip', '(net.CIDR).containsIP(net.IP): bool', ([a, b]: [Cidr, Ip]) => containsIp(a, b)),
  overload('cidr_contains_cidr_string', '(net.CIDR).containsCIDR(string): bool', ([a, text]: [Cidr, string]) => containsCidr(a, cidr(text))),
  overload('cidr_contains_cidr', '(net.CIDR).containsCIDR(net.CIDR): bool', ([a, b]: [Cidr, Cidr]) => containsCidr(a, b)),
  overload('cidr_ip', '(net.CIDR).ip(): net.IP', ([a]: [Cidr]) => new Opaque(IP, a.content.address)),
  overload('cidr_prefix_length', '(net.CIDR).prefixLength(): int', ([a]: [Cidr]) => BigInt(a.content.bits)),
  overload('cidr_masked', '(net.CIDR).masked(): net.CIDR', ([a]: [Cidr]) => new Opaque(CIDR, address.masked(a.content))),
  overload('cidr_to_string', 'string(net.CIDR): string', ([a]: [Cidr]) => a.content.text),
];

function url(text: string): Url | Failure {
  const parsed = parseUrl(text);
  return parsed instanceof Failure ? new Failure(`URL parse error during conversion from string: ${parsed.message}`) : new Opaque(URL_TYPE, parsed);
}

function query([a]: [Url]): Value {
  const map = new MapValue();
  for (const [name, values] of queryValues(a.content)) map.set(name, values);
  return map;
}

export const URLS: Library = [
  overload('string_to_url', 'url(string): kubernetes.URL', ([text]: [string]) => url(text)),
  overload('is_url_string', 'isURL(string): bool', ([text]: [string]) => !(url(text) instanceof Failure)),
  overload('url_get_scheme', '(kubernetes.URL).getScheme(): string', ([a]: [Url]) => a.content.scheme),
  overload('url_get_host', '(kubernetes.URL).getHost(): string', ([a]: [Url]) => a.content.host),
  overload('url_get_hostname', '(kubernetes.URL).getHostname(): string', ([a]: [Url]) => hostname(a.content)),
  overload('url_get_port', '(kubernetes.URL).getPort(): string', ([a]: [Url]) => port(a.content)),
  overload('url_get_escaped_path', '(kubernetes.URL).getEscapedPath(): string', ([a]: [Url]) => escapedPath(a.content)),
  overload('url_get_query', '(kubernetes.URL).getQuery(): map(string, list(string))', query),
];
