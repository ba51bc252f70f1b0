/**
 * The processes of a local cluster (`kubernode up`): what runs, under which name, started and stopped how.
 *
 *     control-plane            API server, storage, controllers, scheduler        on the host
 *     <node>/containerd        container runtime                                  in the node's machine
 *     <node>                   kubelet, proxy, DNS                                in the node's machine
 */
import { existsSync, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ClusterConfig, NodeConfig } from './cluster-config.ts';
import { clusterPaths, nodePaths } from './layout.ts';
import { CONTAINERD_SOCKET, hostTraits, writeContainerdConfig } from './machine/containerd.ts';
import { createNodeMachine, type NodeMachine } from './machine/node-machine.ts';
import { waitUntil } from './machine/wait-until.ts';
import { startSupervised, stopSupervised, supervised } from './supervise.ts';

const CONTAINERD_START_MS_MAX = 15_000;

/** The words that run this very program again. */
export function selfCommand(...args: string[]): string[] {
  return [process.execPath, '--max-semi-space-size=4', resolve(process.argv[1]!), ...args];
}

export const CONTROL_PLANE = 'control-plane';
export function containerdName(node: NodeConfig): string { return `${node.name}-containerd`; }

export function startControlPlane(config: ClusterConfig): boolean {
  const paths = clusterPaths(config.dataDir);
  return startSupervised({ runDir: paths.run, logDir: paths.logs, name: CONTROL_PLANE, command: selfCommand('control-plane', '--data-dir', config.dataDir) });
}

/** Boots the machine and its container runtime; both idempotent. */
export async function startMachine(config: ClusterConfig, node: NodeConfig): Promise<NodeMachine> {
  const machine = createNodeMachine(config, node);
  const paths = nodePaths(config, node);
  const cluster = clusterPaths(config.dataDir);
  for (const dir of [paths.containerdRoot, paths.kubelet, paths.cniState, paths.cniConfig, paths.credentials, paths.podLogs]) mkdirSync(dir, { recursive: true, mode: 0o755 });
  writeContainerdConfig(paths.containerdConfig, hostTraits());
  if (machine.initPid() === undefined) {
    await stopSupervised(cluster.run, containerdName(node));
    await stopSupervised(cluster.run, node.name);
    await machine.boot();
  }
  startSupervised({ runDir: cluster.run, logDir: cluster.logs, name: containerdName(node), command: machine.enter(['containerd', '--config', '/etc/containerd/config.toml']) });
  await waitUntil(() => existsSync(machineSocket(machine)), { timeoutMs: CONTAINERD_START_MS_MAX, what: `containerd of ${node.name} (kubernode logs ${containerdName(node)})` });
  return machine;
}

/** The runtime's socket as seen from the host. */
export function machineSocket(machine: NodeMachine): string {
  return `/proc/${machine.initPid() ?? 0}/root${CONTAINERD_SOCKET}`;
}

export function startNodeProcess(config: ClusterConfig, node: NodeConfig, machine: NodeMachine): boolean {
  const cluster = clusterPaths(config.dataDir);
  return startSupervised({
    runDir: cluster.run, logDir: cluster.logs, name: node.name,
    command: machine.enter(selfCommand('node', '--data-dir', config.dataDir, '--name', node.name)),
  });
}

export interface ProcessStatus { readonly name: string; readonly pid: number | undefined }

export function clusterProcesses(config: ClusterConfig): ProcessStatus[] {
  const { run } = clusterPaths(config.dataDir);
  const names = [CONTROL_PLANE, ...config.nodes.flatMap((node) => [node.name, containerdName(node)])];
  return names.map((name) => ({ name, pid: supervised(run, name).pid() }));
}

/** The machine goes first and takes all in it along; the supervisors on the host have nothing to start again. */
export async function powerOff(config: ClusterConfig, node: NodeConfig): Promise<void> {
  const { run } = clusterPaths(config.dataDir);
  await createNodeMachine(config, node).powerOff();
  await stopSupervised(run, node.name);
  await stopSupervised(run, containerdName(node));
}

/** Stops everything: pods end with their machine; data stays. */
export async function stopCluster(config: ClusterConfig): Promise<void> {
  const { run } = clusterPaths(config.dataDir);
  await Promise.all(config.nodes.map(async (node) => {
    await stopSupervised(run, node.name);
    await stopSupervised(run, containerdName(node));
    await createNodeMachine(config, node).remove();
  }));
  await stopSupervised(run, CONTROL_PLANE);
}
