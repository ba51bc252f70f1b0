/**
 * The kubelet's settings, with upstream's defaults. Data only; flags and files are read in `cmd`.
 */

export interface KubeletConfig {
  nodeName: string;
  /** Addresses of this node, first one primary; one a family. */
  nodeIps: readonly string[];
  hostname: string;
  /** Pods' files: volumes, termination messages, hosts files. */
  rootDir: string;
  /** Container logs: `<podLogsDir>/<namespace>_<name>_<uid>/<container>/<attempt>.log`. */
  podLogsDir: string;
  /** Links `<pod>_<namespace>_<container>-<id>.log` to them, for log shippers; '' for none. */
  containerLogsDir: string;
  runtimeEndpoint: string;
  imageEndpoint: string;
  clusterDns: readonly string[];
  clusterDomain: string;
  /** resolv.conf for pods with dnsPolicy Default; '' for none. */
  resolvConf: string;
  /** '' for none. */
  podManifestPath: string;
  manifestCheckMs: number;
  /** The cgroup below which `kubepods` is made; '' or `/name`. */
  cgroupRoot: string;
  /** Where the cgroup hierarchies are mounted. */
  cgroupMount: string;
  maxPods: number;
  podPidsLimit: number;
  serializeImagePulls: boolean;
  maxParallelImagePulls: number;
  imageGcHighThresholdPercent: number;
  imageGcLowThresholdPercent: number;
  imageMinimumGcAgeMs: number;
  imageGcPeriodMs: number;
  /** The image that holds pods' namespaces; never collected. */
  sandboxImage: string;
  nodeStatusUpdateMs: number;
  nodeStatusReportMs: number;
  leaseDurationSeconds: number;
  syncPeriodMs: number;
  /** Listing the runtime: when events flow, and when they do not. */
  relistWithEventsMs: number;
  relistMs: number;
  /** Labels and taints for a new Node object. */
  nodeLabels: Readonly<Record<string, string>>;
  registerWithTaints: readonly { key: string; value?: string; effect: string }[];
  /** Reserved from capacity: resource name to quantity. */
  reserved: Readonly<Record<string, string>>;
  /** `memory.available` to `100Mi` or `10%`. */
  evictionHard: Readonly<Record<string, string>>;
  evictionPressureTransitionMs: number;
  evictionMaxPodGraceSeconds: number;
  seccompDefault: boolean;
  enableServiceLinks: boolean;
  allowedUnsafeSysctls: readonly string[];
  containerLogMaxBytes: number;
  containerLogMaxFiles: number;
  port: number;
  healthzPort: number;
  /** Address the server binds to. */
  address: string;
  rotateServerCertificates: boolean;
}

const KUBELET_DEFAULTS = {
  rootDir: '/var/lib/kubelet',
  podLogsDir: '/var/log/pods',
  containerLogsDir: '/var/log/containers',
  runtimeEndpoint: 'unix:///run/containerd/containerd.sock',
  imageEndpoint: 'unix:///run/containerd/containerd.sock',
  clusterDns: [],
  clusterDomain: 'cluster.local',
  resolvConf: '/etc/resolv.conf',
  podManifestPath: '',
  manifestCheckMs: 20_000,
  cgroupRoot: '',
  cgroupMount: '/sys/fs/cgroup',
  maxPods: 110,
  podPidsLimit: -1,
  serializeImagePulls: true,
  maxParallelImagePulls: 1,
  imageGcHighThresholdPercent: 85,
  imageGcLowThresholdPercent: 80,
  imageMinimumGcAgeMs: 120_000,
  imageGcPeriodMs: 300_000,
  sandboxImage: 'localhost/pause:1',
  nodeStatusUpdateMs: 10_000,
  nodeStatusReportMs: 300_000,
  leaseDurationSeconds: 40,
  syncPeriodMs: 60_000,
  relistWithEventsMs: 5_000,
  relistMs: 1_000,
  nodeLabels: {},
  registerWithTaints: [],
  reserved: {},
  evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '10%', 'nodefs.inodesFree': '5%', 'imagefs.available': '15%', 'imagefs.inodesFree': '5%', 'pid.available': '5%' },
  evictionPressureTransitionMs: 300_000,
  evictionMaxPodGraceSeconds: 0,
  seccompDefault: false,
  enableServiceLinks: true,
  allowedUnsafeSysctls: [],
  containerLogMaxBytes: 10 * 1024 * 1024,
  containerLogMaxFiles: 5,
  port: 10250,
  healthzPort: 10248,
  address: '0.0.0.0',
  rotateServerCertificates: false,
} as const satisfies Partial<KubeletConfig>;

export function kubeletConfig(given: Partial<KubeletConfig> & Pick<KubeletConfig, 'nodeName' | 'nodeIps'>): KubeletConfig {
  return { ...KUBELET_DEFAULTS, hostname: given.nodeName, ...given };
}
