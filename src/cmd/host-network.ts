/**
 * The host's side of a cluster's network: one bridge, one nftables table, routes.
 *
 *     host 10.89.0.1 ── kn<id> (bridge) ── v… ── eth0 10.89.0.11 (node-1), .12 (node-2), …
 *     routes: pod CIDR of each node via its address (set as nodes get theirs), service CIDR via node 1
 *
 * Traffic from the nodes to elsewhere leaves with the host's address. Removing takes away exactly what was made here.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { bridgeName, hostAddress, tableName, type ClusterConfig } from './cluster-config.ts';
import { run, tryRun } from './shell.ts';

const IP_FORWARD = '/proc/sys/net/ipv4/ip_forward';

interface Route { dst: string; dev?: string; gateway?: string }

/** @returns whether an address range overlaps one this host already routes (other than by default). */
export async function usedRanges(): Promise<(cidr: string) => boolean> {
  const routes = JSON.parse(await run('ip', ['-j', '-4', 'route', 'show', 'table', 'all'])) as Route[];
  const ranges = routes.map((route) => route.dst).filter((dst) => dst !== 'default').map(rangeOf);
  return (cidr) => {
    const [from, to] = rangeOf(cidr);
    return ranges.some(([low, high]) => low <= to && from <= high);
  };
}

function rangeOf(cidr: string): [number, number] {
  const [address, bits = '32'] = cidr.split('/') as [string, string?];
  const start = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  return [start, start + 2 ** (32 - Number(bits)) - 1];
}

/** Idempotent. Remembers the host's ip_forward in the config when it has to change it. */
export async function createHostNetwork(config: ClusterConfig): Promise<void> {
  const bridge = bridgeName(config);
  const host = hostAddress(config);
  if (await tryRun('ip', ['link', 'show', bridge]) === undefined) {
    await run('ip', ['-batch', '-'], { input: [`link add ${bridge} address ${bridgeMac(host)} type bridge`, `addr add ${host}/24 dev ${bridge}`, `link set ${bridge} up`].join('\n') });
  }
  const forward = readFileSync(IP_FORWARD, 'utf8').trim();
  if (forward !== '1') {
    config.ipForwardBefore = forward;
    writeFileSync(IP_FORWARD, '1');
  }
  const table = tableName(config);
  await run('nft', ['-f', '-'], { input: [
    `add table ip ${table}`, `delete table ip ${table}`, `add table ip ${table}`,
    `add chain ip ${table} postrouting { type nat hook postrouting priority 100 ; policy accept ; }`,
    `add rule ip ${table} postrouting ip saddr ${config.nodeNetwork}.0/24 oifname != "${bridge}" masquerade`,
    '',
  ].join('\n') });
  const first = config.nodes[0];
  if (first !== undefined) await run('ip', ['route', 'replace', config.serviceCidr, 'via', first.address, 'dev', bridge]);
}

/** A fixed address: a bridge without one takes that of a member, and changes it, unseen by its neighbours, when the member goes. */
function bridgeMac(address: string): string {
  return ['02', '6b', ...address.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0'))].join(':');
}

/** Routes go with the bridge. */
export async function removeHostNetwork(config: ClusterConfig): Promise<void> {
  await tryRun('nft', ['delete', 'table', 'ip', tableName(config)]);
  await tryRun('ip', ['link', 'del', bridgeName(config)]);
  if (config.ipForwardBefore !== undefined) {
    const others = await tryRun('nft', ['list', 'tables']);
    if (others?.includes('kubernode_') !== true) writeFileSync(IP_FORWARD, config.ipForwardBefore);
    delete config.ipForwardBefore;
  }
}
