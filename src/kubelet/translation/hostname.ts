/**
 * A pod's host name, its domain, and its /etc/hosts.
 */
import type { HostAlias, Pod } from '#api/generated/core/v1';

const HOSTNAME_CHARS_MAX = 63;
/** Of the kernel, for `setHostnameAsFQDN`. */
const FQDN_CHARS_MAX = 64;

export interface HostNames { hostname: string; domain: string }

export function hostNames(pod: Pod, clusterDomain: string): HostNames {
  const override = pod.spec?.hostnameOverride;
  if (override !== undefined && override !== '') return { hostname: override, domain: '' };
  const given = pod.spec?.hostname ?? '';
  // Cutting may leave a trailing dash or dot, which is no host name.
  const hostname = given !== '' ? given : (pod.metadata.name ?? '').slice(0, HOSTNAME_CHARS_MAX).replace(/[-.]+$/, '');
  const subdomain = pod.spec?.subdomain ?? '';
  return { hostname, domain: subdomain === '' ? '' : `${subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}` };
}

/** What the kernel is told. @throws Error when the full name is too long for it. */
export function kernelHostname(pod: Pod, names: HostNames): string {
  if (pod.spec?.setHostnameAsFQDN !== true || names.domain === '') return names.hostname;
  const full = `${names.hostname}.${names.domain}`;
  if (full.length > FQDN_CHARS_MAX) throw new Error(`failed to construct FQDN from pod hostname and cluster domain, FQDN ${full} is too long (${FQDN_CHARS_MAX} characters is the max, ${full.length} characters requested)`);
  return full;
}

/** The file that replaces the image's /etc/hosts. */
export function hostsFile(ips: readonly string[], names: HostNames, aliases: readonly HostAlias[]): string {
  const own = ips.map((ip) => (names.domain === '' ? `${ip}\t${names.hostname}\n` : `${ip}\t${names.hostname}.${names.domain}\t${names.hostname}\n`)).join('');
  return `# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
${own}${aliasesText(aliases)}`;
}

/** For a pod on the host's network: the node's own file and the aliases. */
export function hostNetworkHostsFile(nodeHosts: string, aliases: readonly HostAlias[]): string {
  return `# Kubernetes-managed hosts file (host network).\n${nodeHosts}${aliasesText(aliases)}`;
}

function aliasesText(aliases: readonly HostAlias[]): string {
  if (aliases.length === 0) return '';
  return `\n# Entries added by HostAliases.\n${aliases.map((alias) => `${alias.ip}\t${(alias.hostnames ?? []).join('\t')}\n`).join('')}`;
}
