/** The rules of endpoint slices. */
import type { Endpoint, EndpointHints, EndpointSlice } from '#api/generated/discovery/v1';
import { dns1123LabelFaults, dns1123SubdomainFaults, labelValueFaults, qualifiedNameFaults } from '#machinery/names';
import { parseIp } from '#machinery/ip';
import { validateIp, validateLegacyIp } from '#machinery/validation/ip';
import { checkEndpointIp } from '../../rules/endpoint-ips.ts';
import type { Faults } from '../../rules/faults.ts';
import { checkLabels } from '../../rules/metadata.ts';

const ADDRESSES_MAX = 100;
const ENDPOINTS_MAX = 1000;
const PORTS_MAX = 20_000;
const TOPOLOGY_LABELS_MAX = 16;
const HINTS_MAX = 8;

export function checkSlice(slice: EndpointSlice, faults: Faults): void {
  faults.oneOf('addressType', slice.addressType, ['FQDN', 'IPv4', 'IPv6']);
  const ports = slice.ports ?? [];
  if (ports.length > PORTS_MAX) return faults.tooMany('ports', ports.length, PORTS_MAX);
  const names = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const at = `ports[${index}]`;
    const name = port.name ?? '';
    if (name !== '') faults.invalidAll(`${at}.name`, name, dns1123LabelFaults(name));
    if (names.has(name)) faults.duplicate(`${at}.name`, name);
    names.add(name);
    if (port.protocol === undefined) faults.required(`${at}.protocol`);
    else faults.strictlyOneOf(`${at}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']);
    if (port.appProtocol !== undefined) faults.invalidAll(`${at}.appProtocol`, port.appProtocol, qualifiedNameFaults(port.appProtocol));
  }
}

export function checkEndpoints(slice: EndpointSlice, faults: Faults): void {
  const endpoints = slice.endpoints ?? [];
  if (endpoints.length > ENDPOINTS_MAX) return faults.tooMany('endpoints', endpoints.length, ENDPOINTS_MAX);
  for (const [index, endpoint] of endpoints.entries()) checkEndpoint(endpoint, slice.addressType, `endpoints[${index}]`, faults);
}

function checkEndpoint(endpoint: Endpoint, addressType: string, at: string, faults: Faults): void {
  const addresses = endpoint.addresses ?? [];
  if (addresses.length === 0) faults.required(`${at}.addresses`, 'must contain at least 1 address');
  else if (addresses.length > ADDRESSES_MAX) faults.tooMany(`${at}.addresses`, addresses.length, ADDRESSES_MAX);
  for (const [index, address] of addresses.entries()) checkAddress(address, addressType, `${at}.addresses`, index, faults);
  if (endpoint.nodeName !== undefined) faults.invalidAll(`${at}.nodeName`, endpoint.nodeName, dns1123SubdomainFaults(endpoint.nodeName));
  const labels = Object.keys(endpoint.deprecatedTopology ?? {});
  if (labels.length > TOPOLOGY_LABELS_MAX) faults.tooMany(`${at}.deprecatedTopology`, labels.length, TOPOLOGY_LABELS_MAX);
  checkLabels(endpoint.deprecatedTopology, `${at}.deprecatedTopology`, faults);
  if (endpoint.hostname !== undefined) faults.invalidAll(`${at}.hostname`, endpoint.hostname, dns1123LabelFaults(endpoint.hostname));
  if (endpoint.hints) checkHints(endpoint.hints, `${at}.hints`, faults);
}

function checkAddress(address: string, addressType: string, list: string, index: number, faults: Faults): void {
  const at = `${list}[${index}]`;
  if (addressType === 'FQDN') return checkDomainName(address, at, faults);
  if (addressType !== 'IPv4' && addressType !== 'IPv6') return;
  const errors = addressType === 'IPv4' ? validateLegacyIp(at, address, true) : validateIp(at, address);
  if (errors.length > 0) return faults.add(errors);
  const isV6 = parseIp(address)!.bytes.length === 16;
  if (isV6 !== (addressType === 'IPv6')) faults.invalid(list, address, `must be an ${addressType} address`);
  checkEndpointIp(address, at, faults);
}

function checkDomainName(name: string, place: string, faults: Faults): void {
  if (name === '') return faults.required(place);
  const domain = name.endsWith('.') ? name.slice(0, -1) : name;
  const texts = dns1123SubdomainFaults(domain);
  if (texts.length > 0) return faults.invalidAll(place, domain, texts);
  const labels = domain.split('.');
  if (labels.length < 2) return faults.invalid(place, domain, 'should be a domain with at least two segments separated by dots');
  for (const label of labels) {
    const fault = dns1123LabelFaults(label);
    if (fault.length > 0) faults.invalid(place, label, fault.join(','));
  }
}

function checkHints(hints: EndpointHints, place: string, faults: Faults): void {
  for (const [list, check] of [['forZones', labelValueFaults], ['forNodes', dns1123SubdomainFaults]] as const) {
    const items = hints[list] ?? [];
    if (items.length > HINTS_MAX) return faults.tooMany(`${place}.${list}`, items.length, HINTS_MAX);
    const seen = new Set<string>();
    for (const [index, { name = '' }] of items.entries()) {
      const at = `${place}.${list}[${index}].name`;
      if (seen.has(name)) faults.duplicate(at, name);
      seen.add(name);
      faults.invalidAll(at, name, check(name));
    }
  }
}
