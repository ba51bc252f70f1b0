/** The kubeconfigs a cluster writes: the administrator's, each component's, and its context in the user's own file. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { kubeconfigText, mergeKubeconfigs, readKubeconfig, withoutContext, writeKubeconfig, type Kubeconfig } from '#client/kubeconfig';
import type { Certified } from '#pki/certificate';
import { DEFAULT_DATA_DIR, type ClusterConfig } from './cluster-config.ts';

/** `kubernode`, and for further clusters `kubernode-<id>`. */
export function contextName(config: Pick<ClusterConfig, 'dataDir' | 'id'>): string {
  return config.dataDir === DEFAULT_DATA_DIR ? 'kubernode' : `kubernode-${config.id}`;
}

export function kubeconfigFor(name: string, user: string, server: string, pki: { readonly authority: { readonly certificatePem: string } }, identity: Certified): Kubeconfig {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return {
    apiVersion: 'v1', kind: 'Config', 'current-context': name,
    clusters: [{ name, cluster: { server, 'certificate-authority-data': base64(pki.authority.certificatePem) } }],
    users: [{ name: user, user: { 'client-certificate-data': base64(identity.certificatePem), 'client-key-data': base64(identity.privateKeyPem) } }],
    contexts: [{ name, context: { cluster: name, user } }],
  };
}

export function writeKubeconfigFile(path: string, config: Kubeconfig): void {
  writeSecretFile(path, kubeconfigText(config));
}

export function writeSecretFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, text, { mode: 0o600 });
}

function userKubeconfigPath(): string {
  const fromEnvironment = process.env['KUBECONFIG']?.split(':').find((path) => path !== '');
  return fromEnvironment ?? join(homedir(), '.kube', 'config');
}

/** Adds (or replaces) the cluster's context in the user's kubeconfig and makes it the current one. @returns the file. */
export async function mergeIntoUserKubeconfig(config: ClusterConfig, admin: Kubeconfig): Promise<string> {
  const path = userKubeconfigPath();
  const name = contextName(config);
  const known = existsSync(path) ? withoutContext(await readKubeconfig(path), name) : undefined;
  const renamed = admin;
  await writeKubeconfig(path, { ...(known === undefined ? renamed : mergeKubeconfigs(renamed, known)), 'current-context': name });
  return path;
}

export async function removeFromUserKubeconfig(config: ClusterConfig): Promise<void> {
  const path = userKubeconfigPath();
  if (!existsSync(path)) return;
  const known = await readKubeconfig(path);
  if (known.contexts.some((context) => context.name === contextName(config))) await writeKubeconfig(path, withoutContext(known, contextName(config)));
}
