/** The rules of a projected pod certificate (gate PodCertificateRequest). */
import type { PodCertificateProjection } from '#api/generated/core/v1';
import { qualifiedNameFaults } from '#machinery/names';
import type { Faults } from './faults.ts';
import { checkSignerName, isKubernetesSigner } from './signers.ts';
import { checkLocalNonReservedPath } from './volume-sources.ts';

const KEY_TYPES = ['RSA3072', 'RSA4096', 'ECDSAP256', 'ECDSAP384', 'ECDSAP521', 'ED25519'];
const EXPIRATION_SECONDS_MIN = 3600;
const EXPIRATION_SECONDS_MAX = 91 * 24 * 60 * 60;
const KUBERNETES_EXPIRATION_SECONDS_MAX = 24 * 60 * 60;
export const ANNOTATIONS_BYTES_MAX = 256 * 1024;

export function checkUserAnnotations(annotations: Record<string, string> | undefined, place: string, faults: Faults): void {
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    checkDomainPrefixedKey(key.toLowerCase(), place, faults);
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > ANNOTATIONS_BYTES_MAX) faults.tooLong(place, ANNOTATIONS_BYTES_MAX);
}

/** `acme.io/foo`. */
export function checkDomainPrefixedKey(key: string, place: string, faults: Faults): void {
  if (key === '') return faults.required(place);
  const texts = qualifiedNameFaults(key);
  faults.invalidAll(place, key, texts);
  if (texts.length === 0 && !key.includes('/')) faults.invalid(place, key, 'must be a domain-prefixed key (such as "acme.io/foo")');
}

/** @param claimPath notes a path as taken and reports a second use. */
export function checkPodCertificate(projection: PodCertificateProjection, place: string, faults: Faults,
  claimPath: (path: string | undefined, value: string | undefined) => void): void {
  checkSignerName(projection.signerName, `${place}.signerName`, faults);
  checkUserAnnotations(projection.userAnnotations, `${place}.userAnnotations`, faults);
  faults.strictlyOneOf(`${place}.keyType`, projection.keyType, KEY_TYPES);
  const seconds = projection.maxExpirationSeconds;
  if (seconds !== undefined) {
    const at = `${place}.maxExpirationSeconds`;
    if (seconds < EXPIRATION_SECONDS_MIN) faults.invalid(at, seconds, `if provided, maxExpirationSeconds must be >= ${EXPIRATION_SECONDS_MIN}`);
    const max = isKubernetesSigner(projection.signerName ?? '') ? KUBERNETES_EXPIRATION_SECONDS_MAX : EXPIRATION_SECONDS_MAX;
    if (seconds > max) faults.invalid(at, seconds, `if provided, maxExpirationSeconds must be <= ${max}`);
  }
  const paths = ['credentialBundlePath', 'keyPath', 'certificateChainPath'] as const;
  for (const field of paths) {
    const path = projection[field];
    if (!path) continue;
    checkLocalNonReservedPath(path, `${place}.${field}`, faults);
    claimPath(path, path);
  }
  if (paths.every((field) => !projection[field])) {
    faults.required(place, 'specify at least one of credentialBundlePath, keyPath, and certificateChainPath');
  }
}
