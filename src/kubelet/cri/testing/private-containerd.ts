/**
 * A containerd of a test's own: its root, socket, CNI and network namespace, gone without trace after `stop`.
 *
 * Needs root, containerd, runc, the reference CNI plugins, catatonit and busybox; `containerdMissing` names what is absent.
 */
import { spawn, execFileSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importImage } from '../../images/import-image.ts';
import { file, ociImage, pauseImage } from '../../images/oci-image.ts';
import { createRuntimeService } from '../runtime-client.ts';

const PAUSE_IMAGE = 'localhost/pause:1';
export const BUSYBOX_IMAGE = 'localhost/busybox:1';
const CNI_DIR = '/usr/lib/cni';

export interface PrivateContainerd {
  readonly dir: string;
  readonly socket: string;
  readonly endpoint: string;
  readonly netns: string;
  /** The netns' cgroup parent: pods' cgroups of the test belong below it. */
  readonly cgroupRoot: string;
  /** kill -9 and start again with the same directories. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Why no private containerd can run here; undefined when it can. */
export function containerdMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  for (const path of ['/usr/bin/containerd', '/usr/bin/ctr', '/usr/sbin/runc', `${CNI_DIR}/bridge`, '/usr/bin/catatonit', '/bin/busybox']) {
    if (!existsSync(path)) return `${path} is missing`;
  }
  return undefined;
}

export async function startPrivateContainerd(): Promise<PrivateContainerd> {
  const dir = mkdtempSync(join(tmpdir(), 'kn-containerd-'));
  const id = dir.slice(dir.lastIndexOf('-') + 1).toLowerCase().replace(/[^a-z0-9]/g, 'x');
  const netns = `kn-${id}`;
  const socket = join(dir, 'containerd.sock');
  for (const name of ['root', 'state', 'cni', 'ipam', 'certs.d']) mkdirSync(join(dir, name));
  writeFileSync(join(dir, 'config.toml'), configText(dir));
  writeFileSync(join(dir, 'cni', '10-test.conflist'), conflistText(dir));
  execFileSync('ip', ['netns', 'add', netns]);
  execFileSync('ip', ['-n', netns, 'link', 'set', 'lo', 'up']);
  let child = await launch(dir, netns, socket);
  await importImage(pauseImage(PAUSE_IMAGE, readFileSync('/usr/bin/catatonit')), { socket });
  await importImage(busyboxImage(BUSYBOX_IMAGE), { socket });
  const cgroupRoot = `/kn-${id}`;
  return {
    dir, socket, endpoint: `unix://${socket}`, netns, cgroupRoot,
    restart: async () => { await end(child, 'SIGKILL'); child = await launch(dir, netns, socket); },
    stop: async () => {
      await removeAllPods(socket).catch(() => undefined);
      await end(child, 'SIGTERM');
      execFileSync('ip', ['netns', 'del', netns]);
      removeCgroups(cgroupRoot);
      unmountBelow(dir);
      rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** Busybox with its applets as links. */
function busyboxImage(reference: string): Buffer[] {
  const applets = execFileSync('/bin/busybox', ['--list'], { encoding: 'utf8' }).split('\n').filter((name) => name !== '' && name !== 'busybox');
  const directories = ['bin', 'etc', 'tmp', 'var', 'root', 'home'].map((path) => ({ path, type: 'directory' as const, mode: path === 'tmp' ? 0o1777 : 0o755 }));
  return ociImage(reference, [
    ...directories, file('bin/busybox', readFileSync('/bin/busybox'), 0o755),
    ...applets.map((name) => ({ path: `bin/${name}`, type: 'symlink' as const, mode: 0o777, linkTarget: 'busybox' })),
    file('etc/passwd', Buffer.from('root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n')),
    file('etc/group', Buffer.from('root:x:0:\nnogroup:x:65534:\n')),
  ], { cmd: ['sh'] });
}

async function launch(dir: string, netns: string, socket: string): Promise<ChildProcess> {
  const child = spawn('nsenter', [`--net=/run/netns/${netns}`, 'containerd', '--config', join(dir, 'config.toml'), '--log-level', 'error'], { stdio: 'ignore' });
  const runtime = createRuntimeService(`unix://${socket}`);
  try {
    for (let attempt = 0; ; attempt++) {
      try { await runtime.version(); return child; } catch (error) {
        if (attempt > 200 || child.exitCode !== null) throw error;
        await new Promise((resolve) => { setTimeout(resolve, 50); });
      }
    }
  } finally {
    runtime.close();
  }
}

function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => { child.once('exit', () => resolve()); child.kill(signal); });
}

async function removeAllPods(socket: string): Promise<void> {
  const runtime = createRuntimeService(`unix://${socket}`);
  try {
    for (const sandbox of await runtime.listPodSandboxes()) {
      for (const container of await runtime.listContainers({ podSandboxId: sandbox.id })) await runtime.stopContainer(container.id, 0).catch(() => undefined);
      await runtime.stopPodSandbox(sandbox.id);
      await runtime.removePodSandbox(sandbox.id);
    }
  } finally {
    runtime.close();
  }
}

/** The empty directories that pods' cgroups were, in every hierarchy, children first. */
function removeCgroups(root: string): void {
  for (const hierarchy of execFileSync('ls', ['/sys/fs/cgroup'], { encoding: 'utf8' }).split('\n').filter((name) => name !== '')) {
    const top = join('/sys/fs/cgroup', hierarchy, root);
    if (existsSync(top)) execFileSync('find', [top, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';']);
  }
}

function unmountBelow(dir: string): void {
  const points = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').map((line) => line.split(' ')[4] ?? '').filter((point) => point.startsWith(`${dir}/`));
  for (const point of points.reverse()) execFileSync('umount', ['-l', point.replaceAll('\\040', ' ')]);
}

function conflistText(dir: string): string {
  return JSON.stringify({
    cniVersion: '0.4.0', name: 'test', plugins: [
      { type: 'bridge', bridge: 'cni0', isGateway: true, ipMasq: false, hairpinMode: true,
        ipam: { type: 'host-local', dataDir: join(dir, 'ipam'), ranges: [[{ subnet: '10.244.1.0/24' }]], routes: [{ dst: '0.0.0.0/0' }] } },
      { type: 'portmap', capabilities: { portMappings: true }, snat: true },
    ],
  });
}

function configText(dir: string): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
root = "${dir}/root"
state = "${dir}/state"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs","io.containerd.snapshotter.v1.btrfs","io.containerd.snapshotter.v1.devmapper","io.containerd.snapshotter.v1.zfs","io.containerd.tracing.processor.v1.otlp","io.containerd.internal.v1.tracing","io.containerd.internal.v1.restart"]
[grpc]
  address = "${dir}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "${dir}/root/opt"
[${cri}]
  sandbox_image = "${PAUSE_IMAGE}"
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  disable_apparmor = true
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [${cri}.cni]
    bin_dir = "${CNI_DIR}"
    conf_dir = "${dir}/cni"
  [${cri}.containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [${cri}.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [${cri}.containerd.runtimes.runc.options]
        SystemdCgroup = false
        Root = "${dir}/state/runc"
  [${cri}.registry]
    config_path = "${dir}/certs.d"
`;
}
