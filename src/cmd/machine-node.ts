/**
 * This machine itself as a node (`kubernode server`, `agent`): where its files lie, its address, what its node process is told.
 *
 *     <data-dir>/agent/   credentials, CNI configuration, containerd's root, the kubelet's root, pod logs, node.json
 *     /run/kubernode…     containerd's socket and state
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { clusterId, DEFAULT_DATA_DIR } from './cluster-config.ts';
import { addressOf } from './flag-values.ts';
import type { NodeNetwork } from './join-objects.ts';
import { firstAddress, labelsOf, taintsOf } from './kubelet.ts';
import { clusterPaths } from './layout.ts';
import type { MachineNodeSettings } from './own-containerd.ts';
import { tryRun } from './shell.ts';
import { UserError } from './terminal.ts';

/** Flags of both commands. */
export interface MachineNodeFlags {
  readonly dataDir: string;
  readonly nodeName?: string;
  readonly nodeIp?: string;
  readonly nodeLabels?: string;
  readonly nodeTaints?: string;
  readonly containerRuntimeEndpoint?: string;
}

export interface MachineNode {
  readonly name: string;
  readonly address: string;
  readonly credentials: string;
  readonly settingsPath: string;
  /** Writes down what the node process needs. */
  configure(network: NodeNetwork): MachineNodeSettings;
}

const NODE_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/** @throws UserError for flags that are wrong. */
export async function machineNode(flags: MachineNodeFlags): Promise<MachineNode> {
  const name = (flags.nodeName ?? hostname()).toLowerCase();
  if (!NODE_NAME.test(name)) throw new UserError(`${JSON.stringify(name)} cannot be the name of a node (lower-case letters, digits, - and .): choose one with --node-name`);
  const address = flags.nodeIp === undefined ? await defaultAddress() : addressOf(flags.nodeIp, '--node-ip');
  const labels = flags.nodeLabels === undefined ? undefined : labelsOf(flags.nodeLabels);
  const taints = flags.nodeTaints === undefined ? undefined : taintsOf(flags.nodeTaints);
  const endpoint = flags.containerRuntimeEndpoint;
  if (endpoint !== undefined) checkEndpoint(endpoint);
  const base = join(resolve(flags.dataDir), 'agent');
  const credentials = join(base, 'credentials');
  const settingsPath = join(base, 'node.json');
  return {
    name, address, credentials, settingsPath,
    configure(network) {
      const settings: MachineNodeSettings = {
        name, address, ...network, credentials, podManifestPath: join(base, 'manifests'), kubeletRoot: join(base, 'kubelet'), podLogs: join(base, 'pod-logs'),
        ...(endpoint === undefined ? ownRuntime(flags.dataDir, base) : { runtimeEndpoint: endpoint, cniConfigDir: '/etc/cni/net.d' }),
        ...(labels === undefined ? {} : { nodeLabels: labels }), ...(taints === undefined ? {} : { taints }),
      };
      for (const dir of [settings.podManifestPath, settings.kubeletRoot!, settings.podLogs!, settings.cniConfigDir]) mkdirSync(dir, { recursive: true, mode: 0o755 });
      writeFileSync(`${settingsPath}.new`, `${JSON.stringify(settings, undefined, 2)}\n`, { mode: 0o600 });
      renameSync(`${settingsPath}.new`, settingsPath);
      return settings;
    },
  };
}

/** Of a machine that is a node; undefined in a data directory of another kind. */
export function machineNodeSettings(dataDir: string): MachineNodeSettings | undefined {
  const path = join(resolve(dataDir), 'agent', 'node.json');
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) as MachineNodeSettings : undefined;
}

function ownRuntime(dataDir: string, base: string): Pick<MachineNodeSettings, 'runtimeEndpoint' | 'cniConfigDir' | 'containerd'> {
  const { run: runDir, logs: logDir } = clusterPaths(resolve(dataDir));
  const state = resolve(dataDir) === DEFAULT_DATA_DIR ? '/run/kubernode/containerd' : `/run/kubernode-${clusterId(dataDir)}/containerd`;
  const socket = `${state}/containerd.sock`;
  const cniConfigDir = join(base, 'cni');
  return {
    runtimeEndpoint: `unix://${socket}`, cniConfigDir,
    containerd: { root: join(base, 'containerd'), state, socket, cniConfDir: cniConfigDir, registryConfig: join(base, 'registries'), configDir: join(base, 'containerd-config'), runDir, logDir },
  };
}

function checkEndpoint(endpoint: string): void {
  const path = endpoint.replace(/^unix:\/\//, '');
  if (!path.startsWith('/')) throw new UserError(`--container-runtime-endpoint ${endpoint}: unix:///path/of/the.sock is expected`);
  if (!existsSync(path)) throw new UserError(`--container-runtime-endpoint ${endpoint}: there is no such socket; is the container runtime running?`);
}

/** The address this machine speaks to the outside from. */
async function defaultAddress(): Promise<string> {
  const route = await tryRun('ip', ['-j', 'route', 'get', '192.0.2.1']);
  const [found] = route === undefined ? [] : JSON.parse(route) as { prefsrc?: string }[];
  return found?.prefsrc ?? firstAddress();
}
