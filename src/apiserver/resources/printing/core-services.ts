/**
 * The tables of services and endpoints.
 */
import type { Endpoints, Service, ServicePort } from '#api/generated/core/v1';
import type { TablePrinter } from '../definition.ts';
import { age, labelsText, orNone } from './cells.ts';
import { AGE, column, NAME, wideColumn } from './columns.ts';
import { ingressPoints } from './ingress-points.ts';

const ENDPOINTS_SHOWN = 3;

export const servicePrinter: TablePrinter<Service> = {
  columns: [
    NAME,
    column('Type', 'string', 'How the service is reached.'),
    column('Cluster-IP', 'string', 'Address of the service inside the cluster.'),
    column('External-IP', 'string', 'Addresses or name of the service from outside.'),
    column('Port(s)', 'string', 'Ports of the service, with their node ports.'),
    AGE,
    wideColumn('Selector', 'string', 'Labels of the pods behind the service.'),
  ],
  cells(service, nowMs) {
    const { spec } = service;
    return [
      service.metadata.name, spec?.type ?? '', spec?.clusterIPs?.[0] ?? '<none>', externalAddress(service),
      orNone((spec?.ports ?? []).map(portText).join(',')), age(service.metadata, nowMs), labelsText(spec?.selector),
    ];
  },
};

function externalAddress({ spec, status }: Service): string {
  const fixed = spec?.externalIPs ?? [];
  switch (spec?.type) {
    case 'ClusterIP': case 'NodePort': return orNone(fixed.join(','));
    case 'LoadBalancer': {
      const text = [ingressPoints(status?.loadBalancer?.ingress), ...fixed].filter((one) => one !== '').join(',');
      return text === '' ? '<pending>' : text;
    }
    case 'ExternalName': return spec.externalName ?? '';
    default: return '<unknown>';
  }
}

function portText({ port, nodePort, protocol }: ServicePort): string {
  return nodePort !== undefined && nodePort > 0 ? `${port}:${nodePort}/${protocol ?? ''}` : `${port}/${protocol ?? ''}`;
}

export const endpointsPrinter: TablePrinter<Endpoints> = {
  columns: [NAME, column('Endpoints', 'string', 'Ready addresses with their ports.'), AGE],
  cells: (endpoints, nowMs) => [endpoints.metadata.name, endpointsText(endpoints), age(endpoints.metadata, nowMs)],
};

function endpointsText({ subsets = [] }: Endpoints): string {
  if (subsets.length === 0) return '<none>';
  const all = subsets.flatMap(({ addresses = [], ports = [] }) => (
    ports.length === 0 ? addresses.map(({ ip }) => ip) : ports.flatMap(({ port }) => addresses.map(({ ip }) => hostPort(ip, port)))));
  const shown = all.slice(0, ENDPOINTS_SHOWN).join(',');
  return all.length > ENDPOINTS_SHOWN ? `${shown} + ${all.length - ENDPOINTS_SHOWN} more...` : shown;
}

function hostPort(ip: string, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}
