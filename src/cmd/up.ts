/**
 * `kubernode up`: from nothing to a cluster whose nodes are Ready and whose DNS answers.
 *
 * Idempotent: what runs already is left alone, what is missing is started. Each stage says how long it took.
 */
import { Resolver } from 'node:dns/promises';
import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { nodes as nodesResource } from '#api/generated/core/v1';
import type { Node } from '#api/generated/core/v1';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { isPortFree } from '#base/port';
import { systemRandom } from '#base/random';
import type { Client } from '#client/client';
import { transportFromKubeconfig } from '#client/kubeconfig';
import { clusterPki, COMPONENT_USERS, type ClusterPki } from '#pki/cluster-pki';
import { checkApiServerFlags, givenApiServerFlags, type ApiServerFlags } from './api-server-flags.ts';
import {
  CLUSTER_DOMAIN, NODES_MAX, ensureNodes, hostAddress, loadClusterConfig, newClusterConfig, saveClusterConfig, type ClusterConfig, type NodeConfig,
} from './cluster-config.ts';
import { DNS_USER } from './dns-user.ts';
import { adminClient } from './cluster-client.ts';
import { createHostNetwork, usedRanges } from './host-network.ts';
import { clusterPaths, nodePaths } from './layout.ts';
import { clusterProcesses, CONTROL_PLANE, machineSocket, startControlPlane, startMachine, startNodeProcess, stopCluster } from './local-cluster.ts';
import { ensureSandboxImage } from './machine/sandbox-image.ts';
import { waitUntil } from './machine/wait-until.ts';
import { isMachineCluster } from './machine-reset.ts';
import { usableDataDir, wholeNumber } from './flag-values.ts';
import { requireNodePrograms } from './preflight.ts';
import { probeStorage, storageSettings, type StorageFlags, type StorageSettings } from './storage-engine.ts';
import { terminalProgress, UserError } from './terminal.ts';
import { contextName, kubeconfigFor, mergeIntoUserKubeconfig, writeKubeconfigFile, writeSecretFile } from './user-kubeconfig.ts';

const API_READY_MS_MAX = 60_000;
const NODE_READY_MS_MAX = 120_000;
const DNS_READY_MS_MAX = 60_000;
const FIRST_API_PORT = 6443;

export interface UpOptions extends StorageFlags, ApiServerFlags {
  dataDir: string;
  nodes: string;
  foreground?: boolean;
  kubeconfigMerge: boolean;
}

export async function up(options: UpOptions): Promise<void> {
  requireNodePrograms();
  const progress = terminalProgress();
  const startedMs = performance.now();
  const config = await configure(options);
  await requireApiPort(config);
  const pki = await progress.stage('credentials and network', async () => {
    const made = clusterPkiOf(config);
    writeCredentials(config, made);
    await createHostNetwork(config);
    saveClusterConfig(config);
    return made;
  });
  startControlPlane(config);
  const machines = Promise.all(config.nodes.map(async (node) => {
    const machine = await startMachine(config, node);
    await ensureSandboxImage(machineSocket(machine));
    startNodeProcess(config, node, machine);
  }));
  machines.catch(() => { /* awaited below */ });
  const client = await adminClient(config.dataDir);
  try {
    await progress.stage('API server ready', () => apiReady(config));
    await progress.stage(`${config.nodes.length === 1 ? 'node machine' : `${config.nodes.length} node machines`} and container runtime`, () => machines);
    await progress.stage('nodes Ready', () => nodesReady(client, config.nodes));
    await progress.stage('DNS answers', () => dnsAnswers(config));
  } finally {
    await client.close();
  }
  const admin = kubeconfigFor(contextName(config), contextName(config), `https://127.0.0.1:${config.apiPort}`, pki, pki.admin);
  const merged = options.kubeconfigMerge ? await mergeIntoUserKubeconfig(config, admin) : undefined;
  progress.note(`The cluster is up after ${((performance.now() - startedMs) / 1000).toFixed(2)} s. ${merged === undefined
    ? `kubectl --kubeconfig ${clusterPaths(config.dataDir).adminKubeconfig} get nodes`
    : `Context ${contextName(config)} is in ${merged}: kubectl get nodes`}`);
  if (options.foreground === true) await untilInterrupted(config);
}

async function configure(options: UpOptions): Promise<ClusterConfig> {
  const count = wholeNumber(options.nodes, '--nodes', 1, NODES_MAX);
  const wanted = storageSettings(options);
  usableDataDir(options.dataDir);
  const known = loadClusterConfig(options.dataDir);
  if (known !== undefined && options.storage !== undefined && known.storage.engine !== wanted.engine) {
    throw new UserError(`the cluster in ${options.dataDir} keeps its state in ${known.storage.engine}: a cluster moves by kubernode snapshot save and restore, or take another --data-dir`);
  }
  const storage: StorageSettings = known === undefined || wanted.etcdListen === undefined ? known?.storage ?? wanted : { ...known.storage, etcdListen: wanted.etcdListen };
  await probeStorage(storage, silentLogger);
  const apiServer = givenApiServerFlags(options) ?? known?.apiServer;
  if (apiServer !== undefined) checkApiServerFlags(apiServer);
  requireSameWhileRunning(known, apiServer);
  const made = known === undefined ? newClusterConfig(options.dataDir, await freePort(FIRST_API_PORT), await usedRanges(), storage) : { ...known, storage };
  const config = apiServer === undefined ? made : { ...made, apiServer };
  ensureNodes(config, Math.max(count, config.nodes.length), 'node');
  return config;
}

