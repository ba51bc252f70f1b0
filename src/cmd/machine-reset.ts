/**
 * Undoes `kubernode server` and `agent` on this machine: containers, mounts, links, rules, routes, cgroups, files.
 *
 * Only what is its own: containers are found by the shims that speak to its own containerd; a container runtime that was there before
 * is left alone, with what runs in it.
 */
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { POD_BRIDGE } from '#kubelet/network/cni-config';
import { POD_NETWORK_TABLE, ROUTE_PROTOCOL } from '#kubelet/network/pod-network';
import { SERVICE_TABLE } from '#proxy/backends/nftables/nft-backend';
import { foregroundProcess } from './foreground.ts';
import { clusterPaths } from './layout.ts';
import { cgroupMounts, cgroupProcesses, removeCgroup } from './machine/cgroup-root.ts';
import { waitUntil } from './machine/wait-until.ts';
import { machineNodeSettings } from './machine-node.ts';
import type { MachineNodeSettings } from './own-containerd.ts';
import { run, tryRun } from './shell.ts';
import { stopSupervised } from './supervise.ts';
import { UserError } from './terminal.ts';

const POD_CGROUP = 'kubepods';
const ENDED_MS_MAX = 10_000;

/** Whether the directory is one of `kubernode server` or `agent`. */
export function isMachineCluster(dataDir: string): boolean {
  return existsSync(join(dataDir, 'server.json')) || existsSync(join(dataDir, 'agent'));
}

/** @throws UserError while the server or agent runs. */
export async function resetMachine(dataDir: string): Promise<void> {
  const running = foregroundProcess(dataDir);
  if (running !== undefined) throw new UserError(`kubernode server or agent runs here as process ${running}: stop it first (kill ${running})`);
  const { run: runDir } = clusterPaths(resolve(dataDir));
  const settings = machineNodeSettings(dataDir);
  for (const name of ['node', 'containerd']) await stopSupervised(runDir, name);
  if (settings !== undefined) await removeNode(settings);
  rmSync(resolve(dataDir), { recursive: true, force: true });
}

async function removeNode(settings: MachineNodeSettings): Promise<void> {
  const { containerd } = settings;
  if (containerd !== undefined) {
    const pids = shimTrees(containerd.socket);
    for (const pid of pids) kill(pid);
    await waitUntil(() => pids.every((pid) => !existsSync(`/proc/${pid}`)), { timeoutMs: ENDED_MS_MAX, what: `containers to end (processes ${pids.join(', ')})` });
    await unmountBelow([dirname(containerd.state), dirname(containerd.root)]);
    rmSync(dirname(containerd.state), { recursive: true, force: true });
    await tryRun('ip', ['link', 'del', POD_BRIDGE]);
  } else {
    await unmountBelow([settings.kubeletRoot ?? '/var/lib/kubelet']);
  }
  for (const family of ['ip', 'ip6']) for (const table of [SERVICE_TABLE, POD_NETWORK_TABLE]) await tryRun('nft', ['delete', 'table', family, table]);
  await tryRun('ip', ['route', 'flush', 'proto', ROUTE_PROTOCOL]);
  await tryRun('ip', ['addr', 'del', `${settings.clusterDns}/32`, 'dev', 'lo']);
  const mounts = cgroupMounts();
  if (cgroupProcesses(POD_CGROUP, mounts).length === 0) removeCgroup(POD_CGROUP, mounts);
}

/** Every shim of that containerd, with all that descends from it: the containers. */
export function shimTrees(socket: string): number[] {
  const parents = new Map<number, number>();
  const found = new Set<number>();
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    const stat = textOf(`/proc/${pid}/stat`);
    parents.set(pid, Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0));
    const words = textOf(`/proc/${pid}/cmdline`).split('\0');
    if (words[0]?.includes('containerd-shim') === true && words.includes(socket)) found.add(pid);
  }
  for (let grown = true; grown;) {
    grown = false;
    for (const [pid, parent] of parents) if (found.has(parent) && !found.has(pid)) { found.add(pid); grown = true; }
  }
  return [...found];
}

/** Innermost first. */
async function unmountBelow(directories: readonly string[]): Promise<void> {
  const mounted = textOf('/proc/self/mounts').split('\n').map((line) => line.split(' ')[1] ?? '').map((path) => path.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))));
  for (const path of mounted.reverse()) if (directories.some((directory) => path.startsWith(`${directory}/`))) await run('umount', ['-l', path]);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Ended meanwhile.
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
