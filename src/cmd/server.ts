/**
 * `kubernode server`: the control plane of a cluster of real machines, and this machine as its first node.
 *
 *     this process          API server, storage, controllers, scheduler
 *     node (supervised)     kubelet, pod network, proxy, DNS, and containerd below it
 *
 * Ending it stops both; containers go on running and are found again at the next start.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { systemClock } from '#base/clock';
import { jsonLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { systemRandom } from '#base/random';
import { clusterPki, COMPONENT_USERS, type ClusterPki } from '#pki/cluster-pki';
import { apiServerSettings, type ApiServerFlags } from './api-server-flags.ts';
import { CLUSTER_DOMAIN, DEFAULT_DATA_DIR, clusterId, loadClusterConfig } from './cluster-config.ts';
import { createControlPlane } from './control-plane-group.ts';
import { DNS_USER } from './dns-user.ts';
import { openEtcdFace, type RunningFace } from './etcd-face.ts';
import { addressOf, portOf, usableDataDir } from './flag-values.ts';
import { claimForeground } from './foreground.ts';
import { hostPart, nthAddress, parseNetwork } from './network-range.ts';
import { clusterPaths } from './layout.ts';
import { selfCommand } from './local-cluster.ts';
import { machineNode, type MachineNode, type MachineNodeFlags } from './machine-node.ts';
import { requireNodePrograms } from './preflight.ts';
import { runUntilSignal } from './process-life.ts';
import { openStorage, storageSettings, type StorageFlags, type StorageSettings } from './storage-engine.ts';
import { joinAsServer, requireSameStore, type JoinedCluster } from './server-join.ts';
import { startSupervised, stopSupervised } from './supervise.ts';
import { listenFailure, UserError } from './terminal.ts';
import { kubeconfigFor, writeKubeconfigFile, writeSecretFile } from './user-kubeconfig.ts';

interface ServerCommand extends MachineNodeFlags, StorageFlags, ApiServerFlags {
  readonly port: string;
  readonly bindAddress?: string[];
  readonly tlsSan?: string[];
  readonly clusterCidr: string;
  readonly serviceCidr: string;
  readonly clusterDns?: string;
  /** The cluster to be a further server of. */
  readonly server?: string;
  readonly token?: string;
  /** False: control plane only. */
  readonly node: boolean;
}

/** What a cluster may not change between two starts. */
interface ServerConfig { readonly clusterCidr: string; readonly serviceCidr: string; readonly clusterDns: string; readonly storage: StorageSettings }

const NODE = 'node';
const DNS_HOST = 10;
/** The defaults of the flags. */
const CLUSTER_CIDR = '10.244.0.0/16';
const SERVICE_CIDR = '10.96.0.0/12';

export async function runServer(command: ServerCommand): Promise<void> {
  const port = portOf(command.port, '--port');
  if (command.node) requireNodePrograms();
  usableDataDir(command.dataDir);
  const dataDir = resolve(command.dataDir);
  if (loadClusterConfig(dataDir) !== undefined) throw new UserError(`${dataDir} belongs to a cluster of kubernode up: name another --data-dir, or remove that one (kubernode reset --yes --data-dir ${dataDir})`);
  claimForeground(dataDir);
  const paths = clusterPaths(dataDir);
  const machine = await machineNode(command);
  const joined = command.server === undefined ? undefined : await joinAsServer({ server: command.server, token: command.token, pkiDirectory: paths.pki }, systemClock);
  const config = configOf(joined === undefined ? command : agreed(command, joined), dataDir);
  if (command.server !== undefined && config.storage.engine !== 'etcd') throw new UserError('a server that joins shares the store of the others: give --etcd-servers, and the --etcd-… files that go with them');
  const log = jsonLogger((line) => process.stdout.write(line), () => systemClock.now());
  const context = { clock: systemClock, random: systemRandom, metrics: new MetricsRegistry(), log };
  const behaviour = apiServerSettings(command, log);
  const storage = await openStorage(config.storage, paths.storage, log);
  if (joined !== undefined) {
    await requireSameStore(storage, joined, config.storage);
    joined.install();
  }
  const names = command.tlsSan ?? [];
  const pki = clusterPki({
    directory: paths.pki, clock: systemClock, random: systemRandom, clusterDomain: CLUSTER_DOMAIN, serviceAddress: nthAddress(config.serviceCidr, 1),
    addresses: [machine.address, ...names.filter(isAddress)], dnsNames: [machine.name, ...names.filter((name) => !isAddress(name))],
  });
  const server = `https://${hostPart(machine.address)}:${port}`;
  const network = { podCidr: config.clusterCidr, clusterDns: config.clusterDns, clusterDomain: CLUSTER_DOMAIN };
  const plane = createControlPlane({
    ...context, storage, pki, behaviour: behaviour.options, listen: [], advertise: `${hostPart(machine.address)}:${port}`, serviceCidrs: [config.serviceCidr],
    controllers: { clusterCidrs: [config.clusterCidr], serviceCidrs: [config.serviceCidr] },
    addons: { dnsAddress: config.clusterDns }, join: { server, caPem: pki.authority.certificatePem, network },
    servers: { pkiDirectory: paths.pki, config: { clusterCidr: config.clusterCidr, serviceCidr: config.serviceCidr, clusterDns: config.clusterDns } },
    ...(config.storage.engine === 'etcd' || config.storage.etcdListen !== undefined ? { leaderElection: { identity: `${machine.name}_${systemRandom.uuid()}` } } : {}),
  });
  let face: RunningFace | undefined;
  await runUntilSignal(log, {
    async start(signal) {
      face = await openEtcdFace(storage, config.storage.etcdListen, { pki, log, name: machine.name });
      await plane.start(signal);
      for (const host of command.bindAddress?.map((address) => addressOf(address, '--bind-address')) ?? ['127.0.0.1', machine.address]) {
        await plane.apiServer.listen({ host, port }).catch((error: unknown) => { throw listenFailure(error, `${hostPart(host)}:${port}`, '--port or --bind-address'); });
      }
      writeAdminKubeconfig(dataDir, pki, server);
      log.info('API server serves', { server, kubeconfig: paths.adminKubeconfig, sinceProcessStartMs: Math.round(process.uptime() * 1000) });
      await plane.ready(signal);
      if (!command.node) return;
      writeNodeCredentials(machine, pki, server);
      machine.configure(network);
      startSupervised({ runDir: paths.run, logDir: paths.logs, name: NODE, command: selfCommand('node', '--settings', machine.settingsPath) });
      log.info('this machine is a node', { name: machine.name, address: machine.address, log: join(paths.logs, `${NODE}.log`) });
    },
    async stop() {
      if (command.node) await stopSupervised(paths.run, NODE);
      await plane.stop();
      await face?.close();
      await storage.close();
      await behaviour.close();
    },
  });
}

