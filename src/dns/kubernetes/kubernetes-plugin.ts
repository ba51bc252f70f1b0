/**
 * Answers for the cluster's zone out of informers. Until they have synced, the zone answers SERVFAIL, never NXDOMAIN: a client
 * would believe that an existing service is gone.
 */
import type { Service } from '#api/generated/core/v1';
import { namespaces, services as servicesResource } from '#api/generated/core/v1';
import { endpointslices } from '#api/generated/discovery/v1';
import type { EndpointSlice } from '#api/generated/discovery/v1';
import type { InformerFactory } from '#client/informer-contract';
import type { DnsHandler, DnsPlugin, DnsQuestion, DnsReply } from '../plugin.ts';
import { withTarget } from './external-name.ts';
import { reverseAddress, reverseReply, zoneReply, type ZoneData, type ZoneOptions } from './zone.ts';

const BY_CLUSTER_IP = 'clusterIP';
const BY_SERVICE = 'service';
const BY_ADDRESS = 'address';

export function kubernetesPlugin(informers: InformerFactory, options: ZoneOptions): DnsPlugin & { readonly hasSynced: () => boolean } {
  const services = informers.for(servicesResource);
  const slices = informers.for(endpointslices);
  const spaces = informers.for(namespaces);
  services.addIndex(BY_CLUSTER_IP, (service) => (service.spec?.clusterIPs ?? []).filter((ip) => ip !== 'None'));
  slices.addIndex(BY_SERVICE, (slice) => [`${slice.metadata.namespace}/${slice.metadata.labels?.['kubernetes.io/service-name'] ?? ''}`]);
  slices.addIndex(BY_ADDRESS, (slice) => (slice.endpoints ?? []).flatMap((endpoint) => endpoint.addresses));
  let serial = 1;
  const changed = { onAdd: () => { serial++; }, onUpdate: () => { serial++; }, onDelete: () => { serial++; } };
  services.addHandlers(changed);
  slices.addHandlers(changed);

  const data: ZoneData = {
    service: (namespace, name): Service | undefined => services.get(name, namespace),
    namespaceExists: (namespace) => spaces.get(namespace) !== undefined,
    slices: (namespace, service): EndpointSlice[] => slices.byIndex(BY_SERVICE, `${namespace}/${service}`),
    serviceByClusterIP: (ip) => services.byIndex(BY_CLUSTER_IP, ip)[0],
    slicesByAddress: (ip) => slices.byIndex(BY_ADDRESS, ip),
    serial: () => serial,
  };
  const hasSynced = (): boolean => services.hasSynced() && slices.hasSynced() && spaces.hasSynced();

  const answer = async (question: DnsQuestion, next: DnsHandler, signal: AbortSignal): Promise<DnsReply> => {
    const { name } = question;
    const own = name === options.domain || name.endsWith(`.${options.domain}`);
    const ip = own ? undefined : reverseAddress(name);
    if (!own && ip === undefined) return next(question, signal);
    if (!hasSynced()) return { code: 'SERVFAIL', answers: [] };
    if (own) return zoneReply(question, data, options);
    return reverseReply(question, ip!, data, options) ?? next(question, signal);
  };

  return {
    name: 'kubernetes',
    hasSynced,
    serve: async (question, next, signal) => withTarget(question, await answer(question, next, signal), (target) => answer(target, next, signal)),
  };
}
