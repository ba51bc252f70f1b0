/** Public keys of pods: which kinds are taken, and the proof that the asker has the private one. */
import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { encodePem } from '#pki/pem';
import { parseSigningRequest, SigningRequestError } from '#pki/signing-request';

const CURVES = ['prime256v1', 'secp384r1', 'secp521r1'];
const MODULUS_BITS = [3072, 4096];

export function readPublicKey(bytes: Buffer): KeyObject | undefined {
  try {
    return createPublicKey({ key: bytes, format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}

/** @returns the key of the request; undefined when it is none. */
export function readStubRequest(bytes: Buffer): KeyObject | 'invalid signature' | undefined {
  try {
    return parseSigningRequest(encodePem('CERTIFICATE REQUEST', bytes)).publicKey;
  } catch (error) {
    if (!(error instanceof SigningRequestError)) throw error;
    return error.message.startsWith('the signature') ? 'invalid signature' : undefined;
  }
}

/** @returns why a key of this kind is refused, and the value to show instead of the key. */
export function keyFault(key: KeyObject, curves: string): { readonly value?: string; readonly text: string } | undefined {
  const { namedCurve = '', modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'ed25519': return undefined;
    case 'ec': return CURVES.includes(namedCurve) ? undefined : { value: `curve ${namedCurve}`, text: `elliptic public keys must use curve ${curves}` };
    case 'rsa':
      return MODULUS_BITS.includes(modulusLength) ? undefined
        : { value: `${modulusLength}-bit modulus`, text: 'RSA keys must have modulus size 3072 or 4096' };
    default: return { text: 'unknown public key type; supported types are Ed25519, ECDSA, and RSA' };
  }
}

/** The pod's UID is signed with the private key. */
export function provesPossession(key: KeyObject, podUid: string, proof: Buffer): boolean {
  const message = Buffer.from(podUid);
  if (key.asymmetricKeyType === 'ed25519') return verify(null, message, key, proof);
  if (key.asymmetricKeyType === 'ec') return verify('sha256', message, key, proof);
  const padding = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO };
  return verify('sha256', message, padding, proof);
}
