/** Addresses that an endpoint may not have, and the status of load balancers. */
import type { LoadBalancerStatus } from '#api/generated/core/v1';
import { dns1123SubdomainFaults } from '#machinery/names';
import { parseIp } from '#machinery/ip';
import { validateLegacyIp } from '#machinery/validation/ip';
import type { Faults } from './faults.ts';

/** Unspecified, loopback and link-local addresses reach nothing that a service could mean. */
export function checkEndpointIp(ip: string, place: string, faults: Faults): void {
  const address = parseIp(ip);
  if (!address) return faults.invalid(place, ip, 'must be a valid IP address');
  const bytes = [...address.bytes];
  const isV4 = bytes.length === 4;
  const [first = 0, second = 0] = bytes;
  if (bytes.every((byte) => byte === 0)) faults.invalid(place, ip, `may not be unspecified (${ip})`);
  const loopback = isV4 ? first === 127 : bytes.slice(0, 15).every((byte) => byte === 0) && bytes[15] === 1;
  if (loopback) faults.invalid(place, ip, 'may not be in the loopback range (127.0.0.0/8, ::1/128)');
  const linkLocal = isV4 ? first === 169 && second === 254 : first === 0xfe && (second & 0xc0) === 0x80;
  if (linkLocal) faults.invalid(place, ip, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)');
  const linkLocalMulticast = isV4 ? first === 224 && second === 0 && bytes[2] === 0 : first === 0xff && (second & 0x0f) === 0x02;
  if (linkLocalMulticast) faults.invalid(place, ip, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)');
}

/** Names of load balancers are names, addresses are addresses. */
export function checkIngressHostname(hostname: string, place: string, faults: Faults): void {
  faults.invalidAll(place, hostname, dns1123SubdomainFaults(hostname));
  if (parseIp(hostname)) faults.invalid(place, hostname, 'must be a DNS name, not an IP address');
}

export function checkLoadBalancerStatus(status: LoadBalancerStatus | undefined, old: LoadBalancerStatus | undefined, type: string | undefined, faults: Faults): void {
  const ingress = status?.ingress ?? [];
  const place = 'status.loadBalancer.ingress';
  if (type !== 'LoadBalancer' && ingress.length > 0) return faults.forbidden(place, "may only be used when `spec.type` is 'LoadBalancer'");
  const before = (old?.ingress ?? []).map(({ ip }) => ip ?? '').filter((ip) => ip !== '');
  for (const [index, { ip, ipMode, hostname }] of ingress.entries()) {
    const at = `${place}[${index}]`;
    if (ip) faults.add(validateLegacyIp(`${at}.ip`, ip, true, before));
    if (ipMode === undefined) {
      if (ip) faults.required(`${at}.ipMode`, 'must be specified when `ip` is set');
    } else if (!ip) {
      faults.forbidden(`${at}.ipMode`, 'may not be specified when `ip` is not set');
    } else {
      faults.strictlyOneOf(`${at}.ipMode`, ipMode, ['Proxy', 'VIP']);
    }
    if (hostname) checkIngressHostname(hostname, `${at}.hostname`, faults);
  }
}
