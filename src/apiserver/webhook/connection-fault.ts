/** Why a connection brought no answer, in the words of upstream's HTTP client. */
import { isIP, isIPv6 } from 'node:net';
import type { Address } from '../service-resolver.ts';

interface Fault extends Error { readonly code?: string; readonly hostname?: string; readonly address?: string; readonly port?: number; readonly host?: string; readonly cert?: { readonly subjectaltname?: string }; readonly errors?: readonly Fault[] }

const UNTRUSTED = 'tls: failed to verify certificate: x509: certificate signed by unknown authority';

const TEXTS: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED, SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED, DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED, UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED, CERT_SIGNATURE_FAILURE: UNTRUSTED, INVALID_CA: UNTRUSTED, INVALID_PURPOSE: UNTRUSTED,
  CERT_HAS_EXPIRED: 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid',
  CERT_NOT_YET_VALID: 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid',
  HPE_INVALID_CONSTANT: 'malformed HTTP response', EPROTO: 'http: server gave HTTP response to HTTPS client', ERR_SSL_WRONG_VERSION_NUMBER: 'http: server gave HTTP response to HTTPS client',
};

const DIAL_TEXTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused', ETIMEDOUT: 'connect: connection timed out', EHOSTUNREACH: 'connect: no route to host', ENETUNREACH: 'connect: network is unreachable',
  EADDRNOTAVAIL: 'connect: cannot assign requested address',
};

export function connectionFault(error: unknown, address: Address): string {
  const fault = firstOf(error as Fault);
  const code = fault.code ?? '';
  if (Object.hasOwn(DIAL_TEXTS, code)) return `dial tcp ${joined(fault.address ?? address.host, fault.port ?? address.port)}: ${DIAL_TEXTS[code]}`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `dial tcp: lookup ${fault.hostname ?? address.host}: ${code === 'ENOTFOUND' ? 'no such host' : 'Temporary failure in name resolution'}`;
  if (code === 'ECONNRESET') return /hang up|aborted/.test(fault.message) ? 'EOF' : 'read: connection reset by peer';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `tls: failed to verify certificate: x509: ${otherName(fault, address)}`;
  return TEXTS[code] ?? fault.message;
}

/** The certificate is somebody else's. */
function otherName({ cert, host }: Fault, address: Address): string {
  const wanted = host ?? address.host;
  const names = (cert?.subjectaltname ?? '').split(', ');
  const those = (prefix: string): string[] => names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  if (isIP(wanted) !== 0) {
    const addresses = those('IP Address:');
    return addresses.length === 0 ? `cannot validate certificate for ${wanted} because it doesn't contain any IP SANs` : `certificate is valid for ${addresses.join(', ')}, not ${wanted}`;
  }
  const hosts = those('DNS:');
  return hosts.length === 0 ? `certificate is not valid for any names, but wanted to match ${wanted}` : `certificate is valid for ${hosts.join(', ')}, not ${wanted}`;
}

/** Several addresses of one name were tried. */
function firstOf(error: Fault): Fault {
  return error.errors?.[0] ?? error;
}

function joined(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}
