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

test('a status that the schema gives is there from the first read on, as Gateway API has it', async () => {
  const cluster = await startCluster();
  try {
    const status = { type: 'object', default: { conditions: [{ type: 'Accepted', status: 'Unknown' }] }, properties: { conditions: { type: 'array', items: { type: 'object', properties: { type: { type: 'string' }, status: { type: 'string' } } } } } };
    const version = { name: 'v1', served: true, storage: true, subresources: { status: {} }, schema: { openAPIV3Schema: { type: 'object', properties: { status } } } };
    await cluster.client.raw('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body: { ...DEFINITION, spec: { ...DEFINITION.spec, versions: [version] } } });
    await cluster.settle();
    const path = '/apis/try.example.com/v1/namespaces/default/websites';
    interface Site { metadata: { managedFields?: object[] }; status?: { conditions: { status: string }[] } }
    const given = { apiVersion: 'try.example.com/v1', kind: 'Website', metadata: { name: 'blog' }, status: { conditions: [] } };
    const created = await cluster.client.raw<Site>('POST', path, { body: given });
    const read = await cluster.client.raw<Site>('GET', `${path}/blog`);
    const [listed] = (await cluster.client.raw<{ items: Site[] }>('GET', path)).items;
    for (const site of [created, read, listed!]) assert.deepEqual(site.status, { conditions: [{ type: 'Accepted', status: 'Unknown' }] });
    assert.ok(!JSON.stringify(read.metadata.managedFields ?? []).includes('f:status'));
    const labelled = await cluster.client.raw<Site>('PATCH', `${path}/blog`, { body: { metadata: { labels: { a: 'b' } } }, contentType: 'application/merge-patch+json' });
    assert.deepEqual(labelled.status, read.status);
  } finally {
    await cluster.stop();
  }
});
