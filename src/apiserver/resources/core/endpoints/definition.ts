/** Endpoints as a resource. */
import { endpoints, type EndpointAddress, type EndpointSubset, type Endpoints } from '#api/generated/core/v1';
import { semanticEqual } from '#machinery/deep-equal';
import { dns1123LabelFaults, dns1123SubdomainFaults, portNumberFaults, qualifiedNameFaults } from '#machinery/names';
import { ipWarnings, validateLegacyIp } from '#machinery/validation/ip';
import type { ResourceDefinition } from '../../definition.ts';
import { checkEndpointIp } from '../../rules/endpoint-ips.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { checkFinalizers, checkMetaAgain, checkMetaOnUpdate } from '../../rules/metadata.ts';

const ADDRESS_LISTS = ['addresses', 'notReadyAddresses'] as const;

function checkSubset(subset: EndpointSubset, place: string, faults: Faults): void {
  if (!subset.addresses?.length && !subset.notReadyAddresses?.length) faults.required(place, 'must specify `addresses` or `notReadyAddresses`');
  for (const list of ADDRESS_LISTS) {
    for (const [index, address] of (subset[list] ?? []).entries()) checkAddress(address, `${place}.${list}[${index}]`, faults);
  }
  const ports = subset.ports ?? [];
  for (const [index, port] of ports.entries()) {
    const at = `${place}.ports[${index}]`;
    if (port.name) faults.invalidAll(`${at}.name`, port.name, dns1123LabelFaults(port.name));
    else if (ports.length > 1) faults.required(`${at}.name`);
    faults.invalidAll(`${at}.port`, port.port ?? 0, portNumberFaults(port.port ?? 0));
    faults.oneOf(`${at}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']);
    if (port.appProtocol !== undefined) faults.invalidAll(`${at}.appProtocol`, port.appProtocol, qualifiedNameFaults(port.appProtocol));
  }
}

function checkAddress(address: EndpointAddress, place: string, faults: Faults): void {
  faults.add(validateLegacyIp(`${place}.ip`, address.ip ?? '', true));
  if (address.hostname) faults.invalidAll(`${place}.hostname`, address.hostname, dns1123LabelFaults(address.hostname));
  if (address.nodeName !== undefined) faults.invalidAll(`${place}.nodeName`, address.nodeName, dns1123SubdomainFaults(address.nodeName));
  checkEndpointIp(address.ip ?? '', `${place}.ip`, faults);
}

function checkSubsets(object: Endpoints, faults: Faults): void {
  for (const [index, subset] of (object.subsets ?? []).entries()) checkSubset(subset, `subsets[${index}]`, faults);
}

function warnings(object: Endpoints): string[] {
  if (object.metadata.labels?.['endpoints.kubernetes.io/managed-by'] === 'endpoint-controller') return [];
  return (object.subsets ?? []).flatMap((subset, index) => ADDRESS_LISTS.flatMap((list) => (subset[list] ?? [])
    .flatMap(({ ip }, addressIndex) => ipWarnings(`subsets[${index}].${list}[${addressIndex}].ip`, ip ?? ''))));
}

export const endpointsDefinition: ResourceDefinition<Endpoints> = {
  resource: endpoints,
  schema: 'core/v1.Endpoints',
  nameRule: 'dns1123-subdomain',
  strategy: {
    defaults: (object) => { for (const subset of object.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= 'TCP'; },
    validateCreate: (object) => faultsOf((faults) => {
      checkFinalizers(object, faults);
      checkSubsets(object, faults);
    }),
    validateUpdate: (object, old) => faultsOf((faults) => {
      checkMetaOnUpdate(object, old, faults);
      checkMetaAgain(object, faults, true);
      if (!semanticEqual(object.subsets, old.subsets)) checkSubsets(object, faults);
    }),
    warningsOnCreate: warnings,
    warningsOnUpdate: warnings,
  },
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: true,
};
