/**
 * JSON Web Tokens as service-account tokens use them: RS256 and ES256, compact form.
 *
 * `verifyJwt` trusts only the algorithm that belongs to the key found by `kid`; the header's own word is checked against it.
 * Times and audiences are the caller's affair.
 */
import { createHash, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';

export type JwtAlgorithm = 'RS256' | 'ES256';

export type JwtClaims = Readonly<Record<string, unknown>>;

export interface SigningKey { readonly keyId: string; readonly algorithm: JwtAlgorithm; readonly privateKey: KeyObject }
export interface VerificationKey { readonly keyId: string; readonly algorithm: JwtAlgorithm; readonly publicKey: KeyObject }

/** Longest token that is looked at, bytes. */
export const TOKEN_BYTES_MAX = 64 * 1024;

/** Base64url of the SHA-256 of the public key's DER, as upstream names its keys. */
export function keyIdFor(key: KeyObject): string {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' })).digest('base64url');
}

export function algorithmFor(key: KeyObject): JwtAlgorithm {
  return key.asymmetricKeyType === 'rsa' ? 'RS256' : 'ES256';
}

export function signingKey(privateKey: KeyObject): SigningKey {
  return { keyId: keyIdFor(privateKey), algorithm: algorithmFor(privateKey), privateKey };
}

export function verificationKey(key: KeyObject): VerificationKey {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return { keyId: keyIdFor(publicKey), algorithm: algorithmFor(publicKey), publicKey };
}

/** Signs on the thread pool: RSA takes about a millisecond. */
export function signJwt(claims: JwtClaims, key: SigningKey): Promise<string> {
  const header = { alg: key.algorithm, kid: key.keyId };
  const text = `${encode(header)}.${encode(claims)}`;
  return new Promise((resolve, reject) => {
    sign('sha256', Buffer.from(text), { key: key.privateKey, dsaEncoding: 'ieee-p1363' }, (error, signature) => {
      if (error === null) resolve(`${text}.${signature.toString('base64url')}`);
      else reject(error);
    });
  });
}

export interface DecodedJwt { readonly keyId: string | undefined; readonly algorithm: string; readonly claims: JwtClaims }

const PART = /^[A-Za-z0-9_-]+$/;

/** Reads a token without trusting it; undefined when it is none. */
export function decodeJwt(token: string): DecodedJwt | undefined {
  if (token.length > TOKEN_BYTES_MAX) return undefined;
  const parts = token.split('.');
  if (parts.length !== 3 || !parts.every((part) => PART.test(part))) return undefined;
  const header = decode(parts[0]!);
  const claims = decode(parts[1]!);
  if (header === undefined || claims === undefined || typeof header['alg'] !== 'string') return undefined;
  return { keyId: typeof header['kid'] === 'string' ? header['kid'] : undefined, algorithm: header['alg'], claims };
}

/** The claims of a token that one of `keys` signed; undefined otherwise. */
export function verifyJwt(token: string, keys: readonly VerificationKey[]): JwtClaims | undefined {
  const decoded = decodeJwt(token);
  if (decoded === undefined) return undefined;
  const end = token.lastIndexOf('.');
  const signed = Buffer.from(token.slice(0, end));
  const signature = Buffer.from(token.slice(end + 1), 'base64url');
  for (const key of keys) {
    if (decoded.algorithm !== key.algorithm) continue;
    if (decoded.keyId !== undefined && decoded.keyId !== key.keyId) continue;
    if (verify('sha256', signed, { key: key.publicKey, dsaEncoding: 'ieee-p1363' }, signature)) return decoded.claims;
  }
  return undefined;
}

/** The public keys as a JSON Web Key Set. */
export function jsonWebKeySet(keys: readonly VerificationKey[]): { keys: Record<string, unknown>[] } {
  return {
    keys: keys.map((key) => {
      const { kty, ...rest } = key.publicKey.export({ format: 'jwk' });
      return { use: 'sig', kty, kid: key.keyId, alg: key.algorithm, ...rest };
    }),
  };
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : undefined;
  } catch {
    return undefined;
  }
}
