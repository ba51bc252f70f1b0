/** Where everything lies below a data directory. */
import { join } from 'node:path';
import type { ClusterConfig, NodeConfig } from './cluster-config.ts';

export interface NodePaths {
  readonly base: string;
  readonly containerdRoot: string;
  readonly kubelet: string;
  readonly cniState: string;
  readonly cniConfig: string;
  readonly containerdConfig: string;
  readonly credentials: string;
  readonly podLogs: string;
}

export function clusterPaths(dataDir: string): { pki: string; storage: string; logs: string; run: string; adminKubeconfig: string; images: string } {
  return {
    pki: join(dataDir, 'pki'),
    storage: join(dataDir, 'storage'),
    logs: join(dataDir, 'logs'),
    run: join(dataDir, 'run'),
    images: join(dataDir, 'images'),
    adminKubeconfig: join(dataDir, 'admin.kubeconfig'),
  };
}

export function nodePaths(config: ClusterConfig, node: NodeConfig): NodePaths {
  const base = join(config.dataDir, 'nodes', node.name);
  return {
    base,
    containerdRoot: join(base, 'containerd'),
    kubelet: join(base, 'kubelet'),
    cniState: join(base, 'cni'),
    cniConfig: join(base, 'cni-config'),
    containerdConfig: join(base, 'containerd-config'),
    credentials: join(base, 'credentials'),
    podLogs: join(base, 'pod-logs'),
  };
}
