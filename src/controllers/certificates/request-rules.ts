/** What the built-in signers sign: the texts say why not. Pure. */
import type { CertificateSigningRequest } from '#api/generated/certificates/v1';
import { parseSigningRequest, type SigningRequest } from '#pki/signing-request';

export const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client';
export const KUBELET_CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';
export const KUBELET_SERVING_SIGNER = 'kubernetes.io/kubelet-serving';
export const LEGACY_SIGNER = 'kubernetes.io/legacy-unknown';

/** @throws SigningRequestError */
export function requestOf(csr: CertificateSigningRequest): SigningRequest {
  return parseSigningRequest(Buffer.from(csr.spec.request, 'base64').toString('utf8'));
}

/** Undefined: it may be signed. */
export function signingFault(csr: CertificateSigningRequest, request: SigningRequest): string | undefined {
  const usages = csr.spec.usages ?? [];
  switch (csr.spec.signerName) {
    case CLIENT_SIGNER: return clientFault(usages);
    case KUBELET_CLIENT_SIGNER: return nodeFault(request) ?? kubeletClientFault(request, usages);
    case KUBELET_SERVING_SIGNER: return nodeFault(request) ?? kubeletServingFault(request, usages);
    default: return undefined;
  }
}

export function isKubeletClientRequest(csr: CertificateSigningRequest, request: SigningRequest): boolean {
  return csr.spec.signerName === KUBELET_CLIENT_SIGNER && signingFault(csr, request) === undefined;
}

function clientFault(usages: readonly string[]): string | undefined {
  const odd = usages.find((usage) => !['digital signature', 'key encipherment', 'client auth'].includes(usage));
  if (odd !== undefined) return `invalid usage for client certificate: ${odd}`;
  return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth';
}

function nodeFault(request: SigningRequest): string | undefined {
  const { organizations } = request.subject;
  return organizations.length === 1 && organizations[0] === 'system:nodes' ? undefined : 'subject organization is not system:nodes';
}

function kubeletClientFault(request: SigningRequest, usages: readonly string[]): string | undefined {
  const { dnsNames, emails, ipAddresses, uris } = request.names;
  if (dnsNames.length > 0) return 'DNS subjectAltNames are not allowed';
  if (emails.length > 0) return 'Email subjectAltNames are not allowed';
  if (ipAddresses.length > 0) return 'IP subjectAltNames are not allowed';
  if (uris.length > 0) return 'URI subjectAltNames are not allowed';
  return commonNameFault(request) ?? usagesFault(usages, 'client auth');
}

function kubeletServingFault(request: SigningRequest, usages: readonly string[]): string | undefined {
  const { dnsNames, emails, ipAddresses, uris } = request.names;
  if (dnsNames.length === 0 && ipAddresses.length === 0) return 'DNS or IP subjectAltName is required';
  if (emails.length > 0) return 'Email subjectAltNames are not allowed';
  if (uris.length > 0) return 'URI subjectAltNames are not allowed';
  return usagesFault(usages, 'server auth') ?? commonNameFault(request);
}

function commonNameFault(request: SigningRequest): string | undefined {
  return request.subject.commonName.startsWith('system:node:') ? undefined : 'subject common name does not begin with system:node:';
}

/** Keys that are not RSA encipher nothing: that usage may be missing. */
function usagesFault(usages: readonly string[], purpose: string): string | undefined {
  const required = [purpose, 'digital signature', 'key encipherment'];
  const fits = new Set(usages).size === usages.length && usages.every((usage) => required.includes(usage)) && usages.includes(purpose) && usages.includes('digital signature');
  return fits ? undefined : `usages did not match [${required.sort().join(' ')}]`;
}

export function hasCondition(csr: CertificateSigningRequest, type: string): boolean {
  return csr.status?.conditions?.some((condition) => condition.type === type && (condition.status ?? 'True') === 'True') === true;
}
