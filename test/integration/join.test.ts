/** How a machine joins: the authority its token vouches for, the certificates it gets, and what is refused. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { certificatesigningrequests } from '#api/generated/certificates/v1';
import { clusterrolebindings, clusterroles } from '#api/generated/rbac/v1';
import { secrets } from '#api/generated/core/v1';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { systemRandom } from '#base/random';
import { parseKubeconfig, transportFromKubeconfig } from '#client/kubeconfig';
import { createClient } from '#client/rest-client';
import { joinToken, newToken, tokenSecret } from '#cmd/bootstrap-token';
import { createCertificateApprover } from '#cmd/certificate-approver';
import { requestCertificate } from '#cmd/certificate-request';
import { joinCluster, type JoinTarget } from '#cmd/join';
import { ensureJoinObjects, nodeNetwork } from '#cmd/join-objects';
import { startCluster } from '#cmd/testing';
import { UserError } from '#cmd/terminal';
import { isForbidden } from '#machinery/status-error';

const NETWORK = { podCidr: '10.244.0.0/16', clusterDns: '10.96.0.10', clusterDomain: 'cluster.local' };

test('joining with a bootstrap token', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-join-'));
  const cluster = await startCluster({ port: 0 });
  const { server, 'certificate-authority-data': data } = parseKubeconfig(cluster.kubeconfig!).clusters[0]!.cluster;
  const caPem = Buffer.from(data!, 'base64').toString('utf8');
  await ensureJoinObjects(cluster.client, { server, caPem, network: NETWORK }, AbortSignal.timeout(10_000));
  const approver = createCertificateApprover(
    createClient({ transport: cluster.transport({ name: 'system:serviceaccount:kube-system:certificate-approver', groups: ['system:serviceaccounts'] }), clock: systemClock, userAgent: 'approver' }),
    { clock: systemClock, random: systemRandom, log: silentLogger, metrics: new MetricsRegistry() });
  await approver.start(AbortSignal.timeout(10_000));
  t.after(async () => {
    await approver.stop();
    await cluster.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  const token = newToken(systemRandom);
  await cluster.client.for(secrets, 'kube-system').create(tokenSecret(token, {}));
  const plain = `${token.id}.${token.secret}`;
  const target = (name: string, text?: string, index = 1): JoinTarget => ({ servers: [server], localServer: server, nodeName: name, address: `192.0.2.${index}`, credentials: join(directory, name), ...(text === undefined ? {} : { token: text }) });
  const subject = (name: string, file: string): string => new X509Certificate(readFileSync(join(directory, name, file))).subject.split('\n').sort().join(' ');

  await t.test('with the hash of the authority in the token', async () => {
    await joinCluster(target('hashed', joinToken(token, caPem)), systemClock);
    assert.equal(subject('hashed', 'kubelet.crt'), 'CN=system:node:hashed O=system:nodes');
    assert.equal(subject('hashed', 'proxy.crt'), 'CN=system:kube-proxy');
    assert.equal(subject('hashed', 'dns.crt'), 'CN=system:coredns');
    assert.equal(new X509Certificate(readFileSync(join(directory, 'hashed', 'kubelet-serving.crt'))).subjectAltName, 'DNS:hashed, IP Address:192.0.2.1');
    assert.equal(readFileSync(join(directory, 'hashed', 'ca.crt'), 'utf8'), caPem);
  });

  await t.test('with a plain token: the authority is signed for with it', async () => {
    await joinCluster(target('plain', plain, 2), systemClock);
    assert.equal(subject('plain', 'kubelet.crt'), 'CN=system:node:plain O=system:nodes');
  });

  await t.test('servers that cannot be reached are passed over, and named when there is no other', async () => {
    const [gone, alsoGone] = ['https://127.0.0.1:1', 'https://127.0.0.1:2'];
    await joinCluster({ ...target('passed-over', joinToken(token, caPem), 4), servers: [gone, server] }, systemClock);
    assert.equal(subject('passed-over', 'kubelet.crt'), 'CN=system:node:passed-over O=system:nodes');
    await assert.rejects(joinCluster({ ...target('nowhere', plain, 5), servers: [gone, alsoGone] }, systemClock),
      (error) => error instanceof UserError && error.message.includes(`${gone} cannot be reached`) && error.message.includes(`${alsoGone} cannot be reached`));
  });

  await t.test('a second time without a token: nothing is asked for again', async () => {
    const count = async (): Promise<number> => (await cluster.client.for(certificatesigningrequests).list()).items.length;
    const before = await count();
    utimesSync(join(directory, 'plain', 'ca.crt'), new Date(0), new Date(0));
    await joinCluster(target('plain', undefined, 2), systemClock);
    assert.equal(await count(), before);
  });

  const refusals: [name: string, text: string | undefined, message: RegExp][] = [
    ['without a token', undefined, /has not joined yet: give --token/],
    ['with what is no token', 'abc', /kubernode token create makes one/],
    ['with the hash of another authority', `sha256:${'0'.repeat(64)}::${plain}`, /not the one the token was made for/],
    ['with the right id and another secret', `${token.id}.${'0'.repeat(16)}`, /not signed with this token/],
    ['with the right authority and another secret', joinToken({ id: token.id, secret: '0'.repeat(16) }, caPem), /does not take this token/],
  ];
  for (const [name, text, message] of refusals) {
    await t.test(`refused ${name}`, () => assert.rejects(joinCluster(target('refused', text, 3), systemClock), (error) => error instanceof UserError && message.test(error.message)));
  }

  await t.test('a node reads its network settings, and gets neither the certificate of a component that writes nor its rights', async () => {
    const client = createClient({ transport: await transportFromKubeconfig(join(directory, 'plain', 'kubelet.kubeconfig'), systemClock), clock: systemClock, userAgent: 'node' });
    t.after(() => client.close());
    assert.deepEqual(await nodeNetwork(client), NETWORK);
    const asked = requestCertificate(client, systemClock, { commonName: 'system:kube-scheduler', signerName: 'kubernetes.io/kube-apiserver-client', usage: 'client auth' }, AbortSignal.timeout(1_500));
    await assert.rejects(asked);
    await assert.rejects(client.for(clusterroles).list(), isForbidden);
    await assert.rejects(client.for(clusterrolebindings).list(), isForbidden);
  });
});
