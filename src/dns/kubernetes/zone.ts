/**
 * The records of the cluster's zone (Kubernetes DNS specification 1.1.0), looked up by splitting the name: no record table is kept.
 *
 *     web.default.svc.cluster.local             A/AAAA  cluster IPs; headless: the ready endpoints
 *     _http._tcp.web.default.svc.…              SRV     port of the service or of each endpoint
 *     node-0.web.default.svc.…                  A       endpoint by hostname (or dashed address) of a headless service
 *     10-244-1-5.default.pod.cluster.local      A       the address in the name
 *     7.1.244.10.in-addr.arpa                   PTR     service or endpoint name
 *
 * Pure over a `ZoneData` view. A name that exists with no record of the asked type is NOERROR without answers (never NXDOMAIN):
 * resolvers would give up on the other address family.
 */
import type { Service } from '#api/generated/core/v1';
import type { EndpointSlice } from '#api/generated/discovery/v1';
import type { DnsQuestion, DnsRecord, DnsReply } from '../plugin.ts';

export interface ZoneData {
  service(namespace: string, name: string): Service | undefined;
  namespaceExists(namespace: string): boolean;
  slices(namespace: string, service: string): readonly EndpointSlice[];
  serviceByClusterIP(ip: string): Service | undefined;
  /** Slices that hold this address. */
  slicesByAddress(ip: string): readonly EndpointSlice[];
  /** A number that changes with the data: the SOA serial. */
  serial(): number;
}

export interface ZoneOptions {
  /** `cluster.local`. */
  readonly domain: string;
  readonly ttlSeconds: number;
}

const SCHEMA_VERSION = '1.1.0';
const NEGATIVE_TTL_SECONDS = 5;

interface Host { readonly ip: string; readonly hostname: string }

export function zoneReply(question: DnsQuestion, data: ZoneData, options: ZoneOptions): DnsReply {
  const { domain } = options;
  const labels = question.name === domain ? [] : question.name.slice(0, -domain.length - 1).split('.');
  const records = lookUp(labels, question, data, options);
  if (records === undefined) return { code: 'NXDOMAIN', answers: [], authorities: [soa(data, options)], authoritative: true };
  const answers = records.filter((record) => record.type === question.type || record.type === 'CNAME' || question.type === 'ANY');
  const additionals = question.type === 'SRV' ? records.filter((record) => record.type === 'A' || record.type === 'AAAA') : [];
  if (answers.length === 0) return { code: 'NOERROR', answers, authorities: [soa(data, options)], authoritative: true };
  return { code: 'NOERROR', answers, additionals, authoritative: true };
}

function soa(data: ZoneData, { domain }: ZoneOptions): DnsRecord {
  return {
    type: 'SOA', name: domain, ttl: NEGATIVE_TTL_SECONDS,
    data: { mname: `ns.dns.${domain}`, rname: `hostmaster.${domain}`, serial: data.serial(), refresh: 7200, retry: 1800, expire: 86400, minimum: NEGATIVE_TTL_SECONDS },
  };
}

/** All records of a name, of any type; undefined: no such name. */
function lookUp(labels: readonly string[], question: DnsQuestion, data: ZoneData, options: ZoneOptions): DnsRecord[] | undefined {
  const { name } = question;
  const { domain, ttlSeconds: ttl } = options;
  if (labels.length === 0) {
    return [soa(data, options), { type: 'NS', name: domain, ttl, data: `ns.dns.${domain}` }];
  }
  if (labels.length === 1 && labels[0] === 'dns-version') return [{ type: 'TXT', name, ttl, data: SCHEMA_VERSION }];
  const kind = labels.at(-1);
  const namespace = labels.at(-2);
  if (kind === 'svc') {
    if (namespace === undefined) return [];
    const service = labels.at(-3);
    if (service === undefined) return data.namespaceExists(namespace) ? [] : undefined;
    const found = data.service(namespace, service);
    return found === undefined ? undefined : serviceRecords(labels.slice(0, -3), found, question, data, options);
  }
  if (kind === 'pod') {
    if (namespace === undefined) return [];
    if (!data.namespaceExists(namespace)) return undefined;
    if (labels.length === 2) return [];
    return labels.length === 3 ? podRecords(name, labels[0]!, ttl) : undefined;
  }
  return undefined;
}

function podRecords(name: string, dashed: string, ttl: number): DnsRecord[] | undefined {
  const v4 = dashed.split('-');
  if (v4.length === 4 && v4.every((octet) => /^\d{1,3}$/.test(octet) && Number(octet) < 256)) return [{ type: 'A', name, ttl, data: v4.join('.') }];
  const v6 = dashed.replaceAll('-', ':');
  return /^[0-9a-f:]{2,39}$/.test(v6) && v6.includes('::') !== (v6.split(':').length === 8) ? [{ type: 'AAAA', name, ttl, data: v6 }] : undefined;
}

function serviceRecords(rest: readonly string[], service: Service, question: DnsQuestion, data: ZoneData, options: ZoneOptions): DnsRecord[] | undefined {
  const { name } = question;
  const { ttlSeconds: ttl } = options;
  const spec = service.spec ?? {};
  if (spec.type === 'ExternalName') return rest.length === 0 ? [{ type: 'CNAME', name, ttl, data: spec.externalName ?? '' }] : undefined;
  const headless = spec.clusterIP === 'None';
  if (rest.length === 0) {
    const ips = headless ? hosts(service, data).map((host) => host.ip) : spec.clusterIPs ?? [];
    const addresses = unique(ips).map((ip) => addressRecord(name, ip, ttl));
    return question.type === 'SRV' ? [...srvRecords(undefined, undefined, service, question, data, options), ...addresses] : addresses;
  }
  if (rest.length === 2 && rest[0]!.startsWith('_') && rest[1]!.startsWith('_')) {
    const records = srvRecords(rest[0]!.slice(1), rest[1]!.slice(1), service, question, data, options);
    return records.length === 0 ? undefined : records;
  }
  if (rest.length === 1 && headless) {
    const matching = hosts(service, data).filter((host) => host.hostname === rest[0]);
    return matching.length === 0 ? undefined : unique(matching.map((host) => host.ip)).map((ip) => addressRecord(name, ip, ttl));
  }
  return undefined;
}

