import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '#base/virtual-clock';
import { systemRandom } from '#base/random';
import { clusterPki } from '#pki/cluster-pki';
import { joinToken, newToken, parseJoinToken, parseToken, tokenSecret } from './bootstrap-token.ts';
import { UserError } from './terminal.ts';

test('a new token is one, and says its authority when asked to', () => {
  const token = newToken(systemRandom);
  assert.deepEqual(parseToken(`${token.id}.${token.secret}`), token);
  const pki = clusterPki({ clock: new VirtualClock(Date.parse('2026-01-01T00:00:00Z')), random: systemRandom });
  const joined = parseJoinToken(joinToken(token, pki.authority.certificatePem));
  assert.equal(joined.id, token.id);
  assert.match(joined.caHash ?? '', /^[0-9a-f]{64}$/);
});

for (const text of ['', 'abc', 'ABCDEF.0123456789abcdef', 'abcdef.0123456789abcde', 'abcdef.0123456789abcdef0', 'sha256:12::abcdef.0123456789abcdef']) {
  test(`not a token: ${JSON.stringify(text)}`, () => assert.throws(() => parseJoinToken(text), UserError));
}

test('the secret is what the authenticator, the signer and the cleaner read', () => {
  const secret = tokenSecret({ id: 'abcdef', secret: '0123456789abcdef' }, { expiresMs: Date.parse('2026-01-02T03:04:05Z') });
  assert.equal(secret.metadata.name, 'bootstrap-token-abcdef');
  assert.equal(secret.type, 'bootstrap.kubernetes.io/token');
  assert.deepEqual(secret.stringData, {
    'token-id': 'abcdef', 'token-secret': '0123456789abcdef', 'usage-bootstrap-authentication': 'true', 'usage-bootstrap-signing': 'true',
    'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token', expiration: '2026-01-02T03:04:05Z',
  });
});
