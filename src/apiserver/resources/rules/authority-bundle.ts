/** Says what is wrong with a bundle of certificate authorities; upstream's texts. */
import { X509Certificate } from 'node:crypto';

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** @param bundle PEM, base64 as in JSON. */
export function authorityBundleFault(bundle: string): string | undefined {
  const blocks = Buffer.from(bundle, 'base64').toString('latin1').match(BLOCK) ?? [];
  if (blocks.length === 0) return 'unable to load root certificates: unable to parse bytes as PEM block';
  try {
    for (const block of blocks) new X509Certificate(block);
    return undefined;
  } catch {
    return 'unable to load root certificates: failed to parse certificate';
  }
}
