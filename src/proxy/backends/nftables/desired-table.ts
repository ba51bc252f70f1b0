/**
 * The nftables table that services and endpoints ask for: a pure function from a snapshot to chains and maps.
 *
 *     packet → services: (address . proto . port) @service-ips ──→ pick-3 ──→ dnat to (address . proto . port . random mod 3) @endpoints-tcp
 *              or, to an own address, (proto . port) @service-nodeports ──→ node-pick-3 ──→ … @node-endpoints-tcp
 *
 * All services of the same number of endpoints share one `pick` chain, so that a change of one service is a few map elements
 * (10 ms with 10,000 services) and no chain grows with their number. Services with session affinity get chains of their own.
 * Masquerading: hairpin (a pod that reaches itself), clients outside the pod network on cluster IPs, and external traffic under
 * policy Cluster; marked 0x4000 before DNAT, done after routing.
 */
import type { Endpoint } from '../../endpoint.ts';
import type { Protocol, ServicePort } from '../../service-port.ts';

export type Family = 'ip' | 'ip6';

/** One service port with the endpoints chosen for traffic from inside and from outside. */
export interface ServiceRules {
  readonly port: ServicePort;
  /** For the cluster IP. */
  readonly internal: readonly Endpoint[];
  /** For node ports, external and load-balancer addresses. */
  readonly external: readonly Endpoint[];
  /** Any usable endpoint in the cluster: decides between dropping and rejecting under policy Local. */
  readonly anyEndpoint: boolean;
}

export interface TableOptions {
  readonly family: Family;
  readonly table: string;
  /** Pods' addresses: traffic to cluster IPs from elsewhere is masqueraded. Empty: unknown, masquerade nothing. */
  readonly podCidrs: readonly string[];
}

export interface NftMap {
  /** What stands between the braces of its declaration. */
  readonly declaration: string;
  readonly kind: 'map' | 'set';
  /** Key → value ('' in sets). */
  readonly elements: Map<string, string>;
}

export interface DesiredTable {
  readonly family: Family;
  readonly table: string;
  /** Chain → its rules; base chains carry their hook line in `hooks`. */
  readonly chains: Map<string, readonly string[]>;
  readonly hooks: ReadonlyMap<string, string>;
  readonly maps: Map<string, NftMap>;
}

const MASQUERADE_MARK = '0x4000';
const PROTOCOLS: readonly Protocol[] = ['tcp', 'udp', 'sctp'];

const HOOKS: ReadonlyMap<string, string> = new Map([
  ['nat-prerouting', 'type nat hook prerouting priority -100 ; policy accept ;'],
  ['nat-output', 'type nat hook output priority -100 ; policy accept ;'],
  ['nat-postrouting', 'type nat hook postrouting priority 100 ; policy accept ;'],
  ['filter-input', 'type filter hook input priority -110 ; policy accept ;'],
  ['filter-forward', 'type filter hook forward priority -110 ; policy accept ;'],
  ['filter-output', 'type filter hook output priority -90 ; policy accept ;'],
]);

export function desiredTable(services: readonly ServiceRules[], options: TableOptions): DesiredTable {
  const table = skeleton(options);
  for (const service of services) addService(table, service, options.family);
  return table;
}