function addressRecord(name: string, ip: string, ttl: number): DnsRecord {
  return { type: ip.includes(':') ? 'AAAA' : 'A', name, ttl, data: ip };
}

function unique(values: readonly string[]): string[] { return [...new Set(values)]; }

/** The published endpoints of a headless service, with the label each is found by. */
function hosts(service: Service, data: ZoneData): Host[] {
  const publishAll = service.spec?.publishNotReadyAddresses === true;
  const found: Host[] = [];
  for (const slice of data.slices(service.metadata.namespace ?? '', service.metadata.name ?? '')) {
    for (const endpoint of slice.endpoints ?? []) {
      if (!publishAll && endpoint.conditions?.ready === false) continue;
      for (const ip of endpoint.addresses) found.push({ ip, hostname: endpoint.hostname ?? dashed(ip) });
    }
  }
  return found;
}

function dashed(ip: string): string { return ip.replaceAll(/[.:]/g, '-'); }

/** @param port @param protocol undefined: every port (a question for SRV at the service's own name). */
function srvRecords(port: string | undefined, protocol: string | undefined, service: Service, question: DnsQuestion, data: ZoneData, options: ZoneOptions): DnsRecord[] {
  const { ttlSeconds: ttl, domain } = options;
  const base = `${service.metadata.name}.${service.metadata.namespace}.svc.${domain}`;
  const matches = (candidate: { name?: string; protocol?: string }): boolean =>
    (port === undefined || candidate.name === port) && (protocol === undefined || (candidate.protocol ?? 'TCP').toLowerCase() === protocol);
  const records: DnsRecord[] = [];
  if (service.spec?.clusterIP !== 'None') {
    for (const candidate of (service.spec?.ports ?? []).filter(matches)) {
      records.push({ type: 'SRV', name: question.name, ttl, data: { priority: 0, weight: 100, port: candidate.port, target: base } });
    }
    if (records.length > 0) records.push(...(service.spec?.clusterIPs ?? []).map((ip) => addressRecord(base, ip, ttl)));
    return records;
  }
  for (const slice of data.slices(service.metadata.namespace ?? '', service.metadata.name ?? '')) {
    for (const candidate of (slice.ports ?? []).filter(matches)) {
      for (const endpoint of slice.endpoints ?? []) {
        if (endpoint.conditions?.ready === false && service.spec?.publishNotReadyAddresses !== true) continue;
        for (const ip of endpoint.addresses) {
          const target = `${endpoint.hostname ?? dashed(ip)}.${base}`;
          records.push({ type: 'SRV', name: question.name, ttl, data: { priority: 0, weight: 100, port: candidate.port ?? 0, target } }, addressRecord(target, ip, ttl));
        }
      }
    }
  }
  return records;
}

/** @returns undefined when the address is none of the cluster's. */
export function reverseReply(question: DnsQuestion, ip: string, data: ZoneData, options: ZoneOptions): DnsReply | undefined {
  const { ttlSeconds: ttl, domain } = options;
  const names: string[] = [];
  const service = data.serviceByClusterIP(ip);
  if (service !== undefined) names.push(`${service.metadata.name}.${service.metadata.namespace}.svc.${domain}`);
  for (const slice of service === undefined ? data.slicesByAddress(ip) : []) {
    const endpoint = (slice.endpoints ?? []).find((candidate) => candidate.addresses.includes(ip));
    const owner = slice.metadata.labels?.['kubernetes.io/service-name'];
    if (endpoint?.hostname !== undefined && owner !== undefined) names.push(`${endpoint.hostname}.${owner}.${slice.metadata.namespace}.svc.${domain}`);
    else if (owner !== undefined) names.push(`${dashed(ip)}.${owner}.${slice.metadata.namespace}.svc.${domain}`);
  }
  if (names.length === 0) return undefined;
  const answers = question.type === 'PTR' || question.type === 'ANY' ? unique(names).map((data): DnsRecord => ({ type: 'PTR', name: question.name, ttl, data })) : [];
  return { code: 'NOERROR', answers, authoritative: true };
}

/** `7.1.244.10.in-addr.arpa` → `10.244.1.7`; undefined for other names. */
export function reverseAddress(name: string): string | undefined {
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/.exec(name);
  if (v4 !== null) return `${v4[4]}.${v4[3]}.${v4[2]}.${v4[1]}`;
  const v6 = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name);
  if (v6 === null) return undefined;
  const digits = v6[1]!.split('.').filter((digit) => digit !== '').reverse().join('');
  return compressV6(digits.match(/.{4}/g)!.map((group) => group.replace(/^0{1,3}/, '')));
}

/** RFC 5952: the longest run of zero groups becomes `::`. */
function compressV6(groups: readonly string[]): string {
  let best = { start: -1, length: 1 };
  for (let i = 0; i < groups.length; i++) {
    let length = 0;
    while (groups[i + length] === '0') length++;
    if (length > best.length) best = { start: i, length };
  }
  if (best.start < 0) return groups.join(':');
  return `${groups.slice(0, best.start).join(':')}::${groups.slice(best.start + best.length).join(':')}`;
}
