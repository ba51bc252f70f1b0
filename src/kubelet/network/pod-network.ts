/**
 * The pod network of one node, after the node object says which addresses its pods get.
 *
 *     node.spec.podCIDRs ──→ CNI configuration (the runtime turns network-ready) ──→ routes to the pods of every other node,
 *                            via that node's address (nodes share a link) ──→ masquerading of what leaves the cluster
 *
 * Level-triggered on the nodes of the cluster; idempotent; what it set is set anew after a restart.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node } from '#api/generated/core/v1';
import { nodes } from '#api/generated/core/v1';
import { rateLimitedQueue } from '#base/queue/rate-limited-queue';
import type { InformerFactory } from '#client/informer-contract';
import { runReconciler } from '#client/reconcile/reconciler';
import type { Component, ComponentContext } from '#component/component';
import { cniConfig, CNI_CONFIG_FILE } from './cni-config.ts';

export interface PodNetworkOptions {
  readonly nodeName: string;
  readonly informers: InformerFactory;
  readonly cniConfigDir: string;
  /** All pods of the cluster: traffic within is never masqueraded. */
  readonly clusterPodCidrs: readonly string[];
  readonly mtu: number;
  readonly bandwidth: boolean;
  /** Runs `ip` with these arguments; returns what it printed. */
  readonly ip: (...args: string[]) => Promise<string>;
  /** Runs `nft -f -`. */
  readonly nft: (script: string) => Promise<void>;
}

/** The protocol number that marks our routes, so that stale ones are found again. */
export const ROUTE_PROTOCOL = '89';
export const POD_NETWORK_TABLE = 'kubernode_masquerade';

/** Destination → gateway, for the pods of every other node that has an address and a range. */
export function wantedRoutes(all: readonly Node[], nodeName: string): Map<string, string> {
  const routes = new Map<string, string>();
  for (const node of all) {
    if (node.metadata.name === nodeName) continue;
    const cidrs = node.spec?.podCIDRs ?? (node.spec?.podCIDR === undefined ? [] : [node.spec.podCIDR]);
    const addresses = (node.status?.addresses ?? []).filter((address) => address.type === 'InternalIP').map((address) => address.address);
    for (const cidr of cidrs) {
      const gateway = addresses.find((address) => address.includes(':') === cidr.includes(':'));
      if (gateway !== undefined) routes.set(cidr, gateway);
    }
  }
  return routes;
}

export function masqueradeScript(clusterPodCidrs: readonly string[]): string {
  const cidrs = clusterPodCidrs.filter((cidr) => !cidr.includes(':')).join(', ');
  if (cidrs === '') return '';
  return [
    `add table ip ${POD_NETWORK_TABLE}`, `delete table ip ${POD_NETWORK_TABLE}`, `add table ip ${POD_NETWORK_TABLE}`,
    `add chain ip ${POD_NETWORK_TABLE} postrouting { type nat hook postrouting priority 101 ; policy accept ; }`,
    `add rule ip ${POD_NETWORK_TABLE} postrouting ip saddr { ${cidrs} } ip daddr != { ${cidrs} } ip daddr != 224.0.0.0/4 masquerade fully-random`,
    '',
  ].join('\n');
}

export function createPodNetwork(options: PodNetworkOptions, context: ComponentContext): Component {
  const { informers, nodeName } = options;
  const { clock, log } = context;
  const informer = informers.for(nodes);
  const queue = rateLimitedQueue('pod-network', clock);
  const stopping = new AbortController();
  let running: Promise<void> | undefined;

  const reconcile = async (): Promise<void> => {
    const own = informer.get(nodeName);
    const podCidrs = own?.spec?.podCIDRs ?? (own?.spec?.podCIDR === undefined ? [] : [own.spec.podCIDR]);
    if (podCidrs.length > 0) await writeIfChanged(options.cniConfigDir, cniConfig({ podCidrs, mtu: options.mtu, bandwidth: options.bandwidth }));
    const wanted = wantedRoutes(informer.list(), nodeName);
    const present = parseRoutes(await options.ip('-j', 'route', 'show', 'proto', ROUTE_PROTOCOL));
    for (const [cidr, gateway] of wanted) {
      if (present.get(cidr) !== gateway) await options.ip('route', 'replace', cidr, 'via', gateway, 'proto', ROUTE_PROTOCOL);
    }
    for (const cidr of present.keys()) if (!wanted.has(cidr)) await options.ip('route', 'del', cidr, 'proto', ROUTE_PROTOCOL);
  };

  return {
    name: 'pod-network',
    async start(signal) {
      const script = masqueradeScript(options.clusterPodCidrs);
      if (script !== '') await options.nft(script);
      const changed = (): void => queue.add('routes');
      informer.addHandlers({ onAdd: changed, onUpdate: (old, node) => { if (matters(old, node)) changed(); }, onDelete: changed });
      informers.start();
      await informer.whenSynced(signal);
      running = runReconciler({ name: 'pod-network', queue, reconcile, clock, log, workers: 1 }, stopping.signal);
      running.catch((error: unknown) => { if (!stopping.signal.aborted) log.error('the pod network is no longer kept', { error }); });
    },
    async stop() {
      stopping.abort(new Error('pod network stops'));
      await running?.catch(() => undefined);
    },
  };
}

/** Heartbeats change nothing here. */
function matters(old: Node, node: Node): boolean {
  const key = (of: Node): string => JSON.stringify([of.spec?.podCIDRs, of.spec?.podCIDR, of.status?.addresses]);
  return key(old) !== key(node);
}

function parseRoutes(json: string): Map<string, string> {
  const rows = json.trim() === '' ? [] : JSON.parse(json) as { dst: string; gateway?: string }[];
  return new Map(rows.map((row) => [row.dst, row.gateway ?? '']));
}

async function writeIfChanged(directory: string, text: string): Promise<void> {
  const path = join(directory, CNI_CONFIG_FILE);
  const present = await readFile(path, 'utf8').catch(() => undefined);
  if (present === text) return;
  await mkdir(directory, { recursive: true });
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}
