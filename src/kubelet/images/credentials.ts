/**
 * Registry credentials out of docker config secrets, matched to images as upstream's keyring does.
 *
 * A key is `host[:port][/path]`, with `*` for one label of the host; the most specific key is tried first.
 */
import type { Secret } from '#api/generated/core/v1';
import type { AuthConfig } from '../cri/contract.ts';

const DEFAULT_REGISTRY = 'docker.io';
const DEFAULT_REGISTRY_ALIASES: ReadonlySet<string> = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

interface Entry { username?: string; password?: string; auth?: string; identitytoken?: string; registrytoken?: string }

/** Secrets that cannot be read are left out: others may still do. */
export function credentialsFor(image: string, secrets: readonly Secret[]): AuthConfig[] {
  const matching: { key: string; auth: AuthConfig }[] = [];
  for (const secret of secrets) {
    for (const [key, entry] of Object.entries(configOf(secret))) {
      const location = locationOf(key);
      if (matches(location, repositoryOf(image))) matching.push({ key: location, auth: toAuth(entry) });
    }
  }
  return matching.sort((a, b) => (a.key < b.key ? 1 : -1)).map(({ auth }) => auth);
}

function configOf(secret: Secret): Record<string, Entry> {
  try {
    if (secret.type === 'kubernetes.io/dockerconfigjson') {
      return (JSON.parse(Buffer.from(secret.data?.['.dockerconfigjson'] ?? '', 'base64').toString()) as { auths?: Record<string, Entry> }).auths ?? {};
    }
    if (secret.type === 'kubernetes.io/dockercfg') return JSON.parse(Buffer.from(secret.data?.['.dockercfg'] ?? '', 'base64').toString()) as Record<string, Entry>;
  } catch { /* not JSON: no credentials */ }
  return {};
}

function toAuth(entry: Entry): AuthConfig {
  const decoded = entry.auth === undefined ? '' : Buffer.from(entry.auth, 'base64').toString();
  const colon = decoded.indexOf(':');
  const username = entry.username ?? (colon > 0 ? decoded.slice(0, colon) : undefined);
  const password = entry.password ?? (colon > 0 ? decoded.slice(colon + 1) : undefined);
  return {
    ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }),
    ...(entry.identitytoken === undefined ? {} : { identityToken: entry.identitytoken }), ...(entry.registrytoken === undefined ? {} : { registryToken: entry.registrytoken }),
  };
}

/** `https://index.docker.io/v1/` → `docker.io`. */
function locationOf(key: string): string {
  const bare = key.replace(/^https?:\/\//, '').replace(/\/(v1|v2)\/?$/, '').replace(/\/$/, '');
  const [host = '', ...path] = bare.split('/');
  return [DEFAULT_REGISTRY_ALIASES.has(host) ? DEFAULT_REGISTRY : host, ...path].join('/');
}

/** Registry and path without tag and digest. */
export function repositoryOf(image: string): string {
  const withoutDigest = image.split('@')[0]!;
  const colon = withoutDigest.lastIndexOf(':');
  const name = colon > withoutDigest.lastIndexOf('/') ? withoutDigest.slice(0, colon) : withoutDigest;
  const first = name.split('/')[0]!;
  const hasHost = name.includes('/') && (first.includes('.') || first.includes(':') || first === 'localhost');
  return hasHost ? name : `${DEFAULT_REGISTRY}/${name.includes('/') ? name : `library/${name}`}`;
}

function matches(location: string, repository: string): boolean {
  const [keyHost = '', ...keyPath] = location.split('/');
  const [host = '', ...path] = repository.split('/');
  const keyLabels = keyHost.split('.');
  const labels = host.split('.');
  if (keyLabels.length !== labels.length) return false;
  const labelMatches = (pattern: string, label: string): boolean => pattern === label || (pattern.includes('*') && globMatches(pattern, label));
  if (!keyLabels.every((pattern, i) => labelMatches(pattern, labels[i]!))) return false;
  return path.join('/').startsWith(keyPath.join('/'));
}

/** `*` stands for any characters within one label. */
function globMatches(pattern: string, label: string): boolean {
  const parts = pattern.split('*');
  if (!label.startsWith(parts[0]!) || !label.endsWith(parts.at(-1)!)) return false;
  let at = 0;
  for (const part of parts) {
    const found = label.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return true;
}
