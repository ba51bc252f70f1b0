/**
 * A real cluster for a test: `kubernode up` in a data directory of its own, `kubectl` against it, and afterwards `kubernode reset`
 * with a census that nothing stayed behind.
 */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterId } from '#cmd/cluster-config';

export interface Output { readonly code: number; readonly stdout: string; readonly stderr: string }

export interface LocalCluster {
  readonly dataDir: string;
  readonly kubeconfig: string;
  /** What `kubernode up` printed. */
  readonly upOutput: string;
  kubernode(...args: string[]): Promise<Output>;
  /** @throws when kubectl fails. @returns its standard output. */
  kubectl(...args: string[]): Promise<string>;
  tryKubectl(args: readonly string[], options?: { input?: string; timeoutMs?: number; kubectl?: string }): Promise<Output>;
  apply(manifest: string): Promise<void>;
  stop(): Promise<void>;
}

const KUBERNODE = join(import.meta.dirname, '../../bin/kubernode');
const COMMAND_MS_MAX = 120_000;

export const canRunNodes: string | false = process.platform !== 'linux' ? 'needs Linux'
  : process.getuid?.() !== 0 ? 'needs root'
    : ['containerd', 'runc', 'catatonit', 'nft', 'ip', 'kubectl', 'busybox'].map(missingProgram).find((text) => text !== undefined) ?? false;

function missingProgram(program: string): string | undefined {
  return spawnSync('sh', ['-c', `PATH="$PATH:/usr/sbin:/sbin" command -v ${program}`]).status === 0 ? undefined : `needs ${program} (script/test installs it)`;
}

export function run(program: string, args: readonly string[], options: { input?: string; timeoutMs?: number; env?: NodeJS.ProcessEnv } = {}): Promise<Output> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: options.env ?? process.env });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => { stdout += chunk; });
    child.stderr.on('data', (chunk) => { stderr += chunk; });
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? COMMAND_MS_MAX);
    child.on('error', reject);
    child.on('close', (code) => { clearTimeout(timer); resolve({ code: code ?? 137, stdout, stderr }); });
  });
}

export async function startLocalCluster(options: { nodes?: number } = {}): Promise<LocalCluster> {
  const dataDir = mkdtempSync(join(tmpdir(), 'kubernode-e2e-'));
  const kubernode = (...args: string[]): Promise<Output> => run(process.execPath, [KUBERNODE, ...args, '--data-dir', dataDir]);
  const up = await kubernode('up', '--no-kubeconfig-merge', '--nodes', String(options.nodes ?? 1));
  const kubeconfig = join(dataDir, 'admin.kubeconfig');
  const stop = async (): Promise<void> => {
    const reset = await kubernode('reset', '--yes');
    rmSync(dataDir, { recursive: true, force: true });
    if (reset.code !== 0) throw new Error(`kubernode reset failed: ${reset.stderr}`);
  };
  if (up.code !== 0) {
    const logs = await Promise.all(['control-plane', 'node-1'].map((name) => kubernode('logs', name, '--tail', '20')));
    await stop();
    throw new Error(`kubernode up failed:\n${up.stderr}\n${logs.map((log) => log.stdout).join('\n')}`);
  }
  const tryKubectl: LocalCluster['tryKubectl'] = (args, more = {}) => run(more.kubectl ?? 'kubectl', ['--kubeconfig', kubeconfig, ...args], more);
  const kubectl = async (...args: string[]): Promise<string> => {
    const output = await tryKubectl(args);
    if (output.code !== 0) throw new Error(`kubectl ${args.join(' ')} failed with ${output.code}:\n${output.stderr}\n${output.stdout}`);
    return output.stdout;
  };
  const apply = async (manifest: string): Promise<void> => {
    const output = await tryKubectl(['apply', '-f', '-'], { input: manifest });
    if (output.code !== 0) throw new Error(`kubectl apply failed:\n${output.stderr}`);
  };
  return { dataDir, kubeconfig, upOutput: up.stderr, kubernode, kubectl, tryKubectl, apply, stop };
}

