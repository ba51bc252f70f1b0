/**
 * A node machine: what `kubernode up` runs a node in, instead of a virtual machine.
 *
 *     host ── bridge ── veth ── [ net, mount, pid, uts, ipc, cgroup namespaces: catatonit (init) ── containerd, node process, pods ]
 *
 * Inside, every daemon finds its standard paths (/run, /var/lib/containerd, /var/lib/kubelet, /etc/cni/net.d); outside they lie
 * below the data directory. Killing the machine's `unshare` process is the power switch: the kernel ends all inside with it.
 * Invariant: nothing in here outlives `powerOff`, and `remove` leaves no namespace, link, mount or cgroup.
 */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bridgeName, hostAddress, machineName, type ClusterConfig, type NodeConfig } from '../cluster-config.ts';
import { nodePaths } from '../layout.ts';
import { run, tryRun } from '../shell.ts';
import { cgroupMounts, cgroupProcesses, createCgroup, removeCgroup } from './cgroup-root.ts';
import { waitUntil } from './wait-until.ts';

/** Inside path → outside directory. */
function bindMounts(config: ClusterConfig, node: NodeConfig): [string, string][] {
  const paths = nodePaths(config, node);
  return [
    ['/var/lib/containerd', paths.containerdRoot],
    ['/var/lib/kubelet', paths.kubelet],
    ['/var/lib/cni', paths.cniState],
    ['/etc/cni/net.d', paths.cniConfig],
    ['/etc/containerd', paths.containerdConfig],
    ['/var/log/pods', paths.podLogs],
  ];
}

export interface NodeMachine {
  readonly name: string;
  /** Host pid of the machine's init. */
  initPid(): number | undefined;
  boot(): Promise<void>;
  /** The words that run a program inside: joins the cgroups, then the namespaces. */
  enter(program: readonly string[]): string[];
  powerOff(): Promise<void>;
  remove(): Promise<void>;
}

export function createNodeMachine(config: ClusterConfig, node: NodeConfig): NodeMachine {
  const name = machineName(config, node);
  const paths = nodePaths(config, node);
  const initPid = (): number | undefined => findInit(name);

  return {
    name,
    initPid,
    async boot() {
      if (initPid() !== undefined) return;
      await powerOff(name);
      for (const [inside, outside] of bindMounts(config, node)) {
        mkdirSync(inside, { recursive: true });
        mkdirSync(outside, { recursive: true, mode: 0o755 });
      }
      await connect(config, node, name);
      createCgroup(name, cgroupMounts());
      const initScript = join(paths.base, 'init.sh');
      writeFileSync(initScript, initScriptText(config, node));
      const log = openSync(join(paths.base, 'machine.log'), 'a');
      const child = spawn('/bin/sh', ['-c', bootScriptText(name, initScript)], { detached: true, stdio: ['ignore', log, log], cwd: '/' });
      child.unref();
      closeSync(log);
      await waitUntil(() => initPid() !== undefined, { timeoutMs: 10_000, what: `machine of ${node.name} to boot (see ${join(paths.base, 'machine.log')})` });
    },
    enter: (program) => ['/bin/sh', '-c', `${joinCgroups(name)}exec nsenter -t ${initPid() ?? 0} -m -u -i -n -p -C -- "$@"`, 'sh', ...program],
    powerOff: () => powerOff(name),
    async remove() {
      await powerOff(name);
      const left = removeCgroup(name, cgroupMounts());
      if (left.length > 0) throw new Error(`cgroups that would not go: ${left.join(', ')}`);
    },
  };
}

/** Host pid of the machine's init: the process of its cgroup that is number 1 in the machine's own pid namespace. */
function findInit(name: string): number | undefined {
  for (const mount of cgroupMounts()) {
    for (const pid of ownProcesses(`${mount.path}/${name}`)) {
      try {
        const numbers = /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]?.split(/\s+/) ?? [];
        if (numbers.length === 2 && numbers[1] === '1' && readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'catatonit') return pid;
      } catch {
        // Ended meanwhile.
      }
    }
    return undefined;
  }
  return undefined;
}

function ownProcesses(cgroup: string): number[] {
  const path = join(cgroup, 'cgroup.procs');
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8').split('\n').filter((line) => line !== '').map(Number);
}

function joinCgroups(name: string): string {
  return cgroupMounts().map((mount) => `echo $$ > ${mount.path}/${name}/cgroup.procs; `).join('');
}

function bootScriptText(name: string, initScript: string): string {
  return `${joinCgroups(name)}exec nsenter --net=/run/netns/${name} unshare --cgroup --mount --uts --ipc --pid --fork --mount-proc --kill-child=SIGKILL --propagation private /bin/sh ${initScript}`;
}

function initScriptText(config: ClusterConfig, node: NodeConfig): string {
  const lines = ['#!/bin/sh', 'set -e', `hostname ${node.name}`, 'mount --make-rprivate /'];
  for (const mount of cgroupMounts()) {
    lines.push(`umount ${mount.path}`, mount.version === 2
      ? `mount -t cgroup2 cgroup2 ${mount.path}`
      : `mount -t cgroup -o ${mount.options} cgroup ${mount.path}`);
  }
  lines.push('mount -t tmpfs -o mode=755 tmpfs /run', 'mkdir -p /run/netns /run/containerd /run/lock /run/kubernode');
  for (const [inside, outside] of bindMounts(config, node)) lines.push(`mount --bind ${outside} ${inside}`);
  // Without redirects: they would use up the rate of ICMP answers, and the host would never hear that a service has no endpoint.
  lines.push('mount --make-rshared /', 'ip link set lo up', 'sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.route_localnet=1'
    + ' net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0', 'exec catatonit -P');
  return `${lines.join('\n')}\n`;
}

/** The network namespace with its link to the bridge. */
async function connect(config: ClusterConfig, node: NodeConfig, name: string): Promise<void> {
  await tryRun('ip', ['netns', 'del', name]);
  await run('ip', ['netns', 'add', name]);
  await run('ip', ['-batch', '-'], { input: [
    `link add v${name} type veth peer name eth0 netns ${name}`,
    `link set v${name} master ${bridgeName(config)} up`,
  ].join('\n') });
  await run('ip', ['-n', name, '-batch', '-'], { input: [
    `addr add ${node.address}/24 dev eth0`,
    'link set eth0 up',
    'link set lo up',
    `route add default via ${hostAddress(config)}`,
  ].join('\n') });
}

async function powerOff(name: string): Promise<void> {
  const mounts = cgroupMounts();
  for (let round = 0; round < 50; round++) {
    const pids = cgroupProcesses(name, mounts);
    if (pids.length === 0) break;
    for (const pid of pids) {
      try { process.kill(pid, 'SIGKILL'); } catch { /* gone meanwhile */ }
    }
    await waitUntil(() => cgroupProcesses(name, mounts).length === 0, { timeoutMs: 200, what: '', quiet: true });
  }
  await tryRun('ip', ['link', 'del', `v${name}`]);
  await tryRun('ip', ['netns', 'del', name]);
}
