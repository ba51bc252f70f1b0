/**
 * What a node is made of: kubelet, pod network, proxy, DNS, each as a component. One process runs all of them (`node.ts`), or each
 * runs alone (`proxy.ts`, `dns.ts`).
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '#client/client';
import type { createInformerFactory } from '#client/informer/factory';
import type { Component, ComponentContext } from '#component/component';
import { createDnsServer } from '#dns/server';
import { kubernetesPlugin } from '#dns/kubernetes/kubernetes-plugin';
import { chainHandler } from '#dns/plugin';
import { cachePlugin } from '#dns/plugins/cache';
import { forwardPlugin, parseResolvConf } from '#dns/plugins/forward';
import { hostsPlugin } from '#dns/plugins/hosts';
import { kubeletConfig } from '#kubelet/config';
import { createKubelet } from '#kubelet/kubelet';
import { createPodNetwork } from '#kubelet/network/pod-network';
import { streamingRoutes } from '#kubelet/server/streaming/streaming-routes';
import { parseYaml } from '#machinery/codec/yaml';
import { NftBackend } from '#proxy/backends/nftables/nft-backend';
import { createHealthServer } from '#proxy/health-server';
import { createProxier } from '#proxy/proxier';
import type { StaleFlow } from '#proxy/snapshot';
import { hostTraits } from './machine/containerd.ts';
import { run, tryRun } from './shell.ts';
import { VERSION } from './version.ts';

const DNS_TTL_SECONDS = 30;
const PROXY_HEALTH_PORT = 10256;
const POD_MTU = 1500;

export type Informers = ReturnType<typeof createInformerFactory>;

export interface NodeSettings {
  readonly name: string;
  readonly address: string;
  readonly clusterDns: string;
  readonly clusterDomain: string;
  readonly podCidr: string;
  /** Where the kubeconfigs and the serving certificate lie. */
  readonly credentials: string;
  readonly cniConfigDir: string;
  readonly runtimeEndpoint: string;
  readonly podManifestPath: string;
  /** Default: /var/lib/kubelet. */
  readonly kubeletRoot?: string;
  /** Default: /var/log/pods. */
  readonly podLogs?: string;
  readonly nodeLabels?: Readonly<Record<string, string>>;
  readonly taints?: readonly { key: string; value?: string; effect: string }[];
}

export function kubeletPart(settings: NodeSettings, client: Client, context: ComponentContext): Component {
  const read = (name: string): string => readFileSync(join(settings.credentials, name), 'utf8');
  return createKubelet({
    ...context, client, version: VERSION, parseManifests,
    config: kubeletConfig({
      nodeName: settings.name, nodeIps: [settings.address], clusterDns: [settings.clusterDns], clusterDomain: settings.clusterDomain,
      runtimeEndpoint: settings.runtimeEndpoint, imageEndpoint: settings.runtimeEndpoint, podManifestPath: settings.podManifestPath,
      ...(settings.kubeletRoot === undefined ? {} : { rootDir: settings.kubeletRoot }),
      ...(settings.podLogs === undefined ? {} : { podLogsDir: settings.podLogs }),
      ...(settings.nodeLabels === undefined ? {} : { nodeLabels: settings.nodeLabels }),
      ...(settings.taints === undefined ? {} : { registerWithTaints: settings.taints }),
    }),
    serving: { certificate: read('kubelet-serving.crt'), key: read('kubelet-serving.key'), clientCa: read('ca.crt') }, streaming: streamingRoutes,
  });
}

/** A manifest may hold several documents. */
export function parseManifests(text: string): unknown[] {
  return text.split(/^---\s*$/m).filter((document) => document.trim() !== '').map((document) => parseYaml(document).value);
}

export function podNetworkPart(settings: NodeSettings, informers: Informers, context: ComponentContext): Component {
  const { cniBinDir } = hostTraits();
  return createPodNetwork({
    nodeName: settings.name, informers, cniConfigDir: settings.cniConfigDir, clusterPodCidrs: [settings.podCidr], mtu: POD_MTU,
    bandwidth: existsSync(join(cniBinDir, 'bandwidth')), ip: (...args) => run('ip', args), nft: async (script) => { await run('nft', ['-f', '-'], { input: script }); },
  }, context);
}

export type ProxySettings = Pick<NodeSettings, 'name' | 'address' | 'podCidr'> & { readonly healthPort?: number };

export function proxyPart(settings: ProxySettings, informers: Informers, context: ComponentContext): Component {
  const backend = new NftBackend({ run: async (script, signal) => { await run('nft', ['-f', '-'], { input: script, signal }); }, podCidrs: [settings.podCidr] });
  const proxier = createProxier({ nodeName: settings.name, informers, backend, forgetFlows }, context);
  const health = createHealthServer({ proxier, clock: context.clock, log: context.log, host: settings.address, port: settings.healthPort ?? PROXY_HEALTH_PORT });
  proxier.onSynced((rules) => health.update(rules, settings.name));
  return {
    ...proxier,
    async start(signal) {
      await proxier.start(signal);
      await health.start();
    },
    async stop() {
      await proxier.stop();
      await health.stop();
    },
  };
}

async function forgetFlows(flows: readonly StaleFlow[]): Promise<void> {
  for (const { originalDestination, port, endpoint } of flows) {
    // It ends with an error when there was no such flow.
    await tryRun('conntrack', ['-D', '-p', 'udp', '--orig-dst', originalDestination, '--orig-port-dst', String(port), ...(endpoint === undefined ? [] : ['--dst-nat', endpoint])]);
  }
}

export interface DnsSettings {
  readonly clusterDns: string;
  readonly clusterDomain: string;
  /** Default 53. */
  readonly dnsPort?: number;
  /** Put the address on the loopback interface. Default true; false: it is there. */
  readonly ownAddress?: boolean;
}

export function dnsPart(settings: DnsSettings, informers: Informers, context: ComponentContext): Component {
  const resolvConf = existsSync('/etc/resolv.conf') ? readFileSync('/etc/resolv.conf', 'utf8') : '';
  const handler = chainHandler([
    hostsPlugin(''),
    kubernetesPlugin(informers, { domain: settings.clusterDomain, ttlSeconds: DNS_TTL_SECONDS }),
    cachePlugin(context.clock),
    forwardPlugin(parseResolvConf(resolvConf, [settings.clusterDns]), context),
  ]);
  const server = createDnsServer({ host: settings.clusterDns, port: settings.dnsPort ?? 53, handler }, context);
  return {
    ...server,
    async start(signal) {
      // The address lies on every node: a pod's question never leaves its node.
      if (settings.ownAddress !== false) await run('ip', ['addr', 'replace', `${settings.clusterDns}/32`, 'dev', 'lo']);
      informers.start();
      await informers.whenSynced(signal);
      await server.start(signal);
    },
  };
}
