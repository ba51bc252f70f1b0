/**
 * Validation of fields that hold IP addresses and networks: strict for new fields, tolerant for the old ones, with warnings
 * for spellings that are accepted only because stored objects have them.
 */
import { invalid } from '../field-error.ts';
import type { FieldError, Place } from '../field-error.ts';
import { quote } from '../go-print.ts';
import { formatCidr, formatIp, parseCidr, parseIp, sameBytes } from '../ip.ts';

function ipFaults(place: Place, value: string, strict: boolean): FieldError[] {
  if (parseIp(value) === undefined) return [invalid(place, value, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')];
  if (!strict) return [];
  const address = parseIp(value, true);
  if (address === undefined) return [invalid(place, value, 'must not have leading 0s')];
  return address.mapped ? [invalid(place, value, 'must not be an IPv4-mapped IPv6 address')] : [];
}

/** A new field: canonical form only. */
export function validateIp(place: Place, value: string): FieldError[] {
  const faults = ipFaults(place, value, true);
  if (faults.length > 0) return faults;
  const canonical = formatIp(parseIp(value)!.bytes);
  return value === canonical ? [] : [invalid(place, value, `must be in canonical form (${quote(canonical)})`)];
}

/** A field that always took anything Go's old parser took. @param oldValues what the object holds already is never refused. */
export function validateLegacyIp(place: Place, value: string, strict: boolean, oldValues: readonly string[] = []): FieldError[] {
  return oldValues.includes(value) ? [] : ipFaults(place, value, strict);
}

export function ipWarnings(place: Place, value: string): string[] {
  const address = parseIp(value);
  if (address === undefined) return [];
  const canonical = formatIp(address.bytes);
  if (address.mapped || parseIp(value, true) === undefined) {
    return [`${String(place)}: non-standard IP address ${quote(value)} is invalid: use ${quote(canonical)}`];
  }
  if (address.bytes.length === 16 && canonical !== value) {
    return [`${String(place)}: IPv6 address ${quote(value)} should be in RFC 5952 canonical format (${quote(canonical)})`];
  }
  return [];
}

function cidrFaults(place: Place, value: string, strict: boolean): FieldError[] {
  const network = parseCidr(value);
  if (network === undefined) return [invalid(place, value, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')];
  if (!strict) return [];
  if (parseCidr(value, true) === undefined) return [invalid(place, value, 'must not have leading 0s in IP or prefix length')];
  if (network.address.mapped) return [invalid(place, value, 'must not have an IPv4-mapped IPv6 address')];
  if (!sameBytes(network.address.bytes, network.network)) return [invalid(place, value, 'must not have bits set beyond the prefix length')];
  return [];
}

/** A new field: canonical form only. */
export function validateCidr(place: Place, value: string): FieldError[] {
  const faults = cidrFaults(place, value, true);
  if (faults.length > 0) return faults;
  const canonical = formatCidr(parseCidr(value)!);
  return value === canonical ? [] : [invalid(place, value, `must be in canonical form (${quote(canonical)})`)];
}

/** @param oldValues what the object holds already is never refused. */
export function validateLegacyCidr(place: Place, value: string, strict: boolean, oldValues: readonly string[] = []): FieldError[] {
  return oldValues.includes(value) ? [] : cidrFaults(place, value, strict);
}

export function cidrWarnings(place: Place, value: string): string[] {
  const network = parseCidr(value);
  if (network === undefined) return [];
  const warnings: string[] = [];
  const canonical = formatCidr(network);
  if (!sameBytes(network.address.bytes, network.network)) {
    const single = `${formatIp(network.address.bytes)}/${network.network.length * 8}`;
    warnings.push(`${String(place)}: CIDR value ${quote(value)} is ambiguous in this context (should be ${quote(canonical)} or ${quote(single)}?)`);
  }
  if (network.address.mapped || parseCidr(value, true) === undefined) {
    warnings.push(`${String(place)}: non-standard CIDR value ${quote(value)} is invalid: use ${quote(canonical)}`);
  }
  if (warnings.length === 0 && network.network.length === 16 && canonical !== value) {
    warnings.push(`${String(place)}: IPv6 CIDR value ${quote(value)} should be in RFC 5952 canonical format (${quote(canonical)})`);
  }
  return warnings;
}

/** An address with the prefix length of its network: `10.9.8.7/24`. */
export function validateInterfaceAddress(place: Place, value: string): FieldError[] {
  const network = parseCidr(value);
  if (network === undefined) {
    return [invalid(place, value, 'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)')];
  }
  const canonical = `${formatIp(network.address.bytes)}/${network.prefixLength}`;
  return value === canonical ? [] : [invalid(place, value, `must be in canonical form (${quote(canonical)})`)];
}