/** A server that runs keeps the flags it was started with. @throws UserError */
function requireSameWhileRunning(known: ClusterConfig | undefined, wanted: ApiServerFlags | undefined): void {
  if (known === undefined || isDeepStrictEqual(known.apiServer, wanted) || !clusterProcesses(known).some(({ name, pid }) => name === CONTROL_PLANE && pid !== undefined)) return;
  throw new UserError(`the API server of this cluster runs with other flags: kubernode down --data-dir ${known.dataDir}, then up again with these`);
}

/** The port stands in everybody's kubeconfig: it cannot move. @throws UserError */
async function requireApiPort(config: ClusterConfig): Promise<void> {
  if (clusterProcesses(config).some(({ name, pid }) => name === CONTROL_PLANE && pid !== undefined) || await isPortFree(config.apiPort)) return;
  throw new UserError(`127.0.0.1:${config.apiPort}, the port of this cluster's API server, is in use by another process: stop that one (ss -ltnp 'sport = :${config.apiPort}' shows it)`);
}

async function freePort(first: number): Promise<number> {
  for (let port = first; port < first + 100; port++) {
    if (await isPortFree(port)) return port;
  }
  throw new UserError(`no free port for the API server between ${first} and ${first + 99}`);
}

/** The first usable address of the service network is the API server's own. */
export function clusterPkiOf(config: ClusterConfig): ClusterPki {
  return clusterPki({
    directory: clusterPaths(config.dataDir).pki, clock: systemClock, random: systemRandom, clusterDomain: CLUSTER_DOMAIN,
    serviceAddress: config.dnsAddress.replace(/\.10$/, '.1'), addresses: [hostAddress(config)],
  });
}

/** One kubeconfig per identity: nothing but the administrator's is in system:masters. */
function writeCredentials(config: ClusterConfig, pki: ClusterPki): void {
  const local = `https://127.0.0.1:${config.apiPort}`;
  const bridge = `https://${hostAddress(config)}:${config.apiPort}`;
  const name = contextName(config);
  writeKubeconfigFile(clusterPaths(config.dataDir).adminKubeconfig, kubeconfigFor(name, name, local, pki, pki.admin));
  for (const node of config.nodes) {
    const { credentials } = nodePaths(config, node);
    writeKubeconfigFile(`${credentials}/kubelet.kubeconfig`, kubeconfigFor(name, 'kubelet', bridge, pki, pki.node(node.name)));
    writeKubeconfigFile(`${credentials}/proxy.kubeconfig`, kubeconfigFor(name, 'proxy', bridge, pki, pki.component(COMPONENT_USERS.proxy)));
    writeKubeconfigFile(`${credentials}/dns.kubeconfig`, kubeconfigFor(name, 'dns', bridge, pki, pki.component(DNS_USER)));
    const serving = pki.servingFor(node.name, { subject: { commonName: `system:node:${node.name}`, organizations: ['system:nodes'] }, addresses: [node.address], dnsNames: [node.name] });
    writeSecretFile(`${credentials}/kubelet-serving.crt`, serving.certificatePem);
    writeSecretFile(`${credentials}/kubelet-serving.key`, serving.privateKeyPem);
    writeSecretFile(`${credentials}/ca.crt`, pki.authority.certificatePem);
  }
}

async function apiReady(config: ClusterConfig): Promise<void> {
  const transport = await transportFromKubeconfig(clusterPaths(config.dataDir).adminKubeconfig, systemClock);
  try {
    await waitUntil(async () => {
      try {
        const answer = await transport.request({ method: 'GET', path: '/readyz' });
        answer.cancel();
        return answer.status === 200;
      } catch {
        return false;
      }
    }, { timeoutMs: API_READY_MS_MAX, what: 'the API server (kubernode logs control-plane)' });
  } finally {
    await transport.close();
  }
}

function isReady(node: Node): boolean {
  return node.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true;
}

async function nodesReady(client: Client, wanted: readonly NodeConfig[]): Promise<void> {
  await waitUntil(async () => {
    const { items } = await client.for(nodesResource).list();
    return wanted.every(({ name }) => items.some((node) => node.metadata.name === name && isReady(node)));
  }, { timeoutMs: NODE_READY_MS_MAX, intervalMs: 50, what: `nodes to be Ready (kubernode logs ${wanted[0]?.name})` });
}

async function dnsAnswers(config: ClusterConfig): Promise<void> {
  await waitUntil(async () => {
    const resolver = new Resolver({ timeout: 500, tries: 1 });
    resolver.setServers([config.dnsAddress]);
    try {
      return (await resolver.resolve4(`kubernetes.default.svc.${CLUSTER_DOMAIN}`)).length > 0;
    } catch {
      return false;
    }
  }, { timeoutMs: DNS_READY_MS_MAX, intervalMs: 50, what: `DNS at ${config.dnsAddress} (kubernode logs ${config.nodes[0]?.name})` });
}

async function untilInterrupted(config: ClusterConfig): Promise<void> {
  await new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
  await stopCluster(config);
}

/** Whether the data directory holds a cluster. @throws UserError otherwise. */
export function requireCluster(dataDir: string): ClusterConfig {
  const config = loadClusterConfig(dataDir);
  if (config === undefined && isMachineCluster(dataDir)) {
    throw new UserError(`${dataDir} belongs to kubernode server or agent, which run in the foreground: stop that process, or ask kubectl --kubeconfig ${clusterPaths(dataDir).adminKubeconfig}`);
  }
  if (config === undefined || !existsSync(config.dataDir)) throw new UserError(`no cluster in ${dataDir}: start one with kubernode up --data-dir ${dataDir}`);
  return config;
}
