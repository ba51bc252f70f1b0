/** The rules of a service's cluster IPs and IP families, and of how they may change. */
import type { Service } from '#api/generated/core/v1';
import { parseIp } from '#machinery/ip';
import { validateLegacyIp } from '#machinery/validation/ip';
import type { Faults } from '../../rules/faults.ts';

const POLICIES = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];

export function checkClusterIpFields(service: Service, old: Service | undefined, faults: Faults): void {
  const spec = service.spec!;
  if (spec.type === 'ExternalName') return;
  const ips = spec.clusterIPs ?? [];
  if (spec.clusterIP) {
    if (ips.length === 0) faults.required('spec.clusterIPs');
    else if (ips[0] !== spec.clusterIP) faults.invalid('spec.clusterIPs', ips, 'first value must match `clusterIP`');
  } else if (ips.length > 0) {
    faults.invalid('spec.clusterIPs', ips, 'must be empty when `clusterIP` is not specified');
  }
  const seen = new Set<string>();
  for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
    faults.strictlyOneOf(`spec.ipFamilies[${index}]`, family, ['IPv4', 'IPv6']);
    if (seen.has(family)) faults.duplicate(`spec.ipFamilies[${index}]`, family);
    seen.add(family);
  }
  if (spec.ipFamilyPolicy !== undefined) faults.strictlyOneOf('spec.ipFamilyPolicy', spec.ipFamilyPolicy, POLICIES);
  if (checkAddresses(ips, old?.spec?.clusterIPs ?? [], faults)) checkFamilies(ips, spec.ipFamilies ?? [], faults);
}

/** @returns whether all can be read. */
function checkAddresses(ips: readonly string[], before: readonly string[], faults: Faults): boolean {
  let readable = true;
  for (const [index, ip] of ips.entries()) {
    if (index === 0 && ip === 'None') {
      if (ips.length > 1) {
        readable = false;
        faults.invalid('spec.clusterIPs', ips, "'None' must be the first and only value");
      }
      continue;
    }
    const errors = validateLegacyIp(`spec.clusterIPs[${index}]`, ip, true, before);
    readable &&= errors.length === 0;
    faults.add(errors);
  }
  if (ips.length > 2) faults.invalid('spec.clusterIPs', ips, 'may only hold up to 2 values');
  return readable;
}

function isIpv6(ip: string): boolean {
  return parseIp(ip)?.bytes.length === 16;
}

function checkFamilies(ips: readonly string[], families: readonly string[], faults: Faults): void {
  if (ips.length > 1 && new Set(ips.map(isIpv6)).size < 2) {
    faults.invalid('spec.clusterIPs', ips, 'may specify no more than one IP for each IP family');
  }
  if (ips[0] === 'None') return;
  for (const [index, ip] of ips.entries()) {
    const family = families[index];
    if (family === 'IPv4' && isIpv6(ip)) faults.invalid(`spec.clusterIPs[${index}]`, ip, `expected an IPv4 value as indicated by \`ipFamilies[${index}]\``);
    if (family === 'IPv6' && !isIpv6(ip)) faults.invalid(`spec.clusterIPs[${index}]`, ip, `expected an IPv6 value as indicated by \`ipFamilies[${index}]\``);
  }
}

function headless(service: Service): boolean {
  return service.spec?.clusterIPs?.length === 1 && service.spec.clusterIPs[0] === 'None';
}

/** The first address and family stay for life; the second may come and go. */
export function checkClusterIpChange(service: Service, old: Service, faults: Faults): void {
  if (service.spec?.type === 'ExternalName' || old.spec?.type === 'ExternalName') return;
  if (headless(service) && headless(old)) return;
  checkListChange('clusterIPs', 'primary clusterIP can not be unset', 'secondary clusterIP', service, old, faults);
  if (headless(service) === headless(old)) {
    checkListChange('ipFamilies', 'primary ipFamily can not be unset', 'secondary ipFamily', service, old, faults);
  }
}

function checkListChange(list: 'clusterIPs' | 'ipFamilies', unsetText: string, second: string, service: Service, old: Service, faults: Faults): void {
  const now = service.spec?.[list] ?? [];
  const before = old.spec?.[list] ?? [];
  const printed = service.spec?.[list] ?? null;
  const frozen = (place: string): void => faults.invalid(place, printed, 'may not change once set');
  if (now.length === before.length) {
    for (const [index, item] of before.entries()) {
      if (item !== now[index]) frozen(`spec.${list}[${list === 'ipFamilies' ? 0 : index}]`);
    }
    return;
  }
  if (now.length < before.length && (service.spec?.[list === 'ipFamilies' ? 'clusterIPs' : list] ?? []).length === 0) {
    faults.invalid(`spec.${list}[0]`, printed, unsetText);
  }
  if (now.length > 0 && before.length > 0 && now[0] !== before[0]) {
    // For families, upstream prints the addresses here.
    faults.invalid(`spec.${list}[0]`, service.spec?.clusterIPs ?? null, 'may not change once set');
  }
  const policy = service.spec?.ipFamilyPolicy;
  if (now.length < before.length && now.length === 1 && policy !== 'SingleStack') {
    faults.invalid('spec.ipFamilyPolicy', policy ?? null, `must be set to 'SingleStack' when releasing the ${second}`);
  }
}
