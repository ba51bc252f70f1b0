/**
 * Who may approve, sign and attest for which signer: the verbs `approve`, `sign` and `attest` on `signers`, by the signer's name
 * or by `domain/*`; and no client certificate in `system:masters`.
 */
import type { CertificateSigningRequest } from '#api/generated/certificates/v1';
import type { PodCertificateRequest } from '#api/generated/certificates/v1beta1';
import { forbidden, path } from '#machinery/field-error';
import { quote } from '#machinery/go-print';
import { newInvalid } from '#machinery/status-error';
import { parseSigningRequest, SigningRequestError } from '#pki/signing-request';
import { semanticEqual } from '#machinery/deep-equal';
import type { Authorizer } from '../authz/authorizer.ts';
import { resourceAttributes } from '../authz/attributes.ts';
import type { UserInfo } from '../request.ts';
import type { AdmissionDependencies } from './dependencies.ts';
import type { AdmissionPlugin } from './plugin.ts';
import { isAbout, refused } from './refusal.ts';

const GROUP = 'certificates.k8s.io';
const REQUESTS = 'certificatesigningrequests';
const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client';

async function mayAct(authorizer: Authorizer, user: UserInfo, verb: string, signer: string): Promise<boolean> {
  const domain = signer.slice(0, Math.max(signer.indexOf('/'), 0)) || signer;
  for (const name of [signer, `${domain}/*`]) {
    const { decision } = await authorizer.authorize(resourceAttributes({ user, verb, group: GROUP, resource: 'signers', name }));
    if (decision === 'allow') return true;
  }
  return false;
}

export function certificateApproval({ authorizer }: AdmissionDependencies): AdmissionPlugin {
  return {
    name: 'CertificateApproval',
    async validate(attributes) {
      if (!isAbout(attributes, GROUP, REQUESTS, 'approval') || attributes.operation !== 'UPDATE') return;
      const { signerName } = (attributes.oldObject as CertificateSigningRequest).spec;
      if (await mayAct(authorizer, attributes.user, 'approve', signerName)) return;
      throw refused(attributes, `user not permitted to approve requests with signerName ${quote(signerName)}`);
    },
  };
}

export function certificateSigning({ authorizer }: AdmissionDependencies): AdmissionPlugin {
  return {
    name: 'CertificateSigning',
    async validate(attributes) {
      if (!isAbout(attributes, GROUP, REQUESTS, 'status') || attributes.operation !== 'UPDATE') return;
      const old = attributes.oldObject as CertificateSigningRequest;
      const { status } = attributes.object as CertificateSigningRequest;
      const unchanged = (status?.certificate ?? '') === (old.status?.certificate ?? '') && semanticEqual(status?.conditions ?? [], old.status?.conditions ?? []);
      const { signerName } = old.spec;
      if (unchanged || await mayAct(authorizer, attributes.user, 'sign', signerName)) return;
      throw refused(attributes, `user not permitted to sign requests with signerName ${quote(signerName)}`);
    },
  };
}

/** Not among upstream's plugins: there the rules of pod certificate requests ask. */
export function podCertificateSigning({ authorizer }: AdmissionDependencies): AdmissionPlugin {
  return {
    name: 'PodCertificateSigning',
    async validate(attributes) {
      if (!isAbout(attributes, GROUP, 'podcertificaterequests', 'status') || attributes.operation !== 'UPDATE') return;
      const old = attributes.oldObject as PodCertificateRequest;
      const { status } = attributes.object as PodCertificateRequest;
      const { signerName } = old.spec;
      if (semanticEqual(status ?? {}, old.status ?? {}) || await mayAct(authorizer, attributes.user, 'sign', signerName)) return;
      const text = `User ${quote(attributes.user.name)} is not permitted to "sign" for signer ${quote(signerName)}`;
      throw newInvalid(GROUP, attributes.kind, attributes.name, [forbidden(path('spec', 'signerName'), text)]);
    },
  };
}

export function clusterTrustBundleAttest({ authorizer }: AdmissionDependencies): AdmissionPlugin {
  return {
    name: 'ClusterTrustBundleAttest',
    async validate(attributes) {
      if (!isAbout(attributes, GROUP, 'clustertrustbundles') || (attributes.operation !== 'CREATE' && attributes.operation !== 'UPDATE')) return;
      const signer = (attributes.object as { spec?: { signerName?: string } }).spec?.signerName ?? '';
      if (signer === '' || await mayAct(authorizer, attributes.user, 'attest', signer)) return;
      throw refused(attributes, `user not permitted to attest for signerName ${quote(signer)}`);
    },
  };
}

export function certificateSubjectRestriction(): AdmissionPlugin {
  return {
    name: 'CertificateSubjectRestriction',
    validate(attributes) {
      if (!isAbout(attributes, GROUP, REQUESTS) || attributes.operation !== 'CREATE') return;
      const { spec } = attributes.object as CertificateSigningRequest;
      if (spec.signerName !== CLIENT_SIGNER) return;
      let organizations: readonly string[];
      try {
        organizations = parseSigningRequest(Buffer.from(spec.request, 'base64').toString('latin1')).subject.organizations;
      } catch (error) {
        if (!(error instanceof SigningRequestError)) throw error;
        throw refused(attributes, `failed to parse CSR: ${error.message}`);
      }
      if (organizations.includes('system:masters')) throw refused(attributes, `use of ${CLIENT_SIGNER} signer with system:masters group is not allowed`);
    },
  };
}
