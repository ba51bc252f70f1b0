/**
 * Debian's etcdctl against an API server that serves its embedded store as etcd, over TLS: reads, writes, transactions, watches, leases, a
 * snapshot that a real etcd starts from. And a second API server that shares the store.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { configmaps } from '#api/generated/core/v1';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { systemRandom } from '#base/random';
import { openEtcdFace, type RunningFace } from '#cmd/etcd-face';
import { startCluster, type Cluster } from '#cmd/testing';
import { clusterPki } from '#pki/cluster-pki';
import { openEmbeddedStorage, type EmbeddedStorage } from '#storage/embedded/embedded-storage';
import { openEtcdStorage } from '#storage/etcd/etcd-storage';
import { startEtcd, whyNoEtcd } from '#storage/testing/etcd-server';

const hasEtcdctl = spawnSync('etcdctl', ['version']).status === 0;
const skip = whyNoEtcd() ?? (hasEtcdctl ? false : 'etcdctl is not installed (Debian: apt-get install etcd-client)');
const directory = mkdtempSync(join(tmpdir(), 'kubernode-etcdctl-'));
const pkiDirectory = join(directory, 'pki');
/** Of a cluster of one: nobody connects. */
const PEER = 'http://127.0.0.1:2380';
let storage: EmbeddedStorage;
let face: RunningFace;
let endpoint: string;

before(async () => {
  if (skip !== false) return;
  storage = await openEmbeddedStorage({ directory: join(directory, 'storage'), clock: systemClock, log: silentLogger });
  const pki = clusterPki({ directory: pkiDirectory, clock: systemClock, random: systemRandom });
  let served = '';
  const log = { ...silentLogger, info: (_text: string, fields?: Record<string, unknown>) => { served = String(fields?.['endpoint']); } };
  face = await openEtcdFace(storage, ['127.0.0.1:0'], { pki, log, name: 'test' });
  endpoint = served;
});
after(async () => {
  await face?.close();
  await storage?.close();
  rmSync(directory, { recursive: true, force: true });
});

interface Output { readonly code: number | null; readonly stdout: string; readonly stderr: string }

/** @param identity files in the cluster's pki. */
async function etcdctl(args: readonly string[], { input = '', identity = 'etcd/client', stopAfter }: { input?: string; identity?: string; stopAfter?: RegExp } = {}): Promise<Output> {
  const at = (name: string): string => join(pkiDirectory, name);
  const child = spawn('etcdctl', ['--endpoints', endpoint, '--cacert', at('etcd/ca.crt'), '--cert', at(`${identity}.crt`), '--key', at(`${identity}.key`), '--dial-timeout', '3s', '--command-timeout', identity === 'etcd/client' ? '8s' : '1s', ...args],
    { env: { ...process.env, ETCDCTL_API: '3' } });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => { stdout += chunk.toString(); if (stopAfter?.test(stdout) === true) child.kill(); });
  child.stderr.on('data', (chunk: Buffer) => { stderr += chunk.toString(); });
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve) => { child.on('close', resolve); });
  return { code, stdout, stderr };
}

test('etcdctl: put, get, delete, transactions', { skip }, async () => {
  assert.equal((await etcdctl(['put', 'a', '1'])).stdout, 'OK\n');
  assert.equal((await etcdctl(['put', 'a', '2', '--prev-kv'])).stdout, 'OK\na\n1\n');
  assert.equal((await etcdctl(['get', 'a'])).stdout, 'a\n2\n');
  assert.equal((await etcdctl(['txn'], { input: 'version("b") = "0"\nvalue("a") = "2"\n\nput b 1\nput c 2\nget a\n\nput b 9\n\n' })).stdout, 'SUCCESS\n\nOK\n\nOK\n\na\n2\n');
  assert.equal((await etcdctl(['txn'], { input: 'version("b") = "0"\n\nput b 1\n\nget b\n\n' })).stdout, 'FAILURE\n\nb\n1\n');
  assert.equal((await etcdctl(['get', '', '--from-key', '--keys-only', '--sort-by', 'KEY', '--order', 'DESCEND'])).stdout, 'c\n\nb\n\na\n\n');
  const { header, kvs } = JSON.parse((await etcdctl(['get', 'a', '-w', 'json'])).stdout) as { header: { revision: number }; kvs: { version: number }[] };
  assert.equal(kvs[0]!.version, 2);
  assert.equal((await etcdctl(['compact', String(header.revision)])).stdout, `compacted revision ${header.revision}\n`);
  assert.match((await etcdctl(['get', 'a', '--rev', '2'])).stderr, /etcdserver: mvcc: required revision has been compacted/);
  assert.match((await etcdctl(['get', 'a', '--rev', '99999'])).stderr, /etcdserver: mvcc: required revision is a future revision/);
  assert.equal((await etcdctl(['del', 'b', 'd'])).stdout, '2\n');
});

