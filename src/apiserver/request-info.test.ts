import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusError } from '#machinery/status-error';
import { parseRequestInfo } from './request-info.ts';

interface Case { method?: string; target: string; is: string }

/** `verb group/version ns/resource/name/subresource rest`, `-` for what is empty. */
const CASES: readonly Case[] = [
  { target: '/', is: 'get:/' },
  { target: '/apis/', is: 'get:/apis/' },
  { target: '/apis/apps/v1', is: 'get:/apis/apps/v1' },
  { target: '/api/v1/namespaces', is: 'list -/v1 -/namespaces/-/- -' },
  { target: '/api/v1/namespaces/default', is: 'get -/v1 default/namespaces/default/- -' },
  { target: '/api/v1/namespaces/default/status', is: 'get -/v1 default/namespaces/default/status -' },
  { method: 'PUT', target: '/api/v1/namespaces/default/finalize', is: 'update -/v1 default/namespaces/default/finalize -' },
  { target: '/api/v1/namespaces/default/pods', is: 'list -/v1 default/pods/-/- -' },
  { target: '/api/v1/namespaces/default/pods?watch=1', is: 'watch -/v1 default/pods/-/- -' },
  { target: '/api/v1/namespaces/default/pods?watch=false', is: 'list -/v1 default/pods/-/- -' },
  { target: '/api/v1/pods?fieldSelector=metadata.name%3Da', is: 'list -/v1 -/pods/a/- -' },
  { target: '/api/v1/watch/pods', is: 'watch -/v1 -/pods/-/- -' },
  { target: '/api/v1/watch/namespaces/n/pods/a', is: 'watch -/v1 n/pods/a/- -' },
  { method: 'DELETE', target: '/apis/apps/v1/namespaces/n/deployments', is: 'deletecollection apps/v1 n/deployments/-/- -' },
  { method: 'DELETE', target: '/apis/apps/v1/namespaces/n/deployments/d', is: 'delete apps/v1 n/deployments/d/- -' },
  { method: 'PATCH', target: '/apis/apps/v1/namespaces/n/deployments/d/scale', is: 'patch apps/v1 n/deployments/d/scale -' },
  { method: 'POST', target: '/api/v1/namespaces/n/pods/p/exec?command=ls', is: 'create -/v1 n/pods/p/exec -' },
  { target: '/api/v1/namespaces/n/pods/p/proxy/a/../b%2Fc//', is: 'get -/v1 n/pods/p/proxy a/../b%2Fc//' },
  { target: '/api/v1/nodes/n1/proxy/', is: 'get -/v1 -/nodes/n1/proxy /' },
  { target: '/api/v1/namespaces/a%20b', is: 'get -/v1 a b/namespaces/a b/- -' },
  { method: 'FROB', target: '/api/v1/pods', is: '- -/v1 -/pods/-/- -' },
];

for (const { method = 'GET', target, is } of CASES) {
  test(`${method} ${target}`, () => {
    const info = parseRequestInfo(method, target);
    const dash = (text: string): string => (text === '' ? '-' : text);
    const got = info.isResourceRequest
      ? `${dash(info.verb)} ${dash(info.group)}/${info.version} ${dash(info.namespace)}/${info.resource}/${dash(info.name)}/${dash(info.subresource)} ${dash(info.rest)}`
      : `${info.verb}:${info.path}`;
    assert.equal(got, is);
  });
}

const REFUSED = [
  '/api/v1/namespaces/../pods', '/api/v1/namespaces/%2e%2e/pods', '/api/v1/namespaces/a%2fb', '/api/v1/namespaces/a%00',
  '/api//v1/pods', '//api/v1/pods', '/api/v1/./pods', '/api/v1/pods/a\\b', '/api/v1/pods/a%5cb', '/api/v1/pods;x', '/api/v1/%zz', '/api/v1/%ff',
  '/api/v1/pods?a=%zz', 'http://host/api', 'host:443', '*',
];

for (const target of REFUSED) {
  test(`B7, B8, B9: ${target} is refused with 400`, () => {
    assert.throws(() => parseRequestInfo('GET', target), (error: unknown) => error instanceof StatusError && error.code === 400);
  });
}

test('S20: what is not refused is not normalised', () => {
  const info = parseRequestInfo('GET', '/api/v1/namespaces/x-y/pods/a:b?labelSelector=a%3Db');
  assert.equal(info.namespace, 'x-y');
  assert.equal(info.name, 'a:b');
  assert.equal(info.query.get('labelSelector'), 'a=b');
});
