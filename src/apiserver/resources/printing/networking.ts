/**
 * The tables of networking.k8s.io and discovery.k8s.io.
 */
import type { Endpoint, EndpointPort, EndpointSlice } from '#api/generated/discovery/v1';
import type { Ingress, IngressClass, IngressRule, IPAddress, NetworkPolicy, ServiceCIDR } from '#api/generated/networking/v1';
import type { TablePrinter } from '../definition.ts';
import { age, firstFew, selectorText } from './cells.ts';
import { AGE, column, NAME } from './columns.ts';
import { ingressPoints } from './ingress-points.ts';

const ITEMS_SHOWN = 3;
const DEFAULT_CLASS_ANNOTATION = 'ingressclass.kubernetes.io/is-default-class';

export const ingressPrinter: TablePrinter<Ingress> = {
  columns: [
    NAME,
    column('Class', 'string', 'The name of the IngressClass resource that should be used for additional configuration'),
    column('Hosts', 'string', 'Hosts that incoming requests are matched against before the ingress rule'),
    column('Address', 'string', 'Address is a list containing ingress points for the load-balancer'),
    column('Ports', 'string', 'Ports of TLS configurations that open'),
    AGE,
  ],
  cells: ({ metadata, spec, status }, nowMs) => [
    metadata.name, spec?.ingressClassName ?? '<none>', hosts(spec?.rules ?? []), ingressPoints(status?.loadBalancer?.ingress),
    (spec?.tls?.length ?? 0) > 0 ? '80, 443' : '80', age(metadata, nowMs),
  ],
};

/** Stops looking at the rule after the third host; how many more is counted in rules. */
function hosts(rules: readonly IngressRule[]): string {
  const shown: string[] = [];
  let more = false;
  for (const { host } of rules) {
    if (shown.length === ITEMS_SHOWN) more = true;
    if (!more && host !== undefined && host !== '') shown.push(host);
  }
  if (shown.length === 0) return '*';
  return more ? `${shown.join(',')} + ${rules.length - ITEMS_SHOWN} more...` : shown.join(',');
}

export const ingressClassPrinter: TablePrinter<IngressClass> = {
  columns: [
    NAME,
    column('Controller', 'string', 'Controller that is responsible for handling this class'),
    column('Parameters', 'string', 'A reference to a resource with additional parameters'),
    AGE,
  ],
  cells({ metadata, spec }, nowMs) {
    const isDefault = metadata.annotations?.[DEFAULT_CLASS_ANNOTATION] === 'true';
    const parameters = spec?.parameters;
    const group = parameters?.apiGroup === undefined ? '' : `.${parameters.apiGroup}`;
    return [
      `${metadata.name}${isDefault ? ' (default)' : ''}`, spec?.controller ?? '',
      parameters === undefined ? '<none>' : `${parameters.kind}${group}/${parameters.name}`, age(metadata, nowMs),
    ];
  },
};

export const networkPolicyPrinter: TablePrinter<NetworkPolicy> = {
  columns: [NAME, column('Pod-Selector', 'string', 'Pods the policy is for, by their labels.'), AGE],
  cells: ({ metadata, spec }, nowMs) => [metadata.name, selectorText(spec?.podSelector), age(metadata, nowMs)],
};

export const serviceCidrPrinter: TablePrinter<ServiceCIDR> = {
  columns: [NAME, column('CIDRs', 'string', 'Ranges from which services get addresses.'), AGE],
  cells: ({ metadata, spec }, nowMs) => [metadata.name, (spec?.cidrs ?? []).join(','), age(metadata, nowMs)],
};

/** Upstream gives one cell more than columns. */
export const ipAddressPrinter: TablePrinter<IPAddress> = {
  columns: [NAME, column('ParentRef', 'string', 'Object that has the address.')],
  cells({ metadata, spec }, nowMs) {
    const parent = spec?.parentRef;
    let text = '<none>';
    if (parent !== undefined) {
      const { group = '', resource = '', namespace = '', name = '' } = parent;
      text = `${(group === '' ? resource : `${resource}.${group}`).toLowerCase()}${namespace === '' ? '' : `/${namespace}`}/${name}`;
    }
    return [metadata.name, text, age(metadata, nowMs)];
  },
};

export const endpointSlicePrinter: TablePrinter<EndpointSlice> = {
  columns: [
    NAME,
    column('AddressType', 'string', 'Family of the addresses.'),
    column('Ports', 'string', 'Ports of the endpoints.'),
    column('Endpoints', 'string', 'Addresses of the endpoints.'),
    AGE,
  ],
  cells: ({ metadata, addressType, ports, endpoints }, nowMs) => [
    metadata.name, addressType, firstFew((ports ?? []).map(portText), ITEMS_SHOWN),
    firstFew((endpoints ?? []).flatMap((endpoint: Endpoint) => endpoint.addresses), ITEMS_SHOWN), age(metadata, nowMs),
  ],
};

function portText({ port, name }: EndpointPort): string {
  return port === undefined ? name ?? '*' : String(port);
}
