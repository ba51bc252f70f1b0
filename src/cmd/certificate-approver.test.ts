import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CertificateSigningRequest } from '#api/generated/certificates/v1';
import type { Node } from '#api/generated/core/v1';
import { generateKey } from '#pki/certificate';
import { createSigningRequest } from '#pki/signing-request';
import { approvable } from './certificate-approver.ts';

const key = generateKey();
const NODES = ['system:nodes', 'system:authenticated'];
const known: Node[] = [
  { metadata: { name: 'a' }, status: { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }] } },
  { metadata: { name: 'b' }, status: { addresses: [{ type: 'InternalIP', address: '192.0.2.2' }] } },
];

interface Case { user?: string; groups?: string[]; signer: 'kubelet-serving' | 'kube-apiserver-client'; cn: string; o?: string[]; dns?: string[]; ips?: string[]; approved: boolean }

const cases: Record<string, Case> = {
  'a node serves under its own name and address': { signer: 'kubelet-serving', cn: 'system:node:a', o: ['system:nodes'], dns: ['a'], ips: ['192.0.2.1'], approved: true },
  'an address that no node has yet': { signer: 'kubelet-serving', cn: 'system:node:a', o: ['system:nodes'], dns: ['a'], ips: ['192.0.2.9'], approved: true },
  'the address of another node': { signer: 'kubelet-serving', cn: 'system:node:a', o: ['system:nodes'], dns: ['a'], ips: ['192.0.2.2'], approved: false },
  'the name of another node': { signer: 'kubelet-serving', cn: 'system:node:b', o: ['system:nodes'], dns: ['b'], approved: false },
  'its own name, a DNS name of others': { signer: 'kubelet-serving', cn: 'system:node:a', o: ['system:nodes'], dns: ['kubernetes.default'], approved: false },
  'kube-proxy': { signer: 'kube-apiserver-client', cn: 'system:kube-proxy', approved: true },
  'the DNS server': { signer: 'kube-apiserver-client', cn: 'system:coredns', approved: true },
  'the scheduler': { signer: 'kube-apiserver-client', cn: 'system:kube-scheduler', approved: false },
  'kube-proxy in a group': { signer: 'kube-apiserver-client', cn: 'system:kube-proxy', o: ['system:masters'], approved: false },
  'asked for by somebody else': { user: 'jane', groups: ['system:authenticated'], signer: 'kube-apiserver-client', cn: 'system:kube-proxy', approved: false },
  'a name of a node without its group': { groups: ['system:authenticated'], signer: 'kube-apiserver-client', cn: 'system:kube-proxy', approved: false },
};

for (const [name, { user = 'system:node:a', groups = NODES, signer, cn, o = [], dns = [], ips = [], approved }] of Object.entries(cases)) {
  test(`${approved ? 'approved' : 'left to people'}: ${name}`, () => {
    const pem = createSigningRequest(key, { commonName: cn, organizations: o }, { dnsNames: dns, ipAddresses: ips });
    const csr: CertificateSigningRequest = {
      metadata: { name: 'csr' },
      spec: { request: Buffer.from(pem).toString('base64'), signerName: `kubernetes.io/${signer}`, username: user, groups, usages: ['digital signature', signer === 'kubelet-serving' ? 'server auth' : 'client auth'] },
    };
    assert.equal(approvable(csr, known) !== undefined, approved);
  });
}
