/**
 * Says what is wrong with a bundle of certificate authorities; upstream's texts.
 *
 * One certificate that can be read is enough: what else stands in the bundle is passed over.
 */
import { X509Certificate } from 'node:crypto';

const BLOCK = /^-----BEGIN ([^\n]*?)-----[ \t\r]*\n([\s\S]*?)^-----END \1-----[ \t\r]*(?:\n|$)/gm;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const FAULT = 'unable to load root certificates: ';
const SEQUENCE = 0x30;

interface Block { readonly type: string; readonly hasHeaders: boolean; readonly bytes: Buffer }

/** @param bundle PEM, base64 as in JSON. */
export function authorityBundleFault(bundle: string): string | undefined {
  const text = Buffer.from(bundle, 'base64').toString('latin1');
  let first: string | undefined;
  let end = 0;
  for (const match of text.matchAll(BLOCK)) {
    const block = blockOf(match[1]!, match[2]!);
    if (block === undefined) continue;
    end = match.index + match[0].length;
    if (block.type !== 'CERTIFICATE' || block.hasHeaders) continue;
    const fault = certificateFault(block.bytes);
    if (fault === undefined) return undefined;
    first ??= `${FAULT}failed to parse certificate: x509: ${fault}`;
  }
  if (first !== undefined) return first;
  return text.slice(end) === '' && end > 0 ? `${FAULT}no valid certificate authority data seen` : `${FAULT}unable to parse bytes as PEM block`;
}

/** undefined: it is no block. */
function blockOf(type: string, inside: string): Block | undefined {
  const lines = inside.split('\n').map((line) => line.trim());
  let headers = 0;
  while (lines[headers]?.includes(':') === true) headers++;
  const body = lines.slice(headers).join('');
  return BASE64.test(body) ? { type, hasHeaders: headers > 0, bytes: Buffer.from(body, 'base64') } : undefined;
}

function certificateFault(bytes: Buffer): string | undefined {
  const whole = element(bytes, 0);
  if (whole === undefined) return 'malformed certificate';
  if (whole.end < bytes.length) return 'trailing data';
  if (element(bytes, whole.start) === undefined) return 'malformed tbs certificate';
  try {
    void new X509Certificate(bytes);
    return undefined;
  } catch {
    return 'malformed certificate';
  }
}

/** The sequence that begins there: where its content starts and ends. */
function element(bytes: Buffer, at: number): { readonly start: number; readonly end: number } | undefined {
  if (bytes[at] !== SEQUENCE) return undefined;
  const short = bytes[at + 1] ?? 0x80;
  const count = short < 0x80 ? 0 : short & 0x7f;
  const start = at + 2 + count;
  if ((short >= 0x80 && (count === 0 || count > 4)) || start > bytes.length) return undefined;
  const length = count === 0 ? short : bytes.readUIntBE(at + 2, count);
  return start + length > bytes.length ? undefined : { start, end: start + length };
}
