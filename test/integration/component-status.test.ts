/** componentstatuses are computed: listed, got, and missing as other resources. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCluster } from '#cmd/testing';
import { isNotFound } from '#machinery/status-error';

test('componentstatuses', async () => {
  const cluster = await startCluster();
  try {
    const list = await cluster.client.raw<{ kind: string; items: { metadata: { name: string }; conditions: { status: string }[] }[] }>('GET', '/api/v1/componentstatuses');
    assert.equal(list.kind, 'ComponentStatusList');
    assert.deepEqual(list.items.map((item) => [item.metadata.name, item.conditions[0]?.status]), [['etcd-0', 'True']]);
    const table = await cluster.client.raw<{ kind: string; rows: { cells: unknown[] }[] }>('GET', '/api/v1/componentstatuses', { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
    assert.deepEqual([table.kind, table.rows[0]?.cells.slice(0, 3)], ['Table', ['etcd-0', 'Healthy', 'ok']]);
    await assert.rejects(cluster.client.raw('GET', '/api/v1/componentstatuses/other'), isNotFound);
  } finally {
    await cluster.stop();
  }
});
