/**
 * Making and reading certificates: a self-signed authority, leaves signed by one.
 *
 * The DER is written here (X.509 v3 as RFC 5280 profiles it); signatures, keys and chain checks are node:crypto's.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, X509Certificate, type KeyObject } from 'node:crypto';
import type { Random } from '#base/random';
import { bits, children, der, integer, oid, readOne, sequence, tagged, TAG, time } from './der.ts';
import { encodeName, parseName, type ParsedName, type SubjectName } from './distinguished-name.ts';
import { alternativeNames, basicConstraints, EXTENSION, extension, parseAlternativeNames, parseExtensions, usageExtensions, type AlternativeNames } from './extensions.ts';
import { decodePem, encodePem } from './pem.ts';

export interface Authority {
  readonly certificatePem: string;
  readonly privateKey: KeyObject;
  /** DER of the subject: the issuer of all it signs. */
  readonly subject: Buffer;
  readonly keyId: Buffer;
  readonly notAfterMs: number;
}

export interface Certified {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

export interface LeafOptions {
  /** A name, or the DER of one that was read from a request. */
  readonly subject: SubjectName | Buffer;
  readonly publicKey: KeyObject;
  /** As in `certificates.k8s.io`: `digital signature`, `client auth`, … */
  readonly usages: readonly string[];
  readonly names?: Partial<AlternativeNames>;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export function generateKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

export function privateKeyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string;
}

/** @throws Error for text that holds no private key. */
export function readPrivateKey(pem: string): KeyObject {
  return createPrivateKey(pem);
}

export function createAuthority(options: { commonName: string; notBeforeMs: number; notAfterMs: number; random: Random }): Authority {
  const privateKey = generateKey();
  const subject = encodeName({ commonName: options.commonName });
  const keyId = keyIdOf(createPublicKey(privateKey));
  const certificate = assemble({
    subject, issuer: subject, publicKey: createPublicKey(privateKey), signer: privateKey, random: options.random,
    notBeforeMs: options.notBeforeMs, notAfterMs: options.notAfterMs,
    extensions: [
      ...usageExtensions(['digital signature', 'key encipherment', 'cert sign']), basicConstraints(true), subjectKeyId(keyId),
      alternativeNames({ dnsNames: [options.commonName], ipAddresses: [], emails: [], uris: [] })!,
    ],
  });
  return { certificatePem: encodePem('CERTIFICATE', certificate), privateKey, subject, keyId, notAfterMs: options.notAfterMs };
}

/** An authority from its files. @throws Error when they do not belong together or are not an authority's. */
export function readAuthority(certificatePem: string, keyPem: string): Authority {
  const certificate = new X509Certificate(certificatePem);
  const privateKey = readPrivateKey(keyPem);
  if (!certificate.ca) throw new Error('the certificate is not a certificate authority');
  if (!certificate.checkPrivateKey(privateKey)) throw new Error('the private key does not belong to the certificate');
  const parsed = parseCertificate(certificate.raw);
  return {
    certificatePem, privateKey, subject: parsed.subject.raw, keyId: keyIdOf(certificate.publicKey), notAfterMs: Date.parse(certificate.validTo),
  };
}

/** @returns the certificate as PEM. */
export function issueCertificate(authority: Authority, options: LeafOptions, random: Random): string {
  const names = { dnsNames: [], ipAddresses: [], emails: [], uris: [], ...options.names };
  const subject = Buffer.isBuffer(options.subject) ? options.subject : encodeName(options.subject);
  const alternative = alternativeNames(names);
  const certificate = assemble({
    subject, issuer: authority.subject, publicKey: options.publicKey, signer: authority.privateKey, random,
    notBeforeMs: options.notBeforeMs, notAfterMs: Math.min(options.notAfterMs, authority.notAfterMs),
    extensions: [
      ...usageExtensions(options.usages), basicConstraints(false),
      extension(EXTENSION.authorityKeyId, false, sequence(der(0x80, authority.keyId))),
      ...(alternative === undefined ? [] : [alternative]),
    ],
  });
  return encodePem('CERTIFICATE', certificate);
}

interface Assembly {
  subject: Buffer; issuer: Buffer; publicKey: KeyObject; signer: KeyObject; notBeforeMs: number; notAfterMs: number; extensions: Buffer[]; random: Random;
}

function assemble(parts: Assembly): Buffer {
  const algorithm = signatureAlgorithm(parts.signer);
  const serial = parts.random.bytes(16);
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  const toBeSigned = sequence(
    tagged(0, integer(Buffer.from([2]))), integer(serial), algorithm, parts.issuer,
    sequence(time(parts.notBeforeMs), time(parts.notAfterMs)), parts.subject,
    parts.publicKey.export({ type: 'spki', format: 'der' }), tagged(3, sequence(...parts.extensions)),
  );
  return sequence(toBeSigned, algorithm, bits(sign(hashFor(parts.signer), toBeSigned, parts.signer)));
}

function signatureAlgorithm(key: KeyObject): Buffer {
  switch (key.asymmetricKeyType) {
    case 'ec': return sequence(oid('1.2.840.10045.4.3.2'));
    case 'rsa': return sequence(oid('1.2.840.113549.1.1.11'), der(TAG.null));
    case 'ed25519': return sequence(oid('1.3.101.112'));
    default: throw new TypeError(`cannot sign with a key of type ${key.asymmetricKeyType}`);
  }
}

function hashFor(key: KeyObject): string | null {
  return key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
}

function subjectKeyId(keyId: Buffer): Buffer {
  return extension(EXTENSION.subjectKeyId, false, der(TAG.octetString, keyId));
}

function keyIdOf(publicKey: KeyObject): Buffer {
  return createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' })).digest().subarray(0, 20);
}

export interface ParsedCertificate {
  readonly subject: ParsedName;
  readonly issuer: ParsedName;
  /** Serial number, lower-case hexadecimal. */
  readonly serial: string;
  readonly names: AlternativeNames | undefined;
}

/** What node:crypto's reader does not give: the subject's attributes one by one. @throws DerError */
export function parseCertificate(bytes: Buffer): ParsedCertificate {
  const toBeSigned = children(children(readOne(bytes))[0]);
  const at = toBeSigned[0]?.tag === 0xa0 ? 1 : 0;
  const [serial, , issuer, , subject] = toBeSigned.slice(at);
  if (serial === undefined || issuer === undefined || subject === undefined) throw new TypeError('not a certificate');
  const wrapped = toBeSigned.find((value) => value.tag === 0xa3);
  const found = wrapped === undefined ? undefined : parseExtensions(readOne(wrapped.contents)).get(EXTENSION.subjectAltName);
  return {
    subject: parseName(subject.raw), issuer: parseName(issuer.raw), serial: serial.contents.toString('hex'),
    names: found === undefined ? undefined : parseAlternativeNames(found),
  };
}

/** The first certificate of a PEM text, as DER. */
export function certificateBytes(pem: string): Buffer | undefined {
  return decodePem(pem).find((block) => block.label === 'CERTIFICATE')?.bytes;
}

/** SHA-256 of the certificate, hexadecimal: what audit and `authentication.kubernetes.io/credential-id` name it by. */
export function certificateFingerprint(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
