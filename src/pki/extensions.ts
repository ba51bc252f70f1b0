/** The X.509 v3 extensions that cluster certificates carry: usages, constraints, key identifiers, alternative names. */
import { isIPv4, isIPv6 } from 'node:net';
import { bits, children, der, octets, oid, readOid, readOne, sequence, TAG, TRUE, type DerValue } from './der.ts';

export const EXTENSION = {
  subjectKeyId: '2.5.29.14', keyUsage: '2.5.29.15', subjectAltName: '2.5.29.17', basicConstraints: '2.5.29.19',
  authorityKeyId: '2.5.29.35', extendedKeyUsage: '2.5.29.37',
} as const;

/** By the names of `certificates.k8s.io` usages; the value is the bit number. */
const KEY_USAGE_BITS: Readonly<Record<string, number>> = {
  'signing': 0, 'digital signature': 0, 'content commitment': 1, 'key encipherment': 2, 'data encipherment': 3,
  'key agreement': 4, 'cert sign': 5, 'crl sign': 6, 'encipher only': 7, 'decipher only': 8,
};

const EXTENDED_USAGES: Readonly<Record<string, string>> = {
  'any': '2.5.29.37.0', 'server auth': '1.3.6.1.5.5.7.3.1', 'client auth': '1.3.6.1.5.5.7.3.2',
  'code signing': '1.3.6.1.5.5.7.3.3', 'email protection': '1.3.6.1.5.5.7.3.4', 's/mime': '1.3.6.1.5.5.7.3.4',
  'ipsec end system': '1.3.6.1.5.5.7.3.5', 'ipsec tunnel': '1.3.6.1.5.5.7.3.6', 'ipsec user': '1.3.6.1.5.5.7.3.7',
  'timestamping': '1.3.6.1.5.5.7.3.8', 'ocsp signing': '1.3.6.1.5.5.7.3.9',
  'microsoft sgc': '1.3.6.1.4.1.311.10.3.3', 'netscape sgc': '2.16.840.1.113730.4.1',
};

export interface AlternativeNames {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly emails: readonly string[];
  readonly uris: readonly string[];
}

export const NO_ALTERNATIVE_NAMES: AlternativeNames = { dnsNames: [], ipAddresses: [], emails: [], uris: [] };

export function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return critical ? sequence(oid(id), TRUE, octets(value)) : sequence(oid(id), octets(value));
}

/** Key usage and extended key usage for a list of usage names. Unknown names are left out. */
export function usageExtensions(usages: readonly string[]): Buffer[] {
  let mask = 0;
  for (const usage of usages) {
    const bit = KEY_USAGE_BITS[usage];
    if (bit !== undefined) mask |= 0x8000 >>> bit;
  }
  const extended = [...new Set(usages.flatMap((usage) => EXTENDED_USAGES[usage] ?? []))];
  const found: Buffer[] = [];
  if (mask !== 0) found.push(extension(EXTENSION.keyUsage, true, namedBits(mask)));
  if (extended.length > 0) found.push(extension(EXTENSION.extendedKeyUsage, false, sequence(...extended.map(oid))));
  return found;
}

/** A named bit list: trailing zero bits are not encoded. */
function namedBits(mask: number): Buffer {
  const bytes = (mask & 0xff) !== 0 ? [mask >>> 8, mask & 0xff] : [mask >>> 8];
  let unused = 0;
  while (((bytes.at(-1)! >>> unused) & 1) === 0) unused++;
  return bits(Buffer.from(bytes), unused);
}

export function basicConstraints(authority: boolean): Buffer {
  return extension(EXTENSION.basicConstraints, true, authority ? sequence(TRUE) : sequence());
}

export function alternativeNames(names: AlternativeNames, critical = false): Buffer | undefined {
  const parts = [
    ...names.dnsNames.map((name) => der(0x82, Buffer.from(name, 'latin1'))),
    ...names.emails.map((name) => der(0x81, Buffer.from(name, 'latin1'))),
    ...names.ipAddresses.map((address) => der(0x87, ipBytes(address))),
    ...names.uris.map((uri) => der(0x86, Buffer.from(uri, 'latin1'))),
  ];
  return parts.length === 0 ? undefined : extension(EXTENSION.subjectAltName, critical, sequence(...parts));
}

export function parseAlternativeNames(bytes: Buffer): AlternativeNames {
  const names = { dnsNames: [] as string[], ipAddresses: [] as string[], emails: [] as string[], uris: [] as string[] };
  for (const name of children(readOne(bytes))) {
    const text = name.contents.toString('latin1');
    if (name.tag === 0x82) names.dnsNames.push(text);
    else if (name.tag === 0x81) names.emails.push(text);
    else if (name.tag === 0x86) names.uris.push(text);
    else if (name.tag === 0x87) names.ipAddresses.push(ipText(name.contents));
  }
  return names;
}

/** `SEQUENCE OF Extension` → the octets of each by object identifier. */
export function parseExtensions(value: DerValue): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (const entry of children(value)) {
    const parts = children(entry);
    const last = parts.at(-1);
    if (parts[0] !== undefined && last?.tag === TAG.octetString) found.set(readOid(parts[0]), last.contents);
  }
  return found;
}

function ipBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  if (!isIPv6(address)) throw new TypeError(`not an IP address: ${address}`);
  const mapped = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, a, b, c, d) => `${((+a << 8) | +b).toString(16)}:${((+c << 8) | +d).toString(16)}`);
  const [head = '', tail] = mapped.split('::');
  const groups = (text: string | undefined): string[] => (text === undefined || text === '' ? [] : text.split(':'));
  const left = groups(head);
  const right = groups(tail);
  const all = tail === undefined ? left : [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return Buffer.from(all.flatMap((group) => { const value = parseInt(group, 16); return [value >>> 8, value & 0xff]; }));
}

function ipText(bytes: Buffer): string {
  if (bytes.length === 4) return [...bytes].join('.');
  const groups: string[] = [];
  for (let i = 0; i + 1 < bytes.length; i += 2) groups.push(bytes.readUInt16BE(i).toString(16));
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}