test('etcdctl: watch, from a revision too', { skip }, async () => {
  const { header } = JSON.parse((await etcdctl(['put', 'w/1', 'x', '-w', 'json'])).stdout) as { header: { revision: number } };
  await etcdctl(['put', 'w/2', 'y']);
  await etcdctl(['del', 'w/1']);
  const watched = await etcdctl(['watch', '--prefix', 'w/', '--rev', String(header.revision), '--prev-kv'], { stopAfter: /DELETE/ });
  assert.match(watched.stdout, /^PUT\nw\/1\nx\nPUT\nw\/2\ny\nDELETE\nw\/1\nx\nw\/1\n/);
});

test('etcdctl: leases', { skip }, async () => {
  const id = /lease (\w+) granted with TTL\(60s\)/.exec((await etcdctl(['lease', 'grant', '60'])).stdout)![1]!;
  assert.equal((await etcdctl(['put', 'l', '1', '--lease', id])).stdout, 'OK\n');
  assert.match((await etcdctl(['lease', 'timetolive', id, '--keys'])).stdout, /granted with TTL\(60s\), remaining\((60|59|58)s\), attached keys\(\[l\]\)/);
  assert.match((await etcdctl(['lease', 'keep-alive', '--once', id])).stdout, /keepalived with TTL\(60\)/);
  assert.match((await etcdctl(['lease', 'list'])).stdout, new RegExp(`found 1 leases\n${id}`));
  assert.match((await etcdctl(['lease', 'revoke', id])).stdout, /revoked/);
  assert.equal((await etcdctl(['get', 'l'])).stdout, '');
  assert.match((await etcdctl(['lease', 'revoke', id])).stderr, /etcdserver: requested lease not found/);
  assert.match((await etcdctl(['put', 'l', '1', '--lease', id])).stderr, /etcdserver: requested lease not found/);
});

test('etcdctl: the state of the member; who has no certificate of this authority gets nothing', { skip }, async () => {
  assert.match((await etcdctl(['endpoint', 'health'])).stderr + (await etcdctl(['endpoint', 'health'])).stdout, /is healthy/);
  assert.match((await etcdctl(['endpoint', 'status'])).stdout, /, 3\.5\.\d+, .*true/);
  assert.match((await etcdctl(['member', 'list'])).stdout, /started, test, https:/);
  assert.equal((await etcdctl(['alarm', 'list'])).stdout, '');
  assert.match((await etcdctl(['auth', 'enable'])).stderr, /root user does not exist/);
  const stranger = await etcdctl(['get', 'a'], { identity: 'clients/admin' });
  assert.equal(stranger.stdout, '');
  assert.notEqual(stranger.code, 0);
});

test('etcdctl: a real etcd starts from a snapshot', { skip, timeout: 60_000 }, async () => {
  await Promise.all(Array.from({ length: 300 }, (_, i) => storage.write({ key: `/many/${i}`, value: Buffer.alloc(i * 40, 'v') })));
  await storage.mvcc.transact((writer) => { for (const key of ['/t/1', '/t/2', '/t/3']) writer.put(key, Buffer.from('same revision'), 0); });
  const file = join(directory, 'snapshot.db');
  assert.equal((await etcdctl(['snapshot', 'save', file])).code, 0);
  const data = join(directory, 'etcd');
  const restored = spawnSync('etcdctl', ['snapshot', 'restore', file, '--data-dir', data, '--name', 'm0', '--initial-cluster', `m0=${PEER}`, '--initial-advertise-peer-urls', PEER], { encoding: 'utf8', env: { ...process.env, ETCDCTL_API: '3' } });
  assert.equal(restored.status, 0, restored.stderr);
  const cluster = await startEtcd(1, { dataDir: data });
  const engine = openEtcdStorage({ endpoints: cluster.endpoints, clock: systemClock, log: silentLogger });
  try {
    const all = { start: '\0', end: '\u{10ffff}' };
    assert.deepEqual((await engine.range(all)).items, (await storage.range(all)).items);
    assert.equal(await engine.currentRevision(), await storage.currentRevision());
  } finally {
    await engine.close();
    await cluster.stop();
  }
});

test('two API servers share the embedded store of one of them', { skip, timeout: 60_000 }, async () => {
  const at = (name: string): string => join(pkiDirectory, name);
  const shared = openEtcdStorage({ endpoints: [endpoint], tls: { ca: readFileSync(at('etcd/ca.crt')), cert: readFileSync(at('etcd/client.crt')), key: readFileSync(at('etcd/client.key')) }, clock: systemClock, log: silentLogger });
  const clusters: Cluster[] = [];
  try {
    for (const one of [storage, shared]) clusters.push(await startCluster({ storage: { ...one, close: async () => undefined }, clock: systemClock }));
    const [a, b] = clusters.map((cluster) => cluster.client.for(configmaps, 'default'));
    const made = await a!.create({ metadata: { name: 'shared' }, data: { from: 'a' } });
    const seen = await b!.get('shared');
    assert.equal(seen.metadata.resourceVersion, made.metadata.resourceVersion);
    await b!.update({ ...seen, data: { from: 'b' } });
    assert.equal((await a!.get('shared')).data!['from'], 'b');
    await assert.rejects(a!.update({ ...made, data: { from: 'late' } }), /the object has been modified/);
  } finally {
    for (const cluster of clusters) await cluster.stop();
    await shared.close();
  }
});
