/** The rules of an ingress's spec: hosts, paths, backends, certificates. */
import type { HTTPIngressPath, IngressBackend, IngressRule, IngressSpec, IngressTLS } from '#api/generated/networking/v1';
import { parseIp } from '#machinery/ip';
import {
  dns1123SubdomainFaults, nameIsDns1035Label, nameIsDnsLabel, portNameFaults, portNumberFaults, wildcardDns1123SubdomainFaults,
} from '#machinery/names';
import type { StrategyContext } from '../../definition.ts';
import { type Faults, faultsOf } from '../../rules/faults.ts';
import { checkAnyReference } from '../../rules/object-references.ts';

/** What an old ingress may keep. */
export interface Tolerance {
  readonly anySecretName: boolean;
  readonly anyRuleOfWildcardHost: boolean;
  /** Names of services as labels of RFC 1123, which may begin with a digit. */
  readonly relaxedServiceNames: boolean;
}

const STRICT: Tolerance = { anySecretName: false, anyRuleOfWildcardHost: false, relaxedServiceNames: false };
const BAD_SEQUENCES = ['//', '/./', '/../', '%2f', '%2F'];
const BAD_ENDINGS = ['/..', '/.'];

export function toleranceOf(old: IngressSpec | undefined, context: StrategyContext): Tolerance {
  const services = [old?.defaultBackend, ...(old?.rules ?? []).flatMap(({ http }) => (http?.paths ?? []).map(({ backend }) => backend))]
    .flatMap((backend) => backend?.service?.name ?? []);
  return {
    anySecretName: (old?.tls ?? []).some(({ secretName }) => secretNameFaults(secretName).length > 0),
    anyRuleOfWildcardHost: (old?.rules ?? []).some((rule) => rule.host?.includes('*')
      && faultsOf((before) => checkRuleValue(rule, '', STRICT, before)).length > 0),
    relaxedServiceNames: context.featureEnabled('RelaxedServiceNameValidation')
      || services.some((name) => nameIsDnsLabel(name, false).length === 0 && nameIsDns1035Label(name, false).length > 0),
  };
}

export function checkIngressSpec(spec: IngressSpec, tolerance: Tolerance, faults: Faults): void {
  const rules = spec.rules ?? [];
  if (rules.length === 0 && !spec.defaultBackend) {
    faults.invalid('spec', spec.rules ?? null, 'either `defaultBackend` or `rules` must be specified');
  }
  if (spec.defaultBackend) checkBackend(spec.defaultBackend, 'spec.defaultBackend', tolerance, faults);
  for (const [index, rule] of rules.entries()) checkRule(rule, `spec.rules[${index}]`, tolerance, faults);
  for (const [index, tls] of (spec.tls ?? []).entries()) checkTls(tls, `spec.tls[${index}]`, tolerance, faults);
  if (spec.ingressClassName !== undefined) {
    faults.invalidAll('spec.ingressClassName', spec.ingressClassName, dns1123SubdomainFaults(spec.ingressClassName));
  }
}

const secretNameFaults = (name = ''): string[] => (name === '' ? [] : dns1123SubdomainFaults(name));
const hostFaults = (host: string): string[] => (host.includes('*') ? wildcardDns1123SubdomainFaults(host) : dns1123SubdomainFaults(host));

function checkTls({ hosts = [], secretName }: IngressTLS, place: string, tolerance: Tolerance, faults: Faults): void {
  for (const [index, host] of hosts.entries()) faults.invalidAll(`${place}.hosts[${index}]`, host, hostFaults(host));
  if (!tolerance.anySecretName) faults.invalidAll(`${place}.secretName`, secretName, secretNameFaults(secretName));
}

function checkRule(rule: IngressRule, place: string, tolerance: Tolerance, faults: Faults): void {
  const host = rule.host ?? '';
  if (host !== '') {
    if (parseIp(host)) faults.invalid(`${place}.host`, host, 'must be a DNS name, not an IP address');
    faults.invalidAll(`${place}.host`, host, hostFaults(host));
  }
  if (!host.includes('*') || !tolerance.anyRuleOfWildcardHost) checkRuleValue(rule, place, tolerance, faults);
}

function checkRuleValue({ http }: IngressRule, place: string, tolerance: Tolerance, faults: Faults): void {
  if (!http) return;
  if ((http.paths ?? []).length === 0) faults.required(`${place}.http.paths`);
  for (const [index, path] of (http.paths ?? []).entries()) checkPath(path, `${place}.http.paths[${index}]`, tolerance, faults);
}

function checkPath({ path = '', pathType, backend }: HTTPIngressPath, place: string, tolerance: Tolerance, faults: Faults): void {
  if (pathType === undefined) return faults.required(`${place}.pathType`, 'pathType must be specified');
  const isLiteral = pathType === 'Exact' || pathType === 'Prefix';
  if (!isLiteral && pathType !== 'ImplementationSpecific') {
    faults.notSupported(`${place}.pathType`, pathType, ['Exact', 'ImplementationSpecific', 'Prefix']);
  } else {
    if (!path.startsWith('/') && (isLiteral || path !== '')) faults.invalid(`${place}.path`, path, 'must be an absolute path');
    if (isLiteral) checkLiteralPath(path, `${place}.path`, faults);
  }
  checkBackend(backend ?? {}, `${place}.backend`, tolerance, faults);
}

function checkLiteralPath(path: string, place: string, faults: Faults): void {
  for (const text of BAD_SEQUENCES) if (path.includes(text)) faults.invalid(place, path, `must not contain '${text}'`);
  for (const text of BAD_ENDINGS) if (path.endsWith(text)) faults.invalid(place, path, `cannot end with '${text}'`);
}

function checkBackend({ resource, service }: IngressBackend, place: string, tolerance: Tolerance, faults: Faults): void {
  if (resource && service) return faults.invalid(place, '', 'cannot set both resource and service backends');
  if (resource) return checkAnyReference(resource, `${place}.resource`, faults);
  if (!service) return faults.invalid(place, '', 'resource or service backend is required');
  if (!service.name) {
    faults.required(`${place}.service.name`);
  } else {
    const rule = tolerance.relaxedServiceNames ? nameIsDnsLabel : nameIsDns1035Label;
    faults.invalidAll(`${place}.service.name`, service.name, rule(service.name, false));
  }
  const { name = '', number = 0 } = service.port ?? {};
  if (name && number) faults.invalid(place, '', 'cannot set both port name & port number');
  else if (name) faults.invalidAll(`${place}.service.port.name`, name, portNameFaults(name));
  else if (number) faults.invalidAll(`${place}.service.port.number`, number, portNumberFaults(number));
  else faults.required(place, 'port name or number is required');
}
