/** B23: a body that speaks of something else than the URL is refused, and changes nothing. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { configmaps } from '#api/generated/core/v1';
import { startCluster, type Cluster } from '#cmd/testing';
import { StatusError } from '#machinery/status-error';

let cluster: Cluster;
before(async () => { cluster = await startCluster(); });
after(() => cluster.stop());

const PATH = '/api/v1/namespaces/default/configmaps';

const CASES: { name: string; method: string; path: string; body: unknown; expect: RegExp }[] = [
  { name: 'another kind', method: 'POST', path: PATH, body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'b23' } }, expect: /Secret in version "v1" cannot be handled as a ConfigMap/ },
  { name: 'another version', method: 'POST', path: PATH, body: { apiVersion: 'apps/v1', kind: 'ConfigMap', metadata: { name: 'b23' } }, expect: /cannot be handled as a ConfigMap|does not match the expected API version|no kind "ConfigMap"/ },
  { name: 'another namespace', method: 'POST', path: PATH, body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'b23', namespace: 'kube-system' } }, expect: /the namespace of the provided object does not match the namespace sent on the request/ },
  { name: 'another name', method: 'PUT', path: `${PATH}/b23`, body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'other' } }, expect: /the name of the object \(other\) does not match the name on the URL \(b23\)/ },
];

for (const { name, method, path, body, expect } of CASES) {
  test(`B23: ${name}`, async () => {
    await assert.rejects(cluster.client.raw(method, path, { body }), (error) => error instanceof StatusError && error.code === 400 && expect.test(error.message));
    assert.equal(await cluster.client.for(configmaps, 'default').get('b23').then(() => 'made', () => 'absent'), 'absent');
  });
}
