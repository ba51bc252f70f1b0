/**
 * The container runtime of one node: containerd's configuration for this host, its start inside the machine, the sandbox image.
 *
 * The configuration follows what the host can do: AppArmor, raising the OOM score, where CNI plugins lie.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const SANDBOX_IMAGE = 'localhost/pause:1';
export const CONTAINERD_SOCKET = '/run/containerd/containerd.sock';
const CNI_BIN_DIRS = ['/usr/lib/cni', '/opt/cni/bin'];

/** What decides the configuration. */
export interface HostTraits {
  readonly apparmor: boolean;
  /** CAP_SYS_RESOURCE: may lower oom_score_adj. */
  readonly canLowerOomScore: boolean;
  readonly cniBinDir: string;
}

const CAP_SYS_RESOURCE = 24n;

/** @throws Error when no CNI plugins are installed. */
export function hostTraits(): HostTraits {
  const cniBinDir = CNI_BIN_DIRS.find((dir) => existsSync(join(dir, 'bridge')));
  if (cniBinDir === undefined) throw new Error('the CNI plugins are not installed; on Debian: apt-get install containernetworking-plugins');
  const effective = /^CapEff:\s+([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return {
    apparmor: existsSync('/sys/kernel/security/apparmor/profiles'),
    canLowerOomScore: ((BigInt(`0x${effective}`) >> CAP_SYS_RESOURCE) & 1n) === 1n,
    cniBinDir,
  };
}

/** Paths are those inside the machine (or of the machine itself for `kubernode server`). */
export interface ContainerdPaths { readonly root: string; readonly state: string; readonly socket: string; readonly cniConfDir: string; readonly registryConfig: string }

export const MACHINE_CONTAINERD: ContainerdPaths = {
  root: '/var/lib/containerd', state: '/run/containerd', socket: CONTAINERD_SOCKET, cniConfDir: '/etc/cni/net.d', registryConfig: '/etc/containerd/certs.d',
};

export function containerdConfig(traits: HostTraits, paths: ContainerdPaths = MACHINE_CONTAINERD): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
root = "${paths.root}"
state = "${paths.state}"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing", "io.containerd.internal.v1.restart"]

[grpc]
  address = "${paths.socket}"

[plugins."io.containerd.internal.v1.opt"]
  path = "${paths.root}/opt"

[${cri}]
  sandbox_image = "${SANDBOX_IMAGE}"
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  disable_apparmor = ${!traits.apparmor}
  restrict_oom_score_adj = ${!traits.canLowerOomScore}
  netns_mounts_under_state_dir = true
  [${cri}.cni]
    bin_dir = "${traits.cniBinDir}"
    conf_dir = "${paths.cniConfDir}"
  [${cri}.containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [${cri}.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [${cri}.containerd.runtimes.runc.options]
        SystemdCgroup = false
        Root = "${paths.state}/runc"
  [${cri}.registry]
    config_path = "${paths.registryConfig}"
`;
}

/** @param dir the directory that is /etc/containerd inside. @returns whether the file changed. */
export function writeContainerdConfig(dir: string, traits: HostTraits, paths?: ContainerdPaths): boolean {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, 'config.toml');
  const text = containerdConfig(traits, paths);
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return false;
  writeFileSync(path, text);
  return true;
}