/** What the cluster that is joined has, unless flags ask for something else. @throws UserError */
function agreed(command: ServerCommand, joined: JoinedCluster): ServerCommand {
  const differs = (flag: string, given: string | undefined, theirs: string, otherwise?: string): void => {
    if (given !== undefined && given !== theirs && given !== otherwise) throw new UserError(`${flag} ${given}: the cluster of ${command.server} has ${theirs}`);
  };
  differs('--cluster-cidr', command.clusterCidr, joined.clusterCidr, CLUSTER_CIDR);
  differs('--service-cidr', command.serviceCidr, joined.serviceCidr, SERVICE_CIDR);
  differs('--cluster-dns', command.clusterDns, joined.clusterDns);
  return { ...command, clusterCidr: joined.clusterCidr, serviceCidr: joined.serviceCidr, clusterDns: joined.clusterDns };
}

/** @throws UserError when flags differ from what the cluster was made with. */
function configOf(command: ServerCommand, dataDir: string): ServerConfig {
  parseNetwork(command.clusterCidr, '--cluster-cidr');
  parseNetwork(command.serviceCidr, '--service-cidr');
  const wanted: ServerConfig = {
    clusterCidr: command.clusterCidr, serviceCidr: command.serviceCidr, storage: storageSettings(command),
    clusterDns: command.clusterDns === undefined ? nthAddress(command.serviceCidr, DNS_HOST) : addressOf(command.clusterDns, '--cluster-dns'),
  };
  const path = join(dataDir, 'server.json');
  if (existsSync(path)) {
    const known = JSON.parse(readFileSync(path, 'utf8')) as ServerConfig;
    for (const key of ['clusterCidr', 'serviceCidr', 'clusterDns'] as const) {
      if (known[key] !== wanted[key]) throw new UserError(`this cluster was made with ${key} ${known[key]}, not ${wanted[key]}: start it with the same, or name another --data-dir`);
    }
    // Serving the store as etcd is asked for at each start.
    const { etcdListen: _, ...storage } = known.storage;
    if (command.storage === undefined && command.etcdServers === undefined) return { ...known, storage: { ...storage, ...(wanted.storage.etcdListen === undefined ? {} : { etcdListen: wanted.storage.etcdListen }) } };
    if (known.storage.engine !== wanted.storage.engine) throw new UserError(`the cluster in ${dataDir} keeps its state in ${known.storage.engine}: it moves by kubernode snapshot save and restore into another --data-dir`);
  }
  writeFileSync(`${path}.new`, `${JSON.stringify(wanted, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return wanted;
}

function isAddress(text: string): boolean { return /^[\d.]+$|:/.test(text); }

function writeAdminKubeconfig(dataDir: string, pki: ClusterPki, server: string): void {
  const name = dataDir === DEFAULT_DATA_DIR ? 'kubernode' : `kubernode-${clusterId(dataDir)}`;
  writeKubeconfigFile(clusterPaths(dataDir).adminKubeconfig, kubeconfigFor(name, name, server, pki, pki.admin));
}

/** The server's own node needs no token: its authority lies here. */
function writeNodeCredentials(machine: MachineNode, pki: ClusterPki, server: string): void {
  const { credentials, name, address } = machine;
  const identities = { kubelet: pki.node(name), proxy: pki.component(COMPONENT_USERS.proxy), dns: pki.component(DNS_USER) };
  for (const [user, identity] of Object.entries(identities)) writeKubeconfigFile(join(credentials, `${user}.kubeconfig`), kubeconfigFor('kubernode', user, server, pki, identity));
  const serving = pki.servingFor(name, { subject: { commonName: `system:node:${name}`, organizations: ['system:nodes'] }, addresses: [address], dnsNames: [name] });
  writeSecretFile(join(credentials, 'kubelet-serving.crt'), serving.certificatePem);
  writeSecretFile(join(credentials, 'kubelet-serving.key'), serving.privateKeyPem);
  writeSecretFile(join(credentials, 'ca.crt'), pki.authority.certificatePem);
}
