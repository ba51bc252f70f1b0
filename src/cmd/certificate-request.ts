/** Gets a certificate by the cluster's certificate API: a key is made here and never leaves this machine. */
import type { KeyObject } from 'node:crypto';
import { certificatesigningrequests, type CertificateSigningRequest } from '#api/generated/certificates/v1';
import type { Clock } from '#base/clock';
import type { Client } from '#client/client';
import { generateKey, privateKeyPem } from '#pki/certificate';
import { createSigningRequest } from '#pki/signing-request';
import { UserError } from './terminal.ts';

export interface WantedCertificate {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly signerName: 'kubernetes.io/kube-apiserver-client-kubelet' | 'kubernetes.io/kubelet-serving' | 'kubernetes.io/kube-apiserver-client';
  readonly usage: 'client auth' | 'server auth';
}

const POLL_MS = 200;
const ISSUED_MS_MAX = 60_000;

/** @throws UserError when it is refused or nobody decides. */
export async function requestCertificate(client: Client, clock: Clock, wanted: WantedCertificate, signal?: AbortSignal): Promise<{ certificatePem: string; keyPem: string }> {
  const key: KeyObject = generateKey();
  const pem = createSigningRequest(key, { commonName: wanted.commonName, organizations: wanted.organizations ?? [] }, { dnsNames: [...wanted.dnsNames ?? []], ipAddresses: [...wanted.ipAddresses ?? []] });
  const api = client.for(certificatesigningrequests);
  const call = signal === undefined ? {} : { signal };
  const made = await api.create({
    metadata: { generateName: 'node-csr-' },
    spec: { request: Buffer.from(pem).toString('base64'), signerName: wanted.signerName, usages: ['digital signature', wanted.usage] },
  }, call);
  const name = made.metadata.name!;
  const untilMs = clock.monotonicNow() + ISSUED_MS_MAX;
  for (let csr: CertificateSigningRequest = made; ; csr = await api.get(name, call)) {
    const condition = (type: string): string | undefined => csr.status?.conditions?.find((one) => one.type === type)?.message;
    const refused = condition('Denied') ?? condition('Failed');
    if (refused !== undefined) throw new UserError(`the cluster refuses ${wanted.commonName} its certificate: ${refused || 'no reason given'}`);
    if (csr.status?.certificate !== undefined) return { certificatePem: Buffer.from(csr.status.certificate, 'base64').toString('utf8'), keyPem: privateKeyPem(key) };
    if (clock.monotonicNow() > untilMs) throw new UserError(`nobody approved the certificate of ${wanted.commonName}: an administrator can, by kubectl certificate approve ${name}; then start this again`);
    await clock.sleep(POLL_MS, signal);
  }
}

