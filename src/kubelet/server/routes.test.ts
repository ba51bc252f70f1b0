import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { logOptions } from './container-logs.ts';
import { matchPath } from './routes.ts';

describe('paths', () => {
  const pattern = '/containerLogs/:namespace/:pod/:container';
  it('gives parameters', () => assert.deepEqual(matchPath(pattern, '/containerLogs/a/b%2Ec/d'), { namespace: 'a', pod: 'b.c', container: 'd' }));
  for (const path of ['/containerLogs/a/b', '/containerLogs/a/b/c/d', '/containerLogs/a/../c', '/containerLogs/a/%2e%2e/c', '/containerLogs/a/b%2Fx/c', '/containerLogs/a//c', '/containerLogs/a/%zz/c', '/containerlogs/a/b/c']) {
    it(`does not match ${path}`, () => assert.equal(matchPath(pattern, path), undefined));
  }
  it('takes the rest', () => assert.deepEqual(matchPath('/logs/*', '/logs/a/b'), { rest: 'a/b' }));
});

describe('log options', () => {
  it('reads them', () => {
    assert.deepEqual(logOptions(new URLSearchParams('follow=true&tailLines=5&sinceSeconds=10&timestamps=1'), 100_000), { follow: true, previous: false, timestamps: true, tailLines: 5, limitBytes: undefined, sinceMs: 90_000, stream: 'All' });
  });
  for (const query of ['tailLines=-1', 'tailLines=x', 'limitBytes=0', 'sinceSeconds=0', 'sinceTime=yesterday']) it(`refuses ${query}`, () => assert.equal(typeof logOptions(new URLSearchParams(query), 0), 'string'));
});
