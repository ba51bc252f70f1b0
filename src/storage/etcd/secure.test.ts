/** TLS with client certificates, and user name with password, against a real etcd. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { UnavailableError } from '../contract.ts';
import { collectEvents } from '../testing/watch-reader.ts';
import { startEtcd, whyNoEtcd } from '../testing/etcd-server.ts';
import { openEtcdStorage } from './etcd-storage.ts';

const skip = whyNoEtcd() ?? (spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed');

/** A CA, and one certificate of it for both sides. */
function makeCertificates(directory: string): { ca: string; cert: string; key: string } {
  const at = (name: string): string => join(directory, name);
  const openssl = (...args: string[]): void => {
    const run = spawnSync('openssl', args, { cwd: directory, encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
  };
  writeFileSync(at('ext'), 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n');
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=test-ca', '-days', '2');
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'node.key', '-out', 'node.csr', '-subj', '/CN=root');
  openssl('x509', '-req', '-in', 'node.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-out', 'node.pem', '-extfile', 'ext', '-days', '2');
  return { ca: at('ca.pem'), cert: at('node.pem'), key: at('node.key') };
}

test('etcd: TLS with a client certificate; without one nothing is answered', { skip }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'kubernode-etcd-tls-'));
  const files = makeCertificates(directory);
  const tls = { ca: readFileSync(files.ca), cert: readFileSync(files.cert), key: readFileSync(files.key) };
  const cluster = await startEtcd(1, { tls: files });
  try {
    const engine = openEtcdStorage({ endpoints: cluster.endpoints, tls, clock: systemClock, log: silentLogger });
    const written = await engine.write({ key: '/a', value: Buffer.from('1'), expectedRevision: 0 });
    assert.ok(written.ok);
    assert.equal((await collectEvents(engine, { start: '/', end: '0', afterRevision: written.revision - 1 }, 1, 3_000))[0]?.key, '/a');
    await engine.close();
    const stranger = openEtcdStorage({ endpoints: cluster.endpoints, tls: { ca: tls.ca }, clock: systemClock, log: silentLogger });
    await assert.rejects(stranger.get('/a', { signal: AbortSignal.timeout(1_500) }));
    await stranger.close();
  } finally {
    await cluster.stop();
    rmSync(directory, { recursive: true, force: true });
  }
});

test('etcd: user name and password, also when the token has ended', { skip }, async () => {
  const cluster = await startEtcd(1, { flags: ['--auth-token-ttl', '2'] });
  const endpoint = cluster.endpoints[0]!;
  const etcdctl = (...args: string[]): void => {
    const run = spawnSync('etcdctl', ['--endpoints', endpoint, ...args], { encoding: 'utf8', env: { ...process.env, ETCDCTL_API: '3' } });
    assert.equal(run.status, 0, run.stderr);
  };
  try {
    etcdctl('user', 'add', 'root:secret');
    etcdctl('user', 'grant-role', 'root', 'root');
    etcdctl('auth', 'enable');
    const common = { endpoints: cluster.endpoints, clock: systemClock, log: silentLogger };
    const engine = openEtcdStorage({ ...common, auth: { username: 'root', password: 'secret' } });
    assert.ok((await engine.write({ key: '/a', value: Buffer.from('1') })).ok);
    await new Promise((resolve) => { setTimeout(resolve, 3_500); });
    assert.equal((await engine.get('/a'))?.value.toString(), '1');
    await engine.close();
    const wrong = openEtcdStorage({ ...common, auth: { username: 'root', password: 'guess' } });
    await assert.rejects(wrong.get('/a'), UnavailableError);
    await wrong.close();
  } finally {
    await cluster.stop();
  }
});
