/** Approves the requests of kubelets for their client certificates, when their sender may have one. */
import { subjectaccessreviews } from '#api/generated/authorization/v1';
import { certificatesigningrequests, type CertificateSigningRequest } from '#api/generated/certificates/v1';
import { rfc3339 } from '#base/clock';
import type { Result } from '#client/reconcile/reconciler';
import { keyedLoop, type Controller, type ControllerContext, type ControllerDefinition } from '../controller.ts';
import { hasCondition, isKubeletClientRequest, requestOf } from './request-rules.ts';

export const csrApprover: ControllerDefinition = {
  name: 'certificatesigningrequest-approving-controller',
  serviceAccount: 'certificate-controller',
  make: makeController,
};

function makeController(context: ControllerContext): Controller {
  const { client, clock } = context;
  const all = context.informers.for(certificatesigningrequests);
  const loop = keyedLoop(context, { name: 'csrapproving', informers: [all] as const, workers: context.options.concurrentSyncs, reconcile });
  all.addHandlers({ onAdd: loop.enqueue, onUpdate: (_old, current) => loop.enqueue(current) });

  async function isAllowed(csr: CertificateSigningRequest, subresource: string, signal: AbortSignal): Promise<boolean> {
    const { username, uid, groups, extra } = csr.spec;
    const review = await client.for(subjectaccessreviews).create({
      metadata: {},
      spec: {
        ...(username && { user: username }), ...(uid && { uid }), ...(groups && { groups }), ...(extra && { extra }),
        resourceAttributes: { group: 'certificates.k8s.io', resource: 'certificatesigningrequests', verb: 'create', subresource, version: '*' },
      },
    }, { signal });
    return review.status?.allowed === true;
  }

  async function reconcile(name: string, signal: AbortSignal): Promise<Result> {
    const csr = all.get(name);
    if (csr === undefined || csr.status?.certificate || hasCondition(csr, 'Approved') || hasCondition(csr, 'Denied')) return;
    const request = requestOf(csr);
    if (!isKubeletClientRequest(csr, request)) return;
    const kinds: [subresource: string, message: string][] = [['nodeclient', 'Auto approving kubelet client certificate after SubjectAccessReview.']];
    if (csr.spec.username === request.subject.commonName) kinds.unshift(['selfnodeclient', 'Auto approving self kubelet client certificate after SubjectAccessReview.']);
    for (const [subresource, message] of kinds) {
      if (!await isAllowed(csr, subresource, signal)) continue;
      const time = rfc3339(clock.now());
      const approval = { type: 'Approved', status: 'True', reason: 'AutoApproved', message, lastUpdateTime: time, lastTransitionTime: time };
      const status = { ...csr.status, conditions: [...csr.status?.conditions ?? [], approval] };
      loop.writes.wrote(name, all, await client.for(certificatesigningrequests).update({ ...csr, status }, { subresource: 'approval', signal }));
      return;
    }
  }

  return { run: loop.run };
}
