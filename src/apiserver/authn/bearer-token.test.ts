import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiRequest } from '../request.ts';
import type { TokenAuthenticator } from './authenticator.ts';
import { bearerTokenAuthenticator, webSocketTokenAuthenticator } from './bearer-token.ts';
import { withSeparateIdentities } from './identity-headers.ts';

const knowsGood: TokenAuthenticator = {
  name: 'test', authenticateToken: async (token) => (token === 'good' ? { kind: 'user', user: { name: 'u', groups: [] } } : { kind: 'none' }),
};

function request(headers: ApiRequest['headers'], upgrade = false): ApiRequest {
  return {
    method: 'GET', target: '/', headers, connection: { remoteAddress: '::1', tls: true }, signal: new AbortController().signal,
    readBody: async () => Buffer.alloc(0), ...(upgrade ? { upgrade: { socket: undefined as never, head: Buffer.alloc(0) } } : {}),
  };
}

const CASES: [header: string | undefined, kind: string][] = [
  [undefined, 'none'], ['', 'none'], ['Bearer', 'none'], ['Bearer ', 'none'], ['Bearer  good', 'none'], ['Basic good', 'none'], ['Bearer\tgood', 'none'],
  ['Bearer good', 'user'], ['bearer good', 'user'], ['BEARER good', 'user'], ['  Bearer good  ', 'user'], ['Bearer good more', 'user'],
  ['Bearer bad', 'invalid'], ['Bearer good,', 'invalid'], ['Bearer bad good', 'invalid'],
];

for (const [header, kind] of CASES) {
  test(`Authorization ${JSON.stringify(header)} is ${kind}`, async () => {
    const result = await bearerTokenAuthenticator([knowsGood], []).authenticate(request(header === undefined ? {} : { authorization: header }));
    assert.equal(result.kind, kind);
  });
}

test('browsers bring the token as a WebSocket protocol', async () => {
  const authenticator = webSocketTokenAuthenticator([knowsGood], []);
  const protocol = `v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.${Buffer.from('good').toString('base64url')}`;
  assert.equal((await authenticator.authenticate(request({ 'sec-websocket-protocol': protocol }, true))).kind, 'user');
  assert.equal((await authenticator.authenticate(request({ 'sec-websocket-protocol': protocol }))).kind, 'none', 'only with an upgrade');
});

test('a comma in a group is no border between groups', () => {
  const raw = ['Impersonate-Group', 'a, b', 'Accept', 'x', 'impersonate-group', 'c'];
  assert.deepEqual(withSeparateIdentities({ 'impersonate-group': 'a, b, c', accept: 'x' }, raw), { accept: 'x', 'impersonate-group': ['a, b', 'c'] });
  const plain = { accept: 'x' };
  assert.equal(withSeparateIdentities(plain, ['Accept', 'x']), plain);
});
