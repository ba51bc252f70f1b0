/**
 * The resolv.conf of a pod by its dnsPolicy and dnsConfig.
 *
 * Limits are the resolver's: three servers, 32 search domains of 2048 characters in all; what is beyond is left out and reported.
 */
import type { Pod, PodDNSConfigOption } from '#api/generated/core/v1';
import type { DnsConfig } from '../cri/contract.ts';

const SERVERS_MAX = 3;
const SEARCHES_MAX = 32;
const SEARCH_CHARS_MAX = 2_048;

export interface DnsOptions {
  clusterDns: readonly string[];
  clusterDomain: string;
  /** Of the node's resolv.conf. */
  host: DnsConfig;
}

export interface PodDns {
  config: DnsConfig;
  /** Warning events to record: reason and message. */
  warnings: { reason: string; message: string }[];
}

export function parseResolvConf(text: string): DnsConfig {
  const config: DnsConfig = { servers: [], searches: [], options: [] };
  for (const line of text.split('\n')) {
    const [keyword, ...rest] = line.replace(/[#;].*$/, '').trim().split(/\s+/);
    if (keyword === 'nameserver' && rest[0] !== undefined) config.servers.push(rest[0]);
    if (keyword === 'search') config.searches = rest.map((domain) => (domain === '.' ? domain : domain.replace(/\.$/, '')));
    if (keyword === 'options') config.options = rest;
  }
  return config;
}

export function podDns(pod: Pod, options: DnsOptions): PodDns {
  const warnings: PodDns['warnings'] = [];
  const policy = effectivePolicy(pod);
  let base: DnsConfig = { servers: [...options.host.servers], searches: [...options.host.searches], options: [...options.host.options] };
  if (policy === 'None') base = { servers: [], searches: [], options: [] };
  if (policy === 'Cluster') {
    if (options.clusterDns.length > 0) base = clusterConfig(pod, options);
    else {
      warnings.push({ reason: 'MissingClusterDNS', message: `pod: "${pod.metadata.name}/${pod.metadata.namespace}". kubelet does not have ClusterDNS IP configured and cannot create Pod using "${pod.spec?.dnsPolicy ?? 'ClusterFirst'}" policy. Falling back to "Default" policy.` });
    }
  }
  const own = pod.spec?.dnsConfig;
  const merged: DnsConfig = own === undefined ? base : {
    servers: unique([...base.servers, ...(own.nameservers ?? [])]),
    searches: unique([...base.searches, ...(own.searches ?? [])]),
    options: mergeOptions(base.options, own.options ?? []),
  };
  return { config: withinLimits(merged, warnings), warnings };
}

function effectivePolicy(pod: Pod): 'Cluster' | 'Default' | 'None' {
  switch (pod.spec?.dnsPolicy ?? 'ClusterFirst') {
    case 'None': return 'None';
    case 'ClusterFirstWithHostNet': return 'Cluster';
    case 'ClusterFirst': return pod.spec?.hostNetwork === true ? 'Default' : 'Cluster';
    default: return 'Default';
  }
}

function clusterConfig(pod: Pod, options: DnsOptions): DnsConfig {
  const domain = options.clusterDomain;
  const own = domain === '' ? [] : [`${pod.metadata.namespace}.svc.${domain}`, `svc.${domain}`, domain];
  return { servers: [...options.clusterDns], searches: unique([...own, ...options.host.searches]), options: ['ndots:5'] };
}

function mergeOptions(base: readonly string[], own: readonly PodDNSConfigOption[]): string[] {
  const merged = new Map(base.map((option) => [option.split(':')[0]!, option]));
  for (const { name, value } of own) if (name !== undefined) merged.set(name, value === undefined || value === '' ? name : `${name}:${value}`);
  return [...merged.values()];
}

function withinLimits(config: DnsConfig, warnings: PodDns['warnings']): DnsConfig {
  const servers = config.servers.slice(0, SERVERS_MAX);
  if (servers.length < config.servers.length) {
    warnings.push({ reason: 'DNSConfigForming', message: `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${servers.join(' ')}` });
  }
  let searches = config.searches.slice(0, SEARCHES_MAX);
  while (searches.join(' ').length > SEARCH_CHARS_MAX) searches = searches.slice(0, -1);
  if (searches.length < config.searches.length) {
    warnings.push({ reason: 'DNSConfigForming', message: `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${searches.join(' ')}` });
  }
  return { servers, searches, options: config.options };
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
