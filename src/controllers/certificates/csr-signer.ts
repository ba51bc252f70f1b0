/** Signs approved requests of the built-in signers with the cluster's authority. */
import { certificatesigningrequests, type CertificateSigningRequest, type CertificateSigningRequestCondition } from '#api/generated/certificates/v1';
import { rfc3339 } from '#base/clock';
import type { Result } from '#client/reconcile/reconciler';
import { issueCertificate, readAuthority } from '#pki/certificate';
import type { SigningRequest } from '#pki/signing-request';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';
import { CLIENT_SIGNER, hasCondition, KUBELET_CLIENT_SIGNER, KUBELET_SERVING_SIGNER, LEGACY_SIGNER, requestOf, signingFault } from './request-rules.ts';

export const csrSigner: ControllerDefinition = {
  name: 'certificatesigningrequest-signing-controller',
  serviceAccount: 'certificate-controller',
  make: (context) => (context.options.signing === undefined ? undefined : makeController(context, context.options.signing)),
};

const SIGNERS = new Set([CLIENT_SIGNER, KUBELET_CLIENT_SIGNER, KUBELET_SERVING_SIGNER, LEGACY_SIGNER]);
const DURATION_MS_MIN = 600_000;
/** Clocks of clients may be behind. */
const BACKDATE_MS = 300_000;

function makeController(context: ControllerContext, signing: { readonly caCertificate: string; readonly caKey: string }): Controller {
  const { client, clock, options } = context;
  const authority = readAuthority(signing.caCertificate, signing.caKey);
  const all = context.informers.for(certificatesigningrequests);
  const loop = keyedLoop(context, { name: 'csrsigning', informers: [all] as const, workers: context.options.concurrentSyncs, reconcile });
  all.addHandlers({ onAdd: loop.enqueue, onUpdate: (_old, current) => loop.enqueue(current) });

  function sign(csr: CertificateSigningRequest, request: SigningRequest): string {
    const asked = csr.spec.expirationSeconds === undefined ? options.signingDurationMs : csr.spec.expirationSeconds * 1000;
    const durationMs = Math.max(DURATION_MS_MIN, Math.min(asked, options.signingDurationMs));
    const nowMs = clock.now();
    const pem = issueCertificate(authority, {
      subject: request.subject.raw, publicKey: request.publicKey, usages: csr.spec.usages ?? [], names: request.names,
      notBeforeMs: nowMs - BACKDATE_MS, notAfterMs: nowMs + durationMs,
    }, context.random);
    return Buffer.from(pem).toString('base64');
  }

  async function reconcile(name: string, signal: AbortSignal): Promise<Result> {
    const csr = all.get(name);
    if (csr === undefined || csr.status?.certificate || !SIGNERS.has(csr.spec.signerName)) return;
    if (!hasCondition(csr, 'Approved') || hasCondition(csr, 'Denied') || hasCondition(csr, 'Failed')) return;
    const request = requestOf(csr);
    const fault = signingFault(csr, request);
    const time = rfc3339(clock.now());
    const failed: CertificateSigningRequestCondition = { type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message: fault ?? '', lastUpdateTime: time, lastTransitionTime: time };
    const status = fault === undefined ? { ...csr.status, certificate: sign(csr, request) } : { ...csr.status, conditions: [...csr.status?.conditions ?? [], failed] };
    loop.writes.wrote(name, all, await client.for(certificatesigningrequests).updateStatus({ ...csr, status }, { signal }));
  }

  return { run: loop.run };
}
