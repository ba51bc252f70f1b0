/**
 * The service `default/kubernetes`, by which everything in the cluster reaches the API server, and its endpoints: one address for
 * each API server that runs.
 */
import { endpoints as endpointsResource, services } from '#api/generated/core/v1';
import { endpointslices } from '#api/generated/discovery/v1';
import type { Client } from '#client/client';
import { isAlreadyExists, isConflict, isNotFound } from '#machinery/status-error';

const NAME = 'kubernetes';
const NAMESPACE = 'default';

export interface KubernetesServiceOptions {
  /** First address of the service network. */
  readonly serviceIp: string;
  /** Where the API servers are reached by pods; none: endpoints are left as they are. */
  readonly addresses: readonly string[];
  readonly port: number;
}

export async function ensureKubernetesService(client: Client, options: KubernetesServiceOptions, signal: AbortSignal): Promise<void> {
  // Looked for first: its address, taken already, would refuse a second creation.
  if (!(await exists(() => client.for(services, NAMESPACE).get(NAME, { signal })))) await createService(client, options, signal);
  await ensureKubernetesEndpoints(client, options, signal);
}

/** Endpoints are these addresses and no others. Another server that does the same at the moment is no failure: both see the same. */
export async function ensureKubernetesEndpoints(client: Client, options: KubernetesServiceOptions, signal: AbortSignal): Promise<void> {
  if (options.addresses.length === 0) return;
  try {
    await ensureEndpoints(client, options, signal);
    await ensureSlice(client, options, familyOf(options.serviceIp), signal);
  } catch (error) {
    if (!isConflict(error)) throw error;
  }
}

/** Nobody else reaches a loopback address: such a server is not for pods. */
export function isForPods(address: string): boolean { return !address.startsWith('127.') && address !== '::1'; }

function sameAddresses(found: readonly string[], wanted: readonly string[]): boolean { return found.length === wanted.length && wanted.every((one) => found.includes(one)); }

function familyOf(ip: string): 'IPv4' | 'IPv6' { return ip.includes(':') ? 'IPv6' : 'IPv4'; }

async function createService(client: Client, options: KubernetesServiceOptions, signal: AbortSignal): Promise<void> {
  await orExisting(() => client.for(services, NAMESPACE).create({
    metadata: { name: NAME, namespace: NAMESPACE, labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: {
      type: 'ClusterIP', clusterIP: options.serviceIp, clusterIPs: [options.serviceIp], ipFamilies: [familyOf(options.serviceIp)], ipFamilyPolicy: 'SingleStack', sessionAffinity: 'None',
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: options.port }],
    },
  }, { signal }));
}

async function exists(get: () => Promise<unknown>): Promise<boolean> {
  try {
    await get();
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

async function orExisting(create: () => Promise<unknown>): Promise<boolean> {
  try {
    await create();
    return true;
  } catch (error) {
    if (isAlreadyExists(error)) return false;
    throw error;
  }
}

async function ensureEndpoints(client: Client, { addresses, port }: KubernetesServiceOptions, signal: AbortSignal): Promise<void> {
  const api = client.for(endpointsResource, NAMESPACE);
  const subsets = [{ addresses: addresses.map((ip) => ({ ip })), ports: [{ name: 'https', port, protocol: 'TCP' }] }];
  const labels = { 'endpointslice.kubernetes.io/skip-mirror': 'true' };
  if (await orExisting(() => api.create({ metadata: { name: NAME, namespace: NAMESPACE, labels }, subsets }, { signal }))) return;
  const current = await api.get(NAME, { signal }).catch((error: unknown) => { if (isNotFound(error)) return undefined; throw error; });
  const [subset] = current?.subsets ?? [];
  if (current === undefined || (subset?.ports?.[0]?.port === port && sameAddresses((subset.addresses ?? []).map((entry) => entry.ip), addresses))) return;
  await api.update({ ...current, subsets }, { signal });
}

async function ensureSlice(client: Client, { addresses, port }: KubernetesServiceOptions, family: 'IPv4' | 'IPv6', signal: AbortSignal): Promise<void> {
  const api = client.for(endpointslices, NAMESPACE);
  const endpoints = addresses.map((address) => ({ addresses: [address], conditions: { ready: true } }));
  const ports = [{ name: 'https', port, protocol: 'TCP' }];
  if (await orExisting(() => api.create({ metadata: { name: NAME, namespace: NAMESPACE, labels: { 'kubernetes.io/service-name': NAME } }, addressType: family, endpoints, ports }, { signal }))) return;
  const current = await api.get(NAME, { signal });
  if (current.ports?.[0]?.port === port && sameAddresses((current.endpoints ?? []).flatMap((entry) => entry.addresses), addresses)) return;
  await api.update({ ...current, endpoints, ports }, { signal });
}