function skeleton({ family, table, podCidrs }: TableOptions): DesiredTable {
  const address = family === 'ip' ? 'ipv4_addr' : 'ipv6_addr';
  const maps = new Map<string, NftMap>();
  const declare = (name: string, kind: 'map' | 'set', declaration: string): void => { maps.set(name, { kind, declaration, elements: new Map() }); };
  declare('service-ips', 'map', `type ${address} . inet_proto . inet_service : verdict ;`);
  declare('service-nodeports', 'map', 'type inet_proto . inet_service : verdict ;');
  declare('no-endpoint-services', 'map', `type ${address} . inet_proto . inet_service : verdict ;`);
  declare('no-endpoint-nodeports', 'map', 'type inet_proto . inet_service : verdict ;');
  declare('cluster-ips', 'set', `type ${address} ;`);
  declare('masqueraded-ips', 'set', `type ${address} . inet_proto . inet_service ;`);
  declare('hairpin', 'set', `type ${address} . ${address} ;`);
  for (const protocol of PROTOCOLS) {
    declare(`endpoints-${protocol}`, 'map', `typeof ${family} daddr . meta l4proto . th dport . numgen random mod 65536 : ${family} daddr . ${protocol} dport ;`);
    declare(`node-endpoints-${protocol}`, 'map', `typeof meta l4proto . th dport . numgen random mod 65536 : ${family} daddr . ${protocol} dport ;`);
  }
  const own = `fib daddr type local${family === 'ip' ? ` ${family} daddr != 127.0.0.0/8` : ''}`;
  const outside = podCidrs.length === 0 ? [] : [`${family} daddr @cluster-ips ${family} saddr != { ${podCidrs.join(', ')} } jump mark-for-masquerade`];
  const chains = new Map<string, readonly string[]>([
    ['mark-for-masquerade', [`meta mark set meta mark or ${MASQUERADE_MARK}`]],
    ['services', [
      ...outside,
      `${family} daddr . meta l4proto . th dport @masqueraded-ips jump mark-for-masquerade`,
      `${family} daddr . meta l4proto . th dport vmap @service-ips`,
      `${own} meta l4proto . th dport vmap @service-nodeports`,
    ]],
    ['no-endpoints', [
      `${family} daddr . meta l4proto . th dport vmap @no-endpoint-services`,
      `${own} meta l4proto . th dport vmap @no-endpoint-nodeports`,
    ]],
    ['reject-chain', ['reject']],
    ['nat-prerouting', ['jump services']],
    ['nat-output', ['jump services']],
    ['nat-postrouting', [
      `meta mark & ${MASQUERADE_MARK} != 0 meta mark set meta mark xor ${MASQUERADE_MARK} masquerade fully-random`,
      `ct status dnat ${family} saddr . ${family} daddr @hairpin masquerade fully-random`,
    ]],
    ['filter-input', ['ct state new jump no-endpoints']],
    ['filter-forward', ['ct state new jump no-endpoints']],
    ['filter-output', ['ct state new jump no-endpoints']],
  ]);
  return { family, table, chains, hooks: HOOKS, maps };
}

function addService(table: DesiredTable, service: ServiceRules, family: Family): void {
  const { port, internal, external } = service;
  const mine = (ips: readonly string[]): string[] => ips.filter((ip) => ip.includes(':') === (family === 'ip6'));
  for (const endpoint of [...internal, ...external]) table.maps.get('hairpin')!.elements.set(`${endpoint.ip} . ${endpoint.ip}`, '');
  for (const ip of mine(port.clusterIPs)) {
    table.maps.get('cluster-ips')!.elements.set(ip, '');
    addAddress(table, service, ip, internal, port.internalTrafficPolicy === 'Local');
  }
  for (const ip of mine(port.externalIPs)) {
    if (port.externalTrafficPolicy === 'Cluster') table.maps.get('masqueraded-ips')!.elements.set(addressKey(port, ip), '');
    addAddress(table, service, ip, external, port.externalTrafficPolicy === 'Local');
  }
  if (port.nodePort !== 0 && mine(port.clusterIPs).length > 0) addNodePort(table, service);
}

function addressKey(port: ServicePort, ip: string): string { return `${ip} . ${port.protocol} . ${port.port}`; }

function addAddress(table: DesiredTable, service: ServiceRules, ip: string, endpoints: readonly Endpoint[], local: boolean): void {
  const { port } = service;
  const key = addressKey(port, ip);
  if (endpoints.length === 0) {
    table.maps.get('no-endpoint-services')!.elements.set(key, local && service.anyEndpoint ? 'drop' : 'goto reject-chain');
    return;
  }
  if (port.affinitySeconds > 0) {
    table.maps.get('service-ips')!.elements.set(key, `goto ${affinityChains(table, service, endpoints, 'svc')}`);
    return;
  }
  const map = `endpoints-${port.protocol}`;
  endpoints.forEach((endpoint, i) => table.maps.get(map)!.elements.set(`${key} . ${i}`, `${endpoint.ip} . ${endpoint.port}`));
  table.maps.get('service-ips')!.elements.set(key, `goto ${pickChain(table, port.protocol, endpoints.length, 'pick')}`);
}

