/**
 * Approves what a joined node asks for beyond its own client certificate, which the controllers see to:
 *
 *     kubelet-serving          CN system:node:NAME, asked for by that very node, for its own name and addresses that no other node has
 *     kube-apiserver-client    CN of kube-proxy or of the DNS server, without groups, asked for by any node: both only read
 *
 * Everything else is left to people. Nothing is denied here.
 */
import { certificatesigningrequests, type CertificateSigningRequest } from '#api/generated/certificates/v1';
import { nodes, type Node } from '#api/generated/core/v1';
import type { PolicyRule } from '#api/generated/rbac/v1';
import { rfc3339 } from '#base/clock';
import type { Client } from '#client/client';
import { createInformerFactory } from '#client/informer/factory';
import type { Component, ComponentContext } from '#component/component';
import { isConflict, isNotFound } from '#machinery/status-error';
import { COMPONENT_USERS } from '#pki/cluster-pki';
import { parseSigningRequest, SigningRequestError } from '#pki/signing-request';
import { DNS_USER } from './dns-user.ts';

export const APPROVER_ACCOUNT = 'certificate-approver';
const SERVING = 'kubernetes.io/kubelet-serving';
const CLIENT = 'kubernetes.io/kube-apiserver-client';
const NODE_COMPONENTS: readonly string[] = [COMPONENT_USERS.proxy, DNS_USER];

export function approverRules(): PolicyRule[] {
  const apiGroups = ['certificates.k8s.io'];
  return [
    { apiGroups, resources: ['certificatesigningrequests'], verbs: ['get', 'list', 'watch'] },
    { apiGroups, resources: ['certificatesigningrequests/approval'], verbs: ['update'] },
    { apiGroups, resources: ['signers'], resourceNames: [SERVING, CLIENT], verbs: ['approve'] },
    { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] },
  ];
}

/** @returns the reason why the request may be approved; undefined: it is not for us. */
export function approvable(csr: CertificateSigningRequest, known: readonly Node[]): string | undefined {
  const { username = '', groups = [], signerName, usages = [] } = csr.spec;
  if (!username.startsWith('system:node:') || !groups.includes('system:nodes')) return undefined;
  let request;
  try {
    request = parseSigningRequest(Buffer.from(csr.spec.request, 'base64').toString('utf8'));
  } catch (error) {
    if (error instanceof SigningRequestError) return undefined;
    throw error;
  }
  const { subject, names } = request;
  if (signerName === CLIENT) {
    const alone = subject.organizations.length === 0 && names.dnsNames.length + names.ipAddresses.length + names.emails.length + names.uris.length === 0;
    const usable = usages.every((usage) => ['client auth', 'digital signature', 'key encipherment'].includes(usage));
    return alone && usable && NODE_COMPONENTS.includes(subject.commonName) ? `a node may run ${subject.commonName}` : undefined;
  }
  if (signerName !== SERVING || subject.commonName !== username) return undefined;
  const name = username.slice('system:node:'.length);
  if (!names.dnsNames.every((dns) => dns === name) || names.emails.length + names.uris.length > 0) return undefined;
  const others = new Set(known.filter((node) => node.metadata.name !== name).flatMap((node) => node.status?.addresses?.map(({ address }) => address) ?? []));
  return names.ipAddresses.some((address) => others.has(address)) ? undefined : 'a node may serve under its own name and addresses';
}

export function createCertificateApprover(client: Client, context: ComponentContext): Component {
  const { clock, random, log } = context;
  const informers = createInformerFactory({ client, clock, random, log });
  const requests = informers.for(certificatesigningrequests);
  const known = informers.for(nodes);
  const stopping = new AbortController();

  async function approve(csr: CertificateSigningRequest): Promise<void> {
    if (csr.status?.conditions?.some(({ type }) => type === 'Approved' || type === 'Denied') === true || csr.status?.certificate !== undefined) return;
    await known.whenSynced(stopping.signal);
    const reason = approvable(csr, known.list());
    if (reason === undefined) return;
    const time = rfc3339(clock.now());
    const condition = { type: 'Approved', status: 'True', reason: 'AutoApproved', message: reason, lastUpdateTime: time, lastTransitionTime: time };
    await client.for(certificatesigningrequests).update({ ...csr, status: { ...csr.status, conditions: [...csr.status?.conditions ?? [], condition] } }, { subresource: 'approval', signal: stopping.signal });
  }

  const look = (csr: CertificateSigningRequest): void => {
    approve(csr).catch((error: unknown) => {
      // Whoever was faster has decided; of any other failure the node's next request is the retry.
      if (!stopping.signal.aborted && !isConflict(error) && !isNotFound(error)) log.warn('a certificate request could not be approved', { request: csr.metadata.name, error });
    });
  };

  return {
    name: 'certificate-approver',
    async start() {
      requests.addHandlers({ onAdd: look, onUpdate: (_old, current) => look(current) });
      informers.start();
    },
    async stop() {
      stopping.abort(new Error('the approver stops'));
      await informers.stop();
    },
  };
}
