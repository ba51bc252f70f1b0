/**
 * What one cluster of `kubernode up` is called and where it lives: chosen once, kept in `<data-dir>/cluster.json`.
 *
 * Several clusters live side by side: each data directory gets an id of its own, from which come the names of its bridge, table,
 * network namespaces and cgroups, and address ranges that no other cluster on this machine uses.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ApiServerFlags } from './api-server-flags.ts';
import type { StorageSettings } from './storage-engine.ts';

export const DEFAULT_DATA_DIR = '/var/lib/kubernode';
export const CLUSTER_DOMAIN = 'cluster.local';
/** Nodes that fit the node subnet. */
export const NODES_MAX = 200;

export interface NodeConfig {
  readonly name: string;
  /** 1 … NODES_MAX; decides the address. */
  readonly index: number;
  readonly address: string;
}

export interface ClusterConfig {
  /** Six hexadecimal digits; prefix of everything made on the host. */
  readonly id: string;
  readonly dataDir: string;
  readonly apiPort: number;
  /** Network of the bridge, `10.89.0`: the host is .1, node n is .(10+n). */
  readonly nodeNetwork: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
  readonly dnsAddress: string;
  readonly nodes: NodeConfig[];
  readonly storage: StorageSettings;
  /** Given to `up` once, kept for every later start; absent: none. */
  readonly apiServer?: ApiServerFlags;
  /** The host's ip_forward before the cluster came; put back when it goes. */
  ipForwardBefore?: string;
}

export function hostAddress(config: ClusterConfig): string { return `${config.nodeNetwork}.1`; }
export function bridgeName(config: ClusterConfig): string { return `kn${config.id}`; }
export function tableName(config: ClusterConfig): string { return `kubernode_${config.id}`; }
/** Network namespace, cgroup and machine name of a node. */
export function machineName(config: ClusterConfig, node: NodeConfig): string { return `kn${config.id}-${node.index}`; }

export function clusterId(dataDir: string): string {
  return createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 6);
}

export function loadClusterConfig(dataDir: string): ClusterConfig | undefined {
  const path = join(resolve(dataDir), 'cluster.json');
  if (!existsSync(path)) return undefined;
  return JSON.parse(readFileSync(path, 'utf8')) as ClusterConfig;
}

export function saveClusterConfig(config: ClusterConfig): void {
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const path = join(config.dataDir, 'cluster.json');
  writeFileSync(`${path}.new`, `${JSON.stringify(config, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/**
 * Ranges for slot 0, 1, 2, …: the first slot has the documented defaults, later ones are beside them.
 * @param taken whether an address range is in use on this machine.
 */
export function newClusterConfig(dataDir: string, apiPort: number, taken: (cidr: string) => boolean, storage: ClusterConfig['storage']): ClusterConfig {
  for (let slot = 0; slot < 9; slot++) {
    const nodeNetwork = `10.89.${slot}`;
    const podCidr = `10.${244 + slot}.0.0/16`;
    const serviceSecond = slot === 0 ? 96 : 96 + 16 * slot;
    if ([`${nodeNetwork}.0/24`, podCidr].some(taken)) continue;
    return {
      id: clusterId(dataDir), dataDir: resolve(dataDir), apiPort, nodeNetwork, podCidr,
      serviceCidr: `10.${serviceSecond}.0.0/${slot === 0 ? 12 : 16}`, dnsAddress: `10.${serviceSecond}.0.10`, nodes: [], storage,
    };
  }
  throw new Error('no free address range for another cluster: remove one with `kubernode reset --yes --data-dir DIR`');
}

/** Adds nodes up to `count`; never removes. @param namePrefix `node` gives node-1, node-2, … */
export function ensureNodes(config: ClusterConfig, count: number, namePrefix: string): void {
  if (count > NODES_MAX) throw new Error(`--nodes ${count}: at most ${NODES_MAX} fit the node network`);
  for (let index = config.nodes.length + 1; index <= count; index++) {
    config.nodes.push({ name: `${namePrefix}-${index}`, index, address: `${config.nodeNetwork}.${10 + index}` });
  }
}
