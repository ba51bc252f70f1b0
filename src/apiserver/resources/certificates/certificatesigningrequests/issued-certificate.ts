/** What a signer may write into `status.certificate`: PEM certificates, nothing else between the markers. */
import { X509Certificate } from 'node:crypto';
import { quote } from '#machinery/go-print';

const BLOCK = /-----BEGIN ([^\n-]+)-----\r?\n([\s\S]*?)-----END \1-----/g;

/** @param base64 of the PEM text. @returns why it is refused; undefined when it is good. */
export function certificateFault(base64: string): string | undefined {
  const text = Buffer.from(base64, 'base64').toString('latin1');
  const blocks = [...text.matchAll(BLOCK)];
  for (const [whole, label = '', body = ''] of blocks) {
    if (label !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${quote(label)}`;
    if (/^[^\n:]+:/m.test(body)) return 'no PEM block headers are permitted';
    try {
      new X509Certificate(whole);
    } catch {
      return 'x509: malformed certificate';
    }
  }
  return blocks.length === 0 ? 'must contain at least one CERTIFICATE PEM block' : undefined;
}
