/**
 * The keys that all API servers of one cluster must have the same of: both authorities and the key of service-account tokens. What each
 * makes for itself (serving and client certificates) is issued from them.
 *
 * Whoever has them is the cluster. They are installed once, before anything else of the cluster is made on that machine.
 */
import { createPublicKey } from 'node:crypto';
import { readAuthority, readPrivateKey } from './certificate.ts';
import { keyFiles } from './key-files.ts';

const PAIRS = [['ca.crt', 'ca.key'], ['front-proxy-ca.crt', 'front-proxy-ca.key'], ['sa.pub', 'sa.key']] as const;
const NAMES = PAIRS.flat();

/** By file name, PEM. */
export type SharedKeys = Readonly<Record<(typeof NAMES)[number], string>>;

/** Of a directory that `clusterPki` has filled. @throws Error when one is missing */
export function readSharedKeys(directory: string): SharedKeys {
  const files = keyFiles(directory);
  return Object.fromEntries(NAMES.map((name) => {
    const text = files.read(name);
    if (text === undefined) throw new Error(`${files.path(name) ?? name} is missing`);
    return [name, text];
  })) as SharedKeys;
}

/** The directory has keys of a cluster already. */
export function hasSharedKeys(directory: string): boolean { return keyFiles(directory).read('ca.crt') !== undefined; }

/** Authority last: a directory with one is whole. @throws Error when keys and certificates do not belong together; nothing is written then. */
export function installSharedKeys(directory: string, keys: SharedKeys): void {
  for (const name of NAMES) if (typeof keys[name] !== 'string') throw new Error(`${name} is missing`);
  readAuthority(keys['ca.crt'], keys['ca.key']);
  readAuthority(keys['front-proxy-ca.crt'], keys['front-proxy-ca.key']);
  const own = createPublicKey(readPrivateKey(keys['sa.key'])).export({ type: 'spki', format: 'pem' }) as string;
  if (!keys['sa.pub'].includes(own.trim())) throw new Error('sa.pub does not hold the key of sa.key');
  const files = keyFiles(directory);
  for (const [open, secret] of [...PAIRS].reverse()) {
    files.write(secret, keys[secret], true);
    files.write(open, keys[open], false);
  }
}
