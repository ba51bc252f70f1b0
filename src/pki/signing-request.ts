/** PKCS #10 certificate signing requests: reading (with proof of possession checked) and making. */
import { createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { bits, children, DerError, integer, oid, readOid, readOne, sequence, set, tagged, TAG } from './der.ts';
import { encodeName, parseName, type ParsedName, type SubjectName } from './distinguished-name.ts';
import { alternativeNames, EXTENSION, NO_ALTERNATIVE_NAMES, parseAlternativeNames, parseExtensions, type AlternativeNames } from './extensions.ts';
import { decodePem, encodePem } from './pem.ts';

const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';

const SIGNATURE_HASHES: Readonly<Record<string, string | null>> = {
  '1.2.840.10045.4.3.2': 'sha256', '1.2.840.10045.4.3.3': 'sha384', '1.2.840.10045.4.3.4': 'sha512',
  '1.2.840.113549.1.1.11': 'sha256', '1.2.840.113549.1.1.12': 'sha384', '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.113549.1.1.5': 'sha1', '1.3.101.112': null,
};

export interface SigningRequest {
  readonly subject: ParsedName;
  readonly names: AlternativeNames;
  readonly publicKey: KeyObject;
}

/** The texts are the ones users see in `spec.request: Invalid value`. */
export class SigningRequestError extends Error {}

/** @param pem one `CERTIFICATE REQUEST` block. @throws SigningRequestError */
export function parseSigningRequest(pem: string): SigningRequest {
  const block = decodePem(pem)[0];
  if (block === undefined || block.label !== 'CERTIFICATE REQUEST') {
    throw new SigningRequestError('PEM block type must be CERTIFICATE REQUEST');
  }
  try {
    const [info, algorithm, signature] = children(readOne(block.bytes));
    const [, subject, key, attributes] = children(info);
    if (info === undefined || subject === undefined || key === undefined || signature?.tag !== TAG.bitString) throw new DerError('value missing');
    const publicKey = createPublicKey({ key: key.raw, format: 'der', type: 'spki' });
    const hash = SIGNATURE_HASHES[readOid(children(algorithm)[0]!)];
    if (hash === undefined || !verify(hash, info.raw, publicKey, signature.contents.subarray(1))) {
      throw new SigningRequestError('the signature does not match the public key');
    }
    return { subject: parseName(subject.raw), names: requestedNames(attributes?.contents), publicKey };
  } catch (error) {
    if (error instanceof SigningRequestError) throw error;
    throw new SigningRequestError(`asn1: structure error: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function requestedNames(attributes: Buffer | undefined): AlternativeNames {
  if (attributes === undefined) return NO_ALTERNATIVE_NAMES;
  for (const attribute of children(readOne(sequence(attributes)))) {
    const [type, values] = children(attribute);
    if (type === undefined || readOid(type) !== EXTENSION_REQUEST) continue;
    const list = children(values, TAG.set)[0];
    const found = list === undefined ? undefined : parseExtensions(list).get(EXTENSION.subjectAltName);
    if (found !== undefined) return parseAlternativeNames(found);
  }
  return NO_ALTERNATIVE_NAMES;
}

export function createSigningRequest(privateKey: KeyObject, subject: SubjectName, names: Partial<AlternativeNames> = {}): string {
  const alternative = alternativeNames({ ...NO_ALTERNATIVE_NAMES, ...names });
  const attributes = alternative === undefined
    ? tagged(0)
    : tagged(0, sequence(oid(EXTENSION_REQUEST), set(sequence(alternative))));
  const key = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const info = sequence(integer(Buffer.from([0])), encodeName(subject), key, attributes);
  const isEc = privateKey.asymmetricKeyType === 'ec';
  const algorithm = isEc ? sequence(oid('1.2.840.10045.4.3.2')) : sequence(oid('1.2.840.113549.1.1.11'), Buffer.from([TAG.null, 0]));
  return encodePem('CERTIFICATE REQUEST', sequence(info, algorithm, bits(sign('sha256', info, privateKey))));
}
