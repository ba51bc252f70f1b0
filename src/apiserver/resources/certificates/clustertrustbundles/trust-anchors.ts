/** The rules of a bundle of trust anchors: certificates of authorities in PEM, each once, nothing else. */
import { X509Certificate } from 'node:crypto';
import type { Faults } from '../../rules/faults.ts';

const BUNDLE_BYTES_MAX = 1024 * 1024;
const BLOCK = /-----BEGIN ([^\n-]+)-----\r?\n([\s\S]*?)-----END \1-----/g;

export function checkTrustAnchors(bundle: string, place: string, faults: Faults): void {
  if (Buffer.byteLength(bundle) > BUNDLE_BYTES_MAX) return faults.tooLong(place, BUNDLE_BYTES_MAX);
  const before = faults.count;
  const places = new Map<string, number[]>();
  for (const [index, [whole, label = '', body = '']] of [...bundle.matchAll(BLOCK)].entries()) {
    const anchor = readAnchor(whole, label, body);
    if ('fault' in anchor) faults.invalid(place, '<value omitted>', `entry ${index} ${anchor.fault}`);
    else places.set(anchor.key, [...places.get(anchor.key) ?? [], index]);
  }
  if (faults.count > before) return;
  if (places.size === 0) faults.invalid(place, '<value omitted>', 'at least one trust anchor must be provided');
  for (const indices of places.values()) {
    if (indices.length > 1) faults.invalid(place, '<value omitted>', `duplicate trust anchor (indices [${indices.join(' ')}])`);
  }
}

function readAnchor(whole: string, label: string, body: string): { readonly key: string } | { readonly fault: string } {
  if (label !== 'CERTIFICATE') return { fault: `has bad block type: ${label}` };
  if (/^[^\n:]+:/m.test(body)) return { fault: 'has PEM block headers' };
  try {
    const certificate = new X509Certificate(whole);
    return certificate.ca ? { key: certificate.fingerprint256 } : { fault: 'does not have the CA bit set' };
  } catch {
    return { fault: 'does not parse as X.509' };
  }
}
