/**
 * Where a service is reached by the API server itself: a ready endpoint of it, or the name an ExternalName stands for.
 *
 * Endpoints rather than the cluster address: it works where this machine has no service proxy, and before the proxy's rules are
 * there. Texts as upstream's, clients search for them.
 */
import { services, type Service } from '#api/generated/core/v1';
import { endpointslices, type EndpointSlice } from '#api/generated/discovery/v1';
import type { Random } from '#base/random';
import type { Client } from '#client/client';
import { isNotFound, newNotFound, newServiceUnavailable } from '#machinery/status-error';

export interface ServiceReference { readonly namespace: string; readonly name: string; readonly port: number }
export interface Address { readonly host: string; readonly port: number }

export interface ServiceResolver {
  /** @throws StatusError 404, 503 */
  resolve(service: ServiceReference, signal: AbortSignal): Promise<Address>;
}

const SERVICE_NAME = 'kubernetes.io/service-name';

/** @param client in-process: what it reads comes from local caches, so nothing is kept here. */
export function serviceResolver(client: Client, random: Random): ServiceResolver {
  return {
    async resolve({ namespace, name, port }, signal) {
      const { spec } = await serviceNamed(client, namespace, name, signal);
      if (spec?.type === 'ExternalName') return { host: spec.externalName ?? '', port };
      const wanted = spec?.ports?.find((one) => one.port === port);
      if (wanted === undefined) throw newServiceUnavailable(`no service port ${port} found for service ${JSON.stringify(name)}`);
      const slices = await client.for(endpointslices, namespace).list({ labelSelector: `${SERVICE_NAME}=${name}`, signal });
      const addresses = slices.items.flatMap((slice) => readyAddresses(slice, wanted.name ?? ''));
      const preferred = addresses.filter((one) => one.family === spec?.ipFamilies?.[0]);
      const chosen = preferred.length > 0 ? preferred : addresses;
      if (chosen.length === 0) throw newServiceUnavailable(`no endpoints available for service ${JSON.stringify(name)}`);
      return chosen[random.integer(chosen.length)]!;
    },
  };
}

async function serviceNamed(client: Client, namespace: string, name: string, signal: AbortSignal): Promise<Service> {
  try {
    return await client.for(services, namespace).get(name, { signal });
  } catch (error) {
    throw isNotFound(error) ? newNotFound('', 'service', name) : error;
  }
}

function readyAddresses(slice: EndpointSlice, portName: string): (Address & { family: string })[] {
  const port = slice.ports?.find((one) => (one.name ?? '') === portName)?.port;
  if (port === undefined) return [];
  return (slice.endpoints ?? []).filter((one) => one.conditions?.ready !== false && one.addresses.length > 0).map((one) => ({ host: one.addresses[0]!, port, family: slice.addressType }));
}
