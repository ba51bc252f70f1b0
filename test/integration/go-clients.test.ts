/** What clients written in Go send: found with programs on client-go and controller-runtime. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCluster } from '#cmd/testing';
import { isNotFound } from '#machinery/status-error';

const DEFINITION = {
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'websites.try.example.com' },
  spec: {
    group: 'try.example.com', scope: 'Namespaced', names: { plural: 'websites', singular: 'website', kind: 'Website', listKind: 'WebsiteList' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
};

test('delete options of a custom resource come as of its own group', async () => {
  const cluster = await startCluster();
  try {
    await cluster.client.raw('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body: DEFINITION });
    const path = '/apis/try.example.com/v1/namespaces/default/websites';
    await cluster.settle();
    await cluster.client.raw('POST', path, { body: { apiVersion: 'try.example.com/v1', kind: 'Website', metadata: { name: 'blog' } } });
    await cluster.client.raw('DELETE', `${path}/blog`, { body: { apiVersion: 'try.example.com/v1', kind: 'DeleteOptions' } });
    await assert.rejects(cluster.client.raw('GET', `${path}/blog`), isNotFound);
  } finally {
    await cluster.stop();
  }
});
