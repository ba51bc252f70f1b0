/**
 * The key pair that signs service-account tokens: RSA-2048 (RS256), as upstream's clusters have and every verifier knows.
 *
 * Making one takes 50–500 ms of CPU, so it is made on the thread pool while the cluster starts, and whoever needs it waits.
 * No token is signed before the key is on disk. `sa.pub` may hold further public keys: tokens of an old key stay valid.
 */
import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { privateKeyPem, readPrivateKey } from './certificate.ts';
import { signingKey, verificationKey, type SigningKey, type VerificationKey } from './jwt.ts';
import type { KeyFiles } from './key-files.ts';

export interface ServiceAccountKeys {
  readonly signing: SigningKey;
  /** All keys whose tokens are accepted, the signing one first. */
  readonly verification: readonly VerificationKey[];
}

const RSA_BITS = 2048;
const PUBLIC_BLOCK = /-----BEGIN PUBLIC KEY-----[\s\S]*?-----END PUBLIC KEY-----/g;

export async function loadServiceAccountKeys(files: KeyFiles): Promise<ServiceAccountKeys> {
  const stored = files.read('sa.key');
  const privateKey = stored === undefined ? await generateRsaKey() : readPrivateKey(stored);
  const own = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }) as string;
  if (stored === undefined) {
    files.write('sa.pub', own, false);
    files.write('sa.key', privateKeyPem(privateKey), true);
  }
  const signing = signingKey(privateKey);
  const listed = (files.read('sa.pub') ?? own).match(PUBLIC_BLOCK) ?? [];
  const others = listed.map((pem) => verificationKey(createPublicKey(pem))).filter((key) => key.keyId !== signing.keyId);
  return { signing, verification: [verificationKey(privateKey), ...others] };
}

function generateRsaKey(): Promise<KeyObject> {
  return new Promise((resolve, reject) => {
    generateKeyPair('rsa', { modulusLength: RSA_BITS }, (error, _publicKey, privateKey) => {
      if (error === null) resolve(privateKey);
      else reject(error);
    });
  });
}
