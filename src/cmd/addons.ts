/**
 * Objects that belong to every cluster but to no component: the DNS service, the rights of the DNS servers, and those of the API
 * server towards kubelets.
 *
 * Created when missing; what a user changed afterwards is left alone.
 */
import { services } from '#api/generated/core/v1';
import { clusterrolebindings, clusterroles } from '#api/generated/rbac/v1';
import type { Client } from '#client/client';
import type { KubeObject, ResourceType } from '#machinery/meta';
import { KUBELET_CLIENT_USER } from '#pki/cluster-pki';
import { isAlreadyExists, isNotFound } from '#machinery/status-error';
import { DNS_USER } from './dns-user.ts';

export interface AddonOptions { readonly dnsAddress: string }

/** kube-proxy leaves services of another proxy alone: each node answers the DNS address itself. */
const PROXY_NAME_LABEL = 'service.kubernetes.io/service-proxy-name';

/** What the DNS servers may read. */
export async function ensureDnsRights(client: Client, signal: AbortSignal): Promise<void> {
  await ensure(client, clusterroles, undefined, {
    metadata: { name: DNS_USER },
    rules: [
      { apiGroups: [''], resources: ['services', 'namespaces'], verbs: ['list', 'watch'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
    ],
  }, signal);
  await ensure(client, clusterrolebindings, undefined, {
    metadata: { name: DNS_USER },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: DNS_USER },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: DNS_USER }],
  }, signal);
}

export async function ensureAddons(client: Client, options: AddonOptions, signal: AbortSignal): Promise<void> {
  await ensureDnsRights(client, signal);
  await ensure(client, clusterrolebindings, undefined, {
    metadata: { name: KUBELET_CLIENT_USER },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:kubelet-api-admin' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: KUBELET_CLIENT_USER }],
  }, signal);
  await ensure(client, services, 'kube-system', {
    metadata: {
      name: 'kube-dns', namespace: 'kube-system',
      labels: { 'k8s-app': 'kube-dns', 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS', [PROXY_NAME_LABEL]: 'kubernode-dns' },
    },
    spec: {
      clusterIP: options.dnsAddress,
      ports: [{ name: 'dns', port: 53, protocol: 'UDP' }, { name: 'dns-tcp', port: 53, protocol: 'TCP' }],
    },
  }, signal);
}

/** Creates the object unless there is one of its name. */
export async function ensure<T extends KubeObject>(client: Client, type: ResourceType<T>, namespace: string | undefined, object: T, signal: AbortSignal): Promise<void> {
  const api = client.for(type, namespace);
  try {
    await api.get(object.metadata.name!, { signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await api.create(object, { signal }).catch((failure: unknown) => { if (!isAlreadyExists(failure)) throw failure; });
  }
}
