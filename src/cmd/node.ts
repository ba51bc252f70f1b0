/**
 * `kubernode node`: kubelet, pod network, proxy and DNS of one node, in one process: inside the node's machine, or on this one for
 * `kubernode server` and `agent`.
 *
 * Each part speaks to the API with its own identity: the kubelet as system:node:NAME, proxy and pod network as system:kube-proxy,
 * DNS as system:coredns.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '#base/clock';
import { jsonLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { systemRandom } from '#base/random';
import type { Client } from '#client/client';
import { createInformerFactory } from '#client/informer/factory';
import { transportFromKubeconfig } from '#client/kubeconfig';
import { createClient } from '#client/rest-client';
import type { Component, ComponentContext } from '#component/component';
import { componentGroup } from '#component/component-group';
import { CLUSTER_DOMAIN } from './cluster-config.ts';
import { nodePaths } from './layout.ts';
import { CONTAINERD_SOCKET } from './machine/containerd.ts';
import { dnsPart, kubeletPart, podNetworkPart, proxyPart, type NodeSettings } from './node-parts.ts';
import { runUntilSignal } from './process-life.ts';
import { ownContainerd, type MachineNodeSettings } from './own-containerd.ts';
import { UserError } from './terminal.ts';
import { requireCluster } from './up.ts';

export async function runNode(options: { dataDir: string; name?: string; settings?: string }): Promise<void> {
  if (options.settings !== undefined) {
    if (!existsSync(options.settings)) throw new UserError(`--settings ${options.settings}: no such file; kubernode server and agent write it`);
    await serveMachineNode(JSON.parse(readFileSync(options.settings, 'utf8')) as MachineNodeSettings);
    return;
  }
  const config = requireCluster(options.dataDir);
  const node = config.nodes.find((candidate) => candidate.name === options.name);
  if (node === undefined) throw new UserError(`no node ${options.name ?? ''} in ${config.dataDir}: give --name, one of ${config.nodes.map((entry) => entry.name).join(', ')}`);
  const { credentials, kubelet } = nodePaths(config, node);
  await serveNode({
    name: node.name, address: node.address, clusterDns: config.dnsAddress, clusterDomain: CLUSTER_DOMAIN, podCidr: config.podCidr, credentials,
    cniConfigDir: '/etc/cni/net.d', runtimeEndpoint: `unix://${CONTAINERD_SOCKET}`, podManifestPath: join(kubelet, 'manifests'),
  });
}

/** This machine as a node, with its own container runtime where it is to have one. */
export async function serveMachineNode(settings: MachineNodeSettings, more: (context: ComponentContext) => readonly Component[] = () => []): Promise<void> {
  await serveNode(settings, (context) => [...(settings.containerd === undefined ? [] : [ownContainerd(settings.containerd)]), ...more(context)]);
}

/** @param first components that the node needs. */
async function serveNode(settings: NodeSettings, first: (context: ComponentContext) => readonly Component[] = () => []): Promise<void> {
  const log = jsonLogger((line) => process.stdout.write(line), () => systemClock.now());
  const context: ComponentContext = { clock: systemClock, random: systemRandom, metrics: new MetricsRegistry(), log };
  const clients = {
    kubelet: await clientOf(settings, 'kubelet'),
    proxy: await clientOf(settings, 'proxy'),
    dns: await clientOf(settings, 'dns'),
  };
  const informersOf = (client: Client) => createInformerFactory({ client, clock: systemClock, random: systemRandom, log });
  const proxyInformers = informersOf(clients.proxy);
  const dnsInformers = informersOf(clients.dns);
  const group = componentGroup([
    ...first(context),
    podNetworkPart(settings, proxyInformers, { ...context, log: log.child({ component: 'pod-network' }) }),
    kubeletPart(settings, clients.kubelet, { ...context, log: log.child({ component: 'kubelet' }) }),
    proxyPart(settings, proxyInformers, { ...context, log: log.child({ component: 'kube-proxy' }) }),
    dnsPart(settings, dnsInformers, { ...context, log: log.child({ component: 'dns' }) }),
  ], { name: 'node', clock: systemClock, log });
  await runUntilSignal(log, {
    start: (signal) => group.start(signal),
    async stop() {
      await group.stop();
      await Promise.all([proxyInformers.stop(), dnsInformers.stop()]);
      await Promise.all(Object.values(clients).map((client) => client.close()));
    },
  });
}

async function clientOf({ credentials }: NodeSettings, name: string): Promise<Client> {
  const path = join(credentials, `${name}.kubeconfig`);
  if (!existsSync(path)) throw new UserError(`${path} is missing: kubernode up, server or agent writes it`);
  return createClient({ transport: await transportFromKubeconfig(path, systemClock), clock: systemClock, userAgent: `${name}/v1.36 kubernode` });
}
