/** B7, B8, B9: targets that two parsers could read differently, refused before anybody is asked whether the caller may. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { playground } from './playground.ts';

const place = playground();

place.refuses(
  ...[
    '/api/v1/namespaces/../secrets', '/api/v1/namespaces/%2e%2e/secrets', '/api/v1/namespaces/.%2E/secrets', '/api/v1/namespaces/a%2fb', '/api/v1/namespaces/a%00', '/api/v1/namespaces\\x',
    '/api/v1//namespaces', '//api/v1/namespaces', '/api/v1/namespaces;x', '/api/v1/namespaces/%3b', '/./api', '/version/..', '/healthz/%2e%2e/metrics', '/openapi/../v2', '/api/v1/namespaces/%5c',
  ].map((path) => ({ name: `B7 ${path}`, method: 'GET', path, code: 400, reason: 'BadRequest' })),
  ...[
    '/api/v1/namespaces/%zz', '/api/v1/namespaces/%', '/api/v1/namespaces/%f', '/api/v1/namespaces?a=%zz', '/api/v1/namespaces?labelSelector=%ff', '/api/v1/namespaces/%c3%28',
    '/api/v1/namespaces/%ed%a0%80', '/version?%zz', '/healthz?%ff',
  ].map((path) => ({ name: `B8 ${path}`, method: 'GET', path, code: 400, reason: 'BadRequest' })),
  { name: 'B9 absolute-form', method: 'GET', path: 'http://x/version', code: 400 },
  { name: 'B9 authority-form', method: 'GET', path: 'x:443', code: 400 },
  { name: 'B9 asterisk-form', method: 'OPTIONS', path: '*', code: 400 },
  ...['TRACE', 'PROPFIND', 'OPTIONS', 'LOCK', 'FROB'].flatMap((method) => ['/version', '/api/v1/namespaces', '/api/v1/namespaces/default'].map((path) => ({ name: `B9 ${method} ${path}`, method, path, code: 405, reason: 'MethodNotAllowed' }))),
);

test('B7: refused before authorization: whoever may do nothing hears the same', async () => {
  const transport = place.server().transport({ name: 'nobody', groups: [] });
  const answer = await transport.request({ method: 'GET', path: '/api/v1/namespaces/%2e%2e/secrets', headers: {} });
  assert.equal(answer.status, 400);
});
