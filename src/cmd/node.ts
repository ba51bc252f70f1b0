/**
 * `kubernode node`: kubelet, pod network, proxy and DNS of one node, in one process inside the node's machine.
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
import { createInformerFactory } from '#client/informer/factory';
import { transportFromKubeconfig } from '#client/kubeconfig';
import { createClient } from '#client/rest-client';
import type { Client } from '#client/client';
import type { Component, ComponentContext } from '#component/component';
import { componentGroup } from '#component/component-group';
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
import { CLUSTER_DOMAIN } from './cluster-config.ts';
import { nodePaths } from './layout.ts';
import { CONTAINERD_SOCKET, hostTraits } from './machine/containerd.ts';
import { runUntilSignal } from './process-life.ts';
import { run, tryRun } from './shell.ts';
import { UserError } from './terminal.ts';
import { requireCluster } from './up.ts';
import { VERSION } from './version.ts';

const DNS_TTL_SECONDS = 30;
const PROXY_HEALTH_PORT = 10256;
const POD_MTU = 1500;

export interface NodeSettings {
  readonly name: string;
  readonly address: string;
  readonly clusterDns: string;
  readonly podCidr: string;
  /** Where the kubeconfigs and the serving certificate lie. */
  readonly credentials: string;
  readonly cniConfigDir: string;
  readonly runtimeEndpoint: string;
  readonly podManifestPath: string;
}

export async function runNode(options: { dataDir: string; name: string }): Promise<void> {
  const config = requireCluster(options.dataDir);
  const node = config.nodes.find((candidate) => candidate.name === options.name);
  if (node === undefined) throw new UserError(`no node ${options.name} in ${config.dataDir}: there are ${config.nodes.map((entry) => entry.name).join(', ')}`);
  const { credentials, kubelet } = nodePaths(config, node);
  await serveNode({
    name: node.name, address: node.address, clusterDns: config.dnsAddress, podCidr: config.podCidr, credentials,
    cniConfigDir: '/etc/cni/net.d', runtimeEndpoint: `unix://${CONTAINERD_SOCKET}`, podManifestPath: join(kubelet, 'manifests'),
  });
}

export async function serveNode(settings: NodeSettings): Promise<void> {
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
    podNetwork(settings, proxyInformers, { ...context, log: log.child({ component: 'pod-network' }) }),
    kubelet(settings, clients.kubelet, { ...context, log: log.child({ component: 'kubelet' }) }),
    proxy(settings, proxyInformers, { ...context, log: log.child({ component: 'kube-proxy' }) }),
    dns(settings, dnsInformers, { ...context, log: log.child({ component: 'dns' }) }),
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
  if (!existsSync(path)) throw new UserError(`${path} is missing: kubernode up writes it`);
  return createClient({ transport: await transportFromKubeconfig(path, systemClock), clock: systemClock, userAgent: `kubernode/v1.36 ${name}` });
}

function kubelet(settings: NodeSettings, client: Client, context: ComponentContext): Component {
  const read = (name: string): string => readFileSync(join(settings.credentials, name), 'utf8');
  return createKubelet({
    ...context, client, version: VERSION, parseManifests,
    config: kubeletConfig({
      nodeName: settings.name, nodeIps: [settings.address], clusterDns: [settings.clusterDns], clusterDomain: CLUSTER_DOMAIN,
      runtimeEndpoint: settings.runtimeEndpoint, imageEndpoint: settings.runtimeEndpoint, podManifestPath: settings.podManifestPath,
    }),
    serving: { certificate: read('kubelet-serving.crt'), key: read('kubelet-serving.key'), clientCa: read('ca.crt') }, streaming: streamingRoutes,
  });
}

/** A manifest may hold several documents. */
function parseManifests(text: string): unknown[] {
  return text.split(/^---\s*$/m).filter((document) => document.trim() !== '').map((document) => parseYaml(document).value);
}

function podNetwork(settings: NodeSettings, informers: ReturnType<typeof createInformerFactory>, context: ComponentContext): Component {
  const { cniBinDir } = hostTraits();
  return createPodNetwork({
    nodeName: settings.name, informers, cniConfigDir: settings.cniConfigDir, clusterPodCidrs: [settings.podCidr], mtu: POD_MTU,
    bandwidth: existsSync(join(cniBinDir, 'bandwidth')), ip: (...args) => run('ip', args), nft: async (script) => { await run('nft', ['-f', '-'], { input: script }); },
  }, context);
}

function proxy(settings: NodeSettings, informers: ReturnType<typeof createInformerFactory>, context: ComponentContext): Component {
  const backend = new NftBackend({ run: async (script, signal) => { await run('nft', ['-f', '-'], { input: script, signal }); }, podCidrs: [settings.podCidr] });
  const proxier = createProxier({ nodeName: settings.name, informers, backend, forgetFlows }, context);
  const health = createHealthServer({ proxier, clock: context.clock, log: context.log, host: settings.address, port: PROXY_HEALTH_PORT });
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

function dns(settings: NodeSettings, informers: ReturnType<typeof createInformerFactory>, context: ComponentContext): Component {
  const resolvConf = existsSync('/etc/resolv.conf') ? readFileSync('/etc/resolv.conf', 'utf8') : '';
  const handler = chainHandler([
    hostsPlugin(''),
    kubernetesPlugin(informers, { domain: CLUSTER_DOMAIN, ttlSeconds: DNS_TTL_SECONDS }),
    cachePlugin(context.clock),
    forwardPlugin(parseResolvConf(resolvConf, [settings.clusterDns]), context),
  ]);
  const server = createDnsServer({ host: settings.clusterDns, port: 53, handler }, context);
  return {
    ...server,
    async start(signal) {
      // The address lies on every node: a pod's question never leaves its node.
      await run('ip', ['addr', 'replace', `${settings.clusterDns}/32`, 'dev', 'lo']);
      informers.start();
      await informers.whenSynced(signal);
      await server.start(signal);
    },
  };
}
