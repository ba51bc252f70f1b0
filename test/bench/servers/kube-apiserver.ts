/** Upstream's own API server over etcd, both with their defaults, where a binary is given by path. */
import { createPublicKey } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { systemClock } from '#base/clock';
import { systemRandom } from '#base/random';
import { freePort } from '#base/testing/free-ports';
import { clusterPki } from '#pki/cluster-pki';
import { HttpConnection, type Endpoint } from '../load/http-connection.ts';
import { httpRequest } from '../load/http-load.ts';
import { cpuMs, memoryMiB, newDirectory, removeDirectory, start, waitUntil } from './child.ts';
import { MissingPeer, startEtcdPeer } from './peers.ts';

export interface UpstreamApiServer {
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly pid: number;
  /** Of the API server and its etcd. */
  memoryMiB(): number;
  cpuMs(): number;
  stop(): Promise<void>;
}

/** @throws MissingPeer */
export async function startUpstream(binary: string | undefined, etcd: string): Promise<UpstreamApiServer> {
  if (binary === undefined) throw new MissingPeer('upstream\'s API server is not given (--peer-apiserver PATH or BENCH_PEER_APISERVER)');
  if (!existsSync(binary)) throw new MissingPeer(`${binary} does not exist`);
  const store = await startEtcdPeer(etcd);
  const directory = newDirectory();
  const pki = clusterPki({ directory: join(directory, 'pki'), clock: systemClock, random: systemRandom, serviceAddress: '10.96.0.1', addresses: ['127.0.0.1'] });
  const file = (name: string, text: string): string => { const path = join(directory, name); writeFileSync(path, text, { mode: 0o600 }); return path; };
  const port = await freePort();
  const key = file('serving.key', pki.serving.privateKeyPem);
  const child = start(binary, [
    '--etcd-servers', store.url, '--secure-port', String(port), '--bind-address', '127.0.0.1', '--service-cluster-ip-range', '10.96.0.0/12', '--authorization-mode', 'Node,RBAC',
    '--client-ca-file', file('ca.crt', pki.authority.certificatePem), '--tls-cert-file', file('serving.crt', pki.serving.certificatePem), '--tls-private-key-file', key,
    '--service-account-issuer', 'https://kubernetes.default.svc', '--service-account-key-file', file('accounts.pub', createPublicKey(pki.serving.privateKeyPem).export({ type: 'spki', format: 'pem' }) as string), '--service-account-signing-key-file', key,
  ]);
  const endpoint: Endpoint = { host: '127.0.0.1', port, secureContext: createSecureContext({ cert: pki.admin.certificatePem, key: pki.admin.privateKeyPem }) };
  await waitUntil(child, 'kube-apiserver', async () => {
    const connection = await HttpConnection.open(endpoint);
    try { return (await connection.request(httpRequest('GET', '/readyz'))).status === 200; } finally { connection.close(); }
  });
  const pid = child.process.pid!;
  return {
    name: 'kube-apiserver', endpoint, pid, memoryMiB: () => memoryMiB(pid) + memoryMiB(store.pid), cpuMs: () => cpuMs(pid) + cpuMs(store.pid),
    async stop() {
      await child.stop();
      await store.stop();
      removeDirectory(directory);
    },
  };
}
