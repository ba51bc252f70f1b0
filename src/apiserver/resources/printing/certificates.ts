/**
 * The tables of certificates.k8s.io.
 */
import type { CertificateSigningRequest } from '#api/generated/certificates/v1';
import type { ClusterTrustBundle, PodCertificateRequest } from '#api/generated/certificates/v1beta1';
import type { TablePrinter } from '../definition.ts';
import { age, humanDuration, labelsText, orNone } from './cells.ts';
import { AGE, column, NAME } from './columns.ts';

export const certificateSigningRequestPrinter: TablePrinter<CertificateSigningRequest> = {
  columns: [
    NAME, AGE,
    column('SignerName', 'string', 'Signer that is asked.'),
    column('Requestor', 'string', 'User who asks.'),
    column('RequestedDuration', 'string', 'For how long the certificate should be valid.'),
    column('Condition', 'string', 'Whether the request is pending, approved, denied, issued or failed.'),
  ],
  cells: (request, nowMs) => [
    request.metadata.name, age(request.metadata, nowMs), orNone(request.spec.signerName), request.spec.username ?? '',
    request.spec.expirationSeconds === undefined ? '<none>' : humanDuration(request.spec.expirationSeconds * 1000), condition(request),
  ],
};

function condition({ status }: CertificateSigningRequest): string {
  const types = new Set(status?.conditions?.map(({ type }) => type));
  const verdict = types.has('Denied') ? 'Denied' : types.has('Approved') ? 'Approved' : 'Pending';
  return `${verdict}${types.has('Failed') ? ',Failed' : ''}${(status?.certificate ?? '') === '' ? '' : ',Issued'}`;
}

export const clusterTrustBundlePrinter: TablePrinter<ClusterTrustBundle> = {
  columns: [NAME, column('SignerName', 'string', 'Signer the bundle is for.')],
  cells: ({ metadata, spec }) => [metadata.name, orNone(spec.signerName)],
};

const REQUEST_STATES: ReadonlySet<string> = new Set(['Issued', 'Denied', 'Failed']);

export const podCertificateRequestPrinter: TablePrinter<PodCertificateRequest> = {
  columns: [
    NAME,
    column('PodName', 'string', 'Pod the certificate is for.'),
    column('ServiceAccountName', 'string', 'Service account of the pod.'),
    column('NodeName', 'string', 'Node of the pod.'),
    column('SignerName', 'string', 'Signer that is asked.'),
    column('State', 'string', 'Is the request Pending, Issued, Denied, or Failed?'),
    column('UnverifiedUserAnnotations', 'string', 'What the pod tells the signer; nobody has checked it.'),
  ],
  cells: ({ metadata, spec, status }) => [
    metadata.name, spec.podName, spec.serviceAccountName, spec.nodeName, spec.signerName,
    status?.conditions?.findLast(({ type }) => REQUEST_STATES.has(type))?.type ?? 'Pending', labelsText(spec.unverifiedUserAnnotations),
  ],
};
