import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MetricsRegistry } from '#base/metrics';
import { VirtualClock } from '#base/virtual-clock';
import { createMemoryStorage } from '#storage/memory/memory-storage';
import { meteredEngine, resourcesByKey } from './metered-engine.ts';

const resourceOf = resourcesByKey([{ group: '', resource: 'pods' }, { group: '', resource: 'services' }, { group: 'apps', resource: 'deployments' }]);

test('the resource of a key', () => {
  const cases: readonly (readonly [string, readonly [string, string]])[] = [
    ['/registry/pods/a/b', ['', 'pods']], ['/registry/pods/', ['', 'pods']], ['/registry/services/specs/a/b', ['', 'services']], ['/registry/deployments/a/b', ['apps', 'deployments']],
    ['/registry/example.com/things/a/b', ['example.com', 'things']], ['/registry/ranges/servicenodeports/30000', ['', 'ranges']],
  ];
  for (const [key, expected] of cases) assert.deepEqual(resourceOf(key), expected, key);
});

test('requests are counted by operation and resource', async () => {
  const clock = new VirtualClock();
  const metrics = new MetricsRegistry();
  const engine = meteredEngine(createMemoryStorage({ clock }), resourceOf, metrics, clock);
  await engine.write({ key: '/registry/pods/a/b', value: Buffer.from('{}'), expectedRevision: 0 });
  await engine.get('/registry/pods/a/b');
  await engine.range({ start: '/registry/pods/', end: '/registry/pods0' });
  const text = metrics.text();
  for (const operation of ['create', 'get', 'list']) assert.ok(text.includes(`etcd_requests_total{group="",operation="${operation}",resource="pods"} 1\n`), operation);
  assert.ok(text.includes('apiserver_storage_list_returned_objects_total{group="",resource="pods"} 1\n'));
  await engine.close();
});