/** Debian's static busybox as a root file system: every applet a link. */
export function busyboxRoot(): string {
  const root = mkdtempSync(join(tmpdir(), 'kubernode-busybox-'));
  for (const dir of ['bin', 'etc', 'tmp', 'root']) mkdirSync(join(root, dir));
  const applets = spawnSync('busybox', ['--list'], { encoding: 'utf8' }).stdout.split('\n').filter((name) => name !== '' && name !== 'busybox');
  cpSync(spawnSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).stdout.trim(), join(root, 'bin/busybox'), { dereference: true });
  for (const applet of applets) symlinkSync('busybox', join(root, 'bin', applet));
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\n');
  return root;
}

/**
 * Everything on the host that belongs to the cluster of this data directory, as lines: links, routes, namespaces, tables, mounts,
 * processes, cgroups, by the cluster's id in their names. Other clusters of the machine are left out.
 */
export async function census(dataDir: string): Promise<string[]> {
  const id = clusterId(dataDir);
  const lines = async (program: string, ...args: string[]): Promise<string[]> => (await run(program, args)).stdout.split('\n').map((line) => line.trim()).filter((line) => line !== '');
  const links = (await lines('ip', '-o', 'link')).map((line) => `link ${line.split(':')[1]?.trim().split('@')[0]}`);
  const routes = (await lines('ip', 'route')).map((line) => `route ${line}`);
  const namespaces = (await lines('ip', 'netns')).map((line) => `netns ${line.split(' ')[0]}`);
  const tables = (await lines('nft', 'list', 'tables')).map((line) => `nft ${line}`);
  const mounts = (await lines('cat', '/proc/self/mounts')).map((line) => `mount ${line.split(' ')[1]}`);
  const processes = (await lines('ps', '-eo', 'args=')).map((line) => `process ${line}`);
  const cgroups = readdirSync('/sys/fs/cgroup', { withFileTypes: true }).filter((entry) => entry.isDirectory()).flatMap((controller) => {
    const names = readdirSync(join('/sys/fs/cgroup', controller.name), { withFileTypes: true }).filter((entry) => entry.isDirectory() && entry.name.startsWith('kn'));
    return names.map((entry) => `cgroup ${controller.name}/${entry.name}`);
  });
  const all = [...links, ...routes, ...namespaces, ...tables, ...mounts, ...processes, ...cgroups];
  return all.filter((line) => line.includes(`kn${id}`) || line.includes(`kubernode_${id}`) || line.includes(dataDir)).sort();
}

/** Runs a step; when it fails, its error also tells how nodes, pods and events stand and what the processes logged last. */
export async function explained<T>(cluster: LocalCluster, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    const views = await Promise.all([
      cluster.tryKubectl(['get', 'nodes', '-o', 'jsonpath={range .items[*]}{.metadata.name} {.spec.taints} {.status.conditions[?(@.type=="Ready")]}{"\\n"}{end}']),
      cluster.tryKubectl(['get', 'leases', '-n', 'kube-node-lease', '-o', 'jsonpath={range .items[*]}{.metadata.name} {.spec.renewTime}{"\\n"}{end}']),
      cluster.tryKubectl(['get', 'pods', '-A', '-o', 'wide']),
      cluster.tryKubectl(['events', '-A']),
      ...['control-plane', 'node-1'].map((name) => cluster.kubernode('logs', name, '--tail', '25')),
    ]);
    const story = views.map((view) => (view.code === 0 ? view.stdout : view.stderr).split('\n').slice(-30).join('\n')).join('\n--\n');
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${story}`, { cause: error });
  }
}

/** Tries until `check` does not throw. */
export async function eventually<T>(check: () => Promise<T>, timeoutMs: number): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => { setTimeout(resolve, 200); });
    }
  }
}
