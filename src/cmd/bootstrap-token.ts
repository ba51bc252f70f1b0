/**
 * Bootstrap tokens as kubeadm makes them, `abcdef.0123456789abcdef`, and in the form that carries the cluster's authority with it:
 *
 *     sha256:<hex of the SHA-256 of the CA's public key>::abcdef.0123456789abcdef
 */
import { createHash, X509Certificate } from 'node:crypto';
import type { Secret } from '#api/generated/core/v1';
import { rfc3339 } from '#base/clock';
import type { Random } from '#base/random';
import { UserError } from './terminal.ts';

export const TOKEN_NAMESPACE = 'kube-system';
export const TOKEN_SECRET_TYPE = 'bootstrap.kubernetes.io/token';
/** Who may have the keys of the cluster, to be one of its servers. */
export const SERVER_TOKEN_GROUP = 'system:bootstrappers:kubernode:servers';
export const NODE_TOKEN_GROUP = 'system:bootstrappers:kubeadm:default-node-token';
const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const PINNED = /^sha256:([0-9a-f]{64})::(.+)$/;
const ID_LENGTH = 6;
const SECRET_LENGTH = 16;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
/** Bytes from here on would make the first letters likelier. */
const BYTE_LIMIT = 256 - (256 % ALPHABET.length);

export interface BootstrapToken { readonly id: string; readonly secret: string }

/** @throws UserError when it is none. */
export function parseToken(text: string): BootstrapToken {
  const [, id, secret] = TOKEN.exec(text) ?? [];
  if (id === undefined || secret === undefined) throw new UserError('the token is not one: abcdef.0123456789abcdef is expected; kubernode token create makes one');
  return { id, secret };
}

/** A token with or without the hash of the authority. @throws UserError */
export function parseJoinToken(text: string): BootstrapToken & { readonly caHash?: string } {
  const [, caHash, token] = PINNED.exec(text) ?? [];
  return caHash === undefined ? parseToken(text) : { ...parseToken(token!), caHash };
}

export function joinToken(token: BootstrapToken, caPem: string): string {
  return `sha256:${caHash(caPem)}::${token.id}.${token.secret}`;
}

/** Hex SHA-256 of the public key, as kubeadm's `--discovery-token-ca-cert-hash sha256:…`. */
export function caHash(caPem: string): string {
  return createHash('sha256').update(new X509Certificate(caPem).publicKey.export({ type: 'spki', format: 'der' })).digest('hex');
}

export function newToken(random: Random): BootstrapToken {
  return { id: letters(random, ID_LENGTH), secret: letters(random, SECRET_LENGTH) };
}

function letters(random: Random, length: number): string {
  let text = '';
  while (text.length < length) for (const byte of random.bytes(length)) if (byte < BYTE_LIMIT && text.length < length) text += ALPHABET[byte % ALPHABET.length];
  return text;
}

export function tokenSecret(token: BootstrapToken, options: { readonly expiresMs?: number; readonly description?: string; readonly groups?: readonly string[] }): Secret {
  return {
    metadata: { name: `bootstrap-token-${token.id}`, namespace: TOKEN_NAMESPACE }, type: TOKEN_SECRET_TYPE,
    stringData: {
      'token-id': token.id, 'token-secret': token.secret, 'usage-bootstrap-authentication': 'true', 'usage-bootstrap-signing': 'true',
      'auth-extra-groups': (options.groups ?? [NODE_TOKEN_GROUP]).join(','),
      ...(options.expiresMs === undefined ? {} : { expiration: rfc3339(options.expiresMs) }),
      ...(options.description === undefined ? {} : { description: options.description }),
    },
  };
}

export function secretField(secret: Secret, key: string): string {
  return Buffer.from(secret.data?.[key] ?? '', 'base64').toString('utf8');
}
