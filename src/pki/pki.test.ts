import assert from 'node:assert/strict';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { seededRandom } from '#base/random';
import { VirtualClock } from '#base/virtual-clock';
import { certificateBytes, generateKey, issueCertificate, parseCertificate } from './certificate.ts';
import { clusterPki } from './cluster-pki.ts';
import { DerError, readOne } from './der.ts';
import { decodeJwt, jsonWebKeySet, signingKey, signJwt, verificationKey, verifyJwt } from './jwt.ts';
import { createSigningRequest, parseSigningRequest, SigningRequestError } from './signing-request.ts';

const START_MS = Date.UTC(2026, 4, 1);

test('a cluster gets its certificates once and keeps them', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'pki-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const clock = new VirtualClock(START_MS);
  const options = { directory, clock, random: seededRandom(1), addresses: ['192.0.2.7', 'fd00::7'] };
  const first = clusterPki(options);
  const authority = new X509Certificate(first.authority.certificatePem);
  const serving = new X509Certificate(first.serving.certificatePem);
  assert.ok(serving.verify(authority.publicKey) && serving.checkIssued(authority));
  for (const address of ['127.0.0.1', '10.96.0.1', '192.0.2.7', 'fd00::7']) assert.equal(serving.checkIP(address), address);
  for (const name of ['localhost', 'kubernetes.default.svc.cluster.local']) assert.equal(serving.checkHost(name), name);
  const node = parseCertificate(certificateBytes(first.node('a').certificatePem)!);
  assert.deepEqual([node.subject.commonName, node.subject.organizations], ['system:node:a', ['system:nodes']]);
  assert.equal(statSync(join(directory, 'clients/system-node-a.key')).mode & 0o777, 0o600);
  const keys = await first.serviceAccountKeys();

  const again = clusterPki(options);
  assert.equal(again.serving.certificatePem, first.serving.certificatePem);
  assert.equal((await again.serviceAccountKeys()).signing.keyId, keys.signing.keyId);

  const moved = clusterPki({ ...options, addresses: ['192.0.2.8'] });
  assert.notEqual(moved.serving.certificatePem, first.serving.certificatePem, 'a new address needs a new certificate');
  await clock.advance(300 * 24 * 3600 * 1000);
  assert.notEqual(clusterPki(options).admin.certificatePem, first.admin.certificatePem, 'renewed near its end');
  assert.equal(clusterPki(options).authority.certificatePem, first.authority.certificatePem);
});

test('a signing request proves possession of its key', () => {
  const key = generateKey();
  const pem = createSigningRequest(key, { commonName: 'system:node:b', organizations: ['system:nodes'] }, { dnsNames: ['b'], ipAddresses: ['10.0.0.1', '2001:db8::1'] });
  const request = parseSigningRequest(pem);
  assert.deepEqual(request.names, { dnsNames: ['b'], ipAddresses: ['10.0.0.1', '2001:db8::1'], emails: [], uris: [] });
  const pki = clusterPki({ clock: new VirtualClock(START_MS), random: seededRandom(2) });
  const issued = new X509Certificate(issueCertificate(pki.authority, {
    subject: request.subject.raw, publicKey: request.publicKey, usages: ['digital signature', 'client auth'], notBeforeMs: START_MS, notAfterMs: START_MS + 1000,
  }, seededRandom(3)));
  assert.ok(issued.checkPrivateKey(key));
  assert.deepEqual(issued.keyUsage, ['1.3.6.1.5.5.7.3.2']);
  const bytes = Buffer.from(pem.replace(/-----.*-----|\n/g, ''), 'base64');
  bytes[bytes.length - 1]! ^= 1;
  const broken = `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
  assert.throws(() => parseSigningRequest(broken), SigningRequestError);
  assert.throws(() => parseSigningRequest('nothing'), SigningRequestError);
});

test('cut or overlong DER is refused', () => {
  for (const hex of ['', '30', '3005', '300502', '3080', '30850000000000', '3f01']) {
    assert.throws(() => readOne(Buffer.from(hex, 'hex')), DerError, hex);
  }
});

test('a token is good only with its own key, algorithm and text', async () => {
  const key = signingKey(generateKey());
  const other = verificationKey(generateKey());
  const token = await signJwt({ sub: 'x' }, key);
  const keys = [verificationKey(createPublicKey(key.privateKey))];
  assert.deepEqual(verifyJwt(token, keys), { sub: 'x' });
  assert.equal(verifyJwt(token, [other]), undefined);
  assert.equal(verifyJwt(`${token.slice(0, -2)}AA`, keys), undefined);
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${token.split('.')[1]}.AA`;
  assert.equal(verifyJwt(none, keys), undefined);
  for (const text of ['', 'a.b', 'a.b.c', `${token}.x`, 'é.é.é']) assert.equal(decodeJwt(text)?.claims, undefined);
  assert.deepEqual(Object.keys(jsonWebKeySet(keys).keys[0]!).slice(0, 4), ['use', 'kty', 'kid', 'alg']);
});
