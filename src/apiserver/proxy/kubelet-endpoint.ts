/**
 * How the API server reaches a node's kubelet, and which container a request means.
 *
 * Always HTTPS with the API server's own client certificate; the kubelet's certificate is verified against the cluster's authority.
 */
import type { Container, Node, Pod } from '#api/generated/core/v1';
import { nodes, pods } from '#api/generated/core/v1';
import type { Client } from '#client/client';
import { newBadRequest, newUnknownError } from '#machinery/status-error';

export interface ProxyTls { readonly key: string; readonly cert: string; readonly ca: string }

export interface ProxyDependencies {
  /** Reads pods, nodes, services and endpoint slices as the API server itself. */
  readonly client: Client;
  readonly tls: ProxyTls;
}

export interface Endpoint { readonly host: string; readonly port: number; readonly tls: { key: string; cert: string; ca: string; checkServerIdentity?: () => undefined } }

/** Node addresses in the order they are tried: names of nodes need not resolve here, addresses do. */
const ADDRESS_TYPES = ['InternalIP', 'ExternalIP', 'InternalDNS', 'ExternalDNS', 'Hostname'];
const KUBELET_PORT = 10250;

/** @throws StatusError 500 when the node has no address. */
export function kubeletOf(node: Node, tls: ProxyTls): Endpoint {
  const address = ADDRESS_TYPES.map((type) => node.status?.addresses?.find((candidate) => candidate.type === type)?.address).find((found) => found !== undefined);
  if (address === undefined) throw newUnknownError(`no preferred addresses found; known addresses: [${(node.status?.addresses ?? []).map(({ type, address: text }) => `{${type} ${text}}`).join(' ')}]`);
  return { host: address, port: node.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? KUBELET_PORT, tls };
}

/** @throws StatusError 404 */
export async function kubeletOfNode(name: string, dependencies: ProxyDependencies, signal: AbortSignal): Promise<Endpoint> {
  return kubeletOf(await dependencies.client.for(nodes).get(name, { signal }), dependencies.tls);
}

export async function readPod(namespace: string, name: string, dependencies: ProxyDependencies, signal: AbortSignal): Promise<Pod> {
  return dependencies.client.for(pods, namespace).get(name, { signal });
}

/** @throws StatusError 400 with upstream's words when none, or one that is not the pod's, is named. */
export function containerName(pod: Pod, asked: string): string {
  const spec = pod.spec!;
  const names = (list: readonly { name: string }[] | undefined): string => (list ?? []).map((container) => container.name).join(' ');
  if (asked === '') {
    if (spec.containers.length === 1) return spec.containers[0]!.name;
    let text = `a container name must be specified for pod ${pod.metadata.name}, choose one of: [${names(spec.containers)}]`;
    if ((spec.initContainers ?? []).length > 0) text += ` or one of the init containers: [${names(spec.initContainers)}]`;
    if ((spec.ephemeralContainers ?? []).length > 0) text += ` or one of the ephemeral containers: [${names(spec.ephemeralContainers)}]`;
    throw newBadRequest(text);
  }
  const all: readonly Pick<Container, 'name'>[] = [...spec.containers, ...spec.initContainers ?? [], ...spec.ephemeralContainers ?? []];
  if (!all.some((container) => container.name === asked)) throw newBadRequest(`container ${asked} is not valid for pod ${pod.metadata.name}`);
  return asked;
}
