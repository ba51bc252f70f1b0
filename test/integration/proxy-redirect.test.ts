/** Proxied pages without a final slash are sent on to it, for both methods that only read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCluster } from '#cmd/testing';

test('pods/proxy without a path: GET and HEAD are redirected', async () => {
  const cluster = await startCluster();
  try {
    const path = '/api/v1/namespaces/default/pods/web';
    const body = { metadata: { name: 'web' }, spec: { nodeName: 'one', containers: [{ name: 'web', image: 'web:1' }] } };
    await cluster.client.raw('POST', '/api/v1/namespaces/default/pods', { body });
    await cluster.client.raw('PATCH', `${path}/status`, { body: { status: { phase: 'Running', podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] } }, contentType: 'application/merge-patch+json' });
    const transport = cluster.transport({ name: 'admin', groups: ['system:masters'] });
    for (const method of ['GET', 'HEAD']) {
      const answer = await transport.request({ method, path: `${path}/proxy?page=1`, headers: {} });
      for await (const piece of answer.body) assert.equal(piece.length, 0);
      assert.deepEqual([method, answer.status, answer.headers['location']], [method, 301, `${path}/proxy/?page=1`]);
    }
  } finally {
    await cluster.stop();
  }
});
