/**
 * What lets machines join with a bootstrap token, as kubeadm lays it out:
 *
 *     kube-public/cluster-info            where the API server is and its authority, for everybody; signed with each token
 *     kube-system/kubernode-node-config   networks that a node must know, for nodes and those who join
 *     bindings                            a token's holder may ask for a node's certificate, a node for its own next one
 */
import { configmaps, type ConfigMap } from '#api/generated/core/v1';
import { clusterrolebindings, clusterroles, rolebindings, roles } from '#api/generated/rbac/v1';
import type { Client } from '#client/client';
import { kubeconfigText, parseKubeconfig, type Kubeconfig } from '#client/kubeconfig';
import { isNotFound } from '#machinery/status-error';
import { ensure } from './addons.ts';
import { NODE_TOKEN_GROUP, SERVER_TOKEN_GROUP } from './bootstrap-token.ts';
import { APPROVER_ACCOUNT, approverRules } from './certificate-approver.ts';

/** Where further servers get the keys of the cluster. */
export const SERVER_KEYS_PATH = '/kubernode/server-keys';
export const CLUSTER_INFO = { namespace: 'kube-public', name: 'cluster-info' } as const;
const NODE_CONFIG = { namespace: 'kube-system', name: 'kubernode-node-config' } as const;
const RBAC = 'rbac.authorization.k8s.io';
const NODES = 'system:nodes';

export interface NodeNetwork { readonly podCidr: string; readonly clusterDns: string; readonly clusterDomain: string }

export interface JoinOptions {
  /** `https://192.0.2.1:6443`, as other machines reach it. */
  readonly server: string;
  readonly caPem: string;
  readonly network: NodeNetwork;
}

export async function ensureJoinObjects(client: Client, { server, caPem, network }: JoinOptions, signal: AbortSignal): Promise<void> {
  const bind = (name: string, role: string, group: string): Promise<void> => ensure(client, clusterrolebindings, undefined, {
    metadata: { name }, roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: role }, subjects: [{ apiGroup: RBAC, kind: 'Group', name: group }],
  }, signal);
  await bind('kubeadm:kubelet-bootstrap', 'system:node-bootstrapper', NODE_TOKEN_GROUP);
  await bind('kubeadm:node-autoapprove-bootstrap', 'system:certificates.k8s.io:certificatesigningrequests:nodeclient', NODE_TOKEN_GROUP);
  await bind('kubeadm:node-autoapprove-certificate-rotation', 'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient', NODES);
  await ensure(client, clusterroles, undefined, { metadata: { name: `kubernode:${APPROVER_ACCOUNT}` }, rules: approverRules() }, signal);
  await ensure(client, clusterrolebindings, undefined, {
    metadata: { name: `kubernode:${APPROVER_ACCOUNT}` }, roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: `kubernode:${APPROVER_ACCOUNT}` },
    subjects: [{ kind: 'ServiceAccount', name: APPROVER_ACCOUNT, namespace: 'kube-system' }],
  }, signal);
  await ensure(client, clusterroles, undefined, { metadata: { name: 'kubernode:server-join' }, rules: [{ nonResourceURLs: [SERVER_KEYS_PATH], verbs: ['get'] }] }, signal);
  await bind('kubernode:server-join', 'kubernode:server-join', SERVER_TOKEN_GROUP);
  const info: Kubeconfig = {
    apiVersion: 'v1', kind: 'Config', clusters: [{ name: '', cluster: { server, 'certificate-authority-data': Buffer.from(caPem).toString('base64') } }], users: [], contexts: [],
  };
  await keep(client, CLUSTER_INFO, { kubeconfig: kubeconfigText(info) }, signal);
  await keep(client, NODE_CONFIG, { podCidr: network.podCidr, clusterDns: network.clusterDns, clusterDomain: network.clusterDomain }, signal);
  await readable(client, CLUSTER_INFO, 'kubeadm:bootstrap-signer-clusterinfo', [{ apiGroup: RBAC, kind: 'User', name: 'system:anonymous' }], signal);
  await readable(client, NODE_CONFIG, 'kubernode:node-config', [NODES, NODE_TOKEN_GROUP].map((name) => ({ apiGroup: RBAC, kind: 'Group', name })), signal);
}

/** Whoever may read the one config map, and nothing else. */
async function readable(client: Client, at: { namespace: string; name: string }, name: string, subjects: { apiGroup: string; kind: string; name: string }[], signal: AbortSignal): Promise<void> {
  await ensure(client, roles, at.namespace, {
    metadata: { name, namespace: at.namespace }, rules: [{ apiGroups: [''], resources: ['configmaps'], resourceNames: [at.name], verbs: ['get'] }],
  }, signal);
  await ensure(client, rolebindings, at.namespace, {
    metadata: { name, namespace: at.namespace }, roleRef: { apiGroup: RBAC, kind: 'Role', name }, subjects,
  }, signal);
}

/** These keys with these values; what else the map holds (signatures) stays. */
async function keep(client: Client, { namespace, name }: { namespace: string; name: string }, data: Record<string, string>, signal: AbortSignal): Promise<void> {
  const api = client.for(configmaps, namespace);
  let known: ConfigMap;
  try {
    known = await api.get(name, { signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await api.create({ metadata: { name, namespace }, data }, { signal });
    return;
  }
  if (Object.entries(data).every(([key, value]) => known.data?.[key] === value)) return;
  await api.update({ ...known, data: { ...known.data, ...data } }, { signal });
}

/** What joining machines are told; undefined when the cluster takes none. */
export async function clusterInfo(client: Client): Promise<Kubeconfig | undefined> {
  try {
    const { data } = await client.for(configmaps, CLUSTER_INFO.namespace).get(CLUSTER_INFO.name);
    return data?.['kubeconfig'] === undefined ? undefined : parseKubeconfig(data['kubeconfig'], 'cluster-info');
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

export async function nodeNetwork(client: Client): Promise<NodeNetwork> {
  const { data = {} } = await client.for(configmaps, NODE_CONFIG.namespace).get(NODE_CONFIG.name);
  return { podCidr: data['podCidr'] ?? '', clusterDns: data['clusterDns'] ?? '', clusterDomain: data['clusterDomain'] ?? 'cluster.local' };
}