function addNodePort(table: DesiredTable, service: ServiceRules): void {
  const { port, external } = service;
  const key = `${port.protocol} . ${port.nodePort}`;
  if (external.length === 0) {
    table.maps.get('no-endpoint-nodeports')!.elements.set(key, port.externalTrafficPolicy === 'Local' && service.anyEndpoint ? 'drop' : 'goto reject-chain');
    return;
  }
  const masquerade = port.externalTrafficPolicy === 'Cluster';
  if (port.affinitySeconds > 0) {
    const chain = affinityChains(table, service, external, masquerade ? 'nodeport' : 'nodeport-local', masquerade);
    table.maps.get('service-nodeports')!.elements.set(key, `goto ${chain}`);
    return;
  }
  const map = `node-endpoints-${port.protocol}`;
  external.forEach((endpoint, i) => table.maps.get(map)!.elements.set(`${key} . ${i}`, `${endpoint.ip} . ${endpoint.port}`));
  table.maps.get('service-nodeports')!.elements.set(key, `goto ${pickChain(table, port.protocol, external.length, masquerade ? 'node-pick' : 'node-pick-local')}`);
}

/** The shared chain that draws one of `count` endpoints. */
function pickChain(table: DesiredTable, protocol: Protocol, count: number, kind: 'pick' | 'node-pick' | 'node-pick-local'): string {
  const name = `${kind}-${protocol}-${count}`;
  if (table.chains.has(name)) return name;
  const draw = kind === 'pick'
    ? `${table.family} daddr . meta l4proto . th dport . numgen random mod ${count} map @endpoints-${protocol}`
    : `meta l4proto . th dport . numgen random mod ${count} map @node-endpoints-${protocol}`;
  table.chains.set(name, [
    ...(kind === 'node-pick' ? ['jump mark-for-masquerade'] : []),
    `meta l4proto ${protocol} dnat ${table.family} to ${draw}`,
  ]);
  return name;
}

/** A chain per endpoint that remembers its clients, and one per service that sends known clients back. */
function affinityChains(table: DesiredTable, service: ServiceRules, endpoints: readonly Endpoint[], kind: string, masquerade = false): string {
  const { port } = service;
  const { family } = table;
  const base = `${kind}-${port.namespace}-${port.service}-${port.portName === '' ? port.port : port.portName}`;
  const address = family === 'ip' ? 'ipv4_addr' : 'ipv6_addr';
  const rules: string[] = masquerade ? ['jump mark-for-masquerade'] : [];
  const names = endpoints.map((endpoint) => `${base}-${endpoint.ip.replaceAll(':', '.')}-${endpoint.port}`);
  names.forEach((name) => rules.push(`${family} saddr @aff-${name} goto ep-${name}`));
  names.forEach((name, i) => rules.push(i === names.length - 1 ? `goto ep-${name}` : `numgen random mod ${names.length - i} == 0 goto ep-${name}`));
  endpoints.forEach((endpoint, i) => {
    const name = names[i]!;
    table.maps.set(`aff-${name}`, { kind: 'set', declaration: `type ${address} ; flags dynamic,timeout ; timeout ${port.affinitySeconds}s ;`, elements: new Map() });
    const target = family === 'ip' ? `${endpoint.ip}:${endpoint.port}` : `[${endpoint.ip}]:${endpoint.port}`;
    table.chains.set(`ep-${name}`, [`update @aff-${name} { ${family} saddr }`, `meta l4proto ${port.protocol} dnat to ${target}`]);
  });
  table.chains.set(base, rules);
  return base;
}
