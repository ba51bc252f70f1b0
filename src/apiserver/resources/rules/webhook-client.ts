/** Where a webhook is reached: the rules of its URL or its service. */
import { dns1123SubdomainFaults, portNumberFaults } from '#machinery/names';
import type { Faults } from './faults.ts';
import { parseUrl } from './url.ts';

const FORM = '; desired format: https://host[/path]';
const DEFAULT_PORT = 443;

export interface ServiceAddress {
  readonly namespace?: string;
  readonly name?: string;
  readonly path?: string;
  port?: number;
}

export interface ClientAddress {
  readonly url?: string;
  readonly service?: ServiceAddress;
}

export function defaultServicePort(service: ServiceAddress | undefined): void {
  if (service) service.port ??= DEFAULT_PORT;
}

export function checkClientAddress({ url, service }: ClientAddress, place: string, faults: Faults): void {
  if ((url === undefined) === (service === undefined)) faults.required(place, 'exactly one of url or service is required');
  else if (url !== undefined) checkUrl(url, `${place}.url`, faults);
  else checkService(service!, `${place}.service`, faults);
}

function checkUrl(text: string, place: string, faults: Faults): void {
  const url = parseUrl(text);
  if (typeof url === 'string') return faults.required(place, `url must be a valid URL: ${url}${FORM}`);
  if (url.scheme !== 'https') faults.invalid(place, url.scheme, `'https' is the only allowed URL scheme${FORM}`);
  if (url.host === '') faults.invalid(place, '', `host must be specified${FORM}`);
  if (url.user !== undefined) faults.invalid(place, url.user, 'user information is not permitted in the URL');
  if (url.fragment !== '') faults.invalid(place, url.fragment, 'fragments are not permitted in the URL');
  if (url.query !== '') faults.invalid(place, url.query, 'query parameters are not permitted in the URL');
}

export function checkService(service: ServiceAddress, place: string, faults: Faults): void {
  // Upstream reports each of the two at the other's place.
  if (!service.namespace) faults.required(`${place}.name`);
  if (!service.name) faults.required(`${place}.namespace`);
  const port = service.port ?? 0;
  const texts = portNumberFaults(port);
  if (texts.length > 0) faults.invalid(`${place}.port`, port, `port is not valid: ${texts.join(', ')}`);
  if (service.path) checkPath(service.path, `${place}.path`, faults);
}

function checkPath(path: string, place: string, faults: Faults): void {
  if (path === '/') return;
  if (path === '//') return faults.invalid(place, path, 'segment[0] may not be empty');
  if (!path.startsWith('/')) faults.invalid(place, path, "must start with a '/'");
  const rest = path.slice(1);
  const steps = (rest.endsWith('/') ? rest.slice(0, -1) : rest).split('/');
  for (const [index, step] of steps.entries()) {
    if (step === '') faults.invalid(place, path, `segment[${index}] may not be empty`);
    else for (const text of dns1123SubdomainFaults(step)) faults.invalid(place, path, `segment[${index}]: ${text}`);
  }
}
