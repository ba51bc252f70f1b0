/** Where services are reached. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { systemClock } from '#base/clock';
import { seededRandom } from '#base/random';
import { createClient } from '#client/rest-client';
import { serviceResolver, type ServiceResolver } from './service-resolver.ts';
import { startTestServer, type TestServer } from './webhook/testing/test-server.ts';

let cluster: TestServer;
let resolver: ServiceResolver;

before(async () => {
  cluster = await startTestServer();
  const transport = cluster.server.transport({ name: 'system:apiserver', groups: ['system:masters'] });
  resolver = serviceResolver(createClient({ transport, clock: systemClock, userAgent: 'test' }), seededRandom(1));
  const services = '/api/v1/namespaces/default/services';
  await cluster.ask('POST', services, { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { selector: { a: 'b' }, ports: [{ name: 'https', port: 443, targetPort: 8443 }, { name: 'other', port: 80 }] } });
  await cluster.ask('POST', services, { apiVersion: 'v1', kind: 'Service', metadata: { name: 'outside' }, spec: { type: 'ExternalName', externalName: 'hooks.example.com' } });
  const slice = (name: string, endpoints: object[]): object => ({
    apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name, labels: { 'kubernetes.io/service-name': 'web' } }, addressType: 'IPv4', ports: [{ name: 'https', port: 8443 }], endpoints,
  });
  const slices = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
  await cluster.ask('POST', slices, slice('web-1', [{ addresses: ['10.244.0.1'], conditions: { ready: false } }, { addresses: ['10.244.0.2'] }]));
  await cluster.ask('POST', slices, slice('web-2', [{ addresses: ['10.244.0.3'], conditions: { ready: true } }]));
});
after(() => cluster.stop());

const resolve = (name: string, port: number): Promise<{ host: string; port: number }> => resolver.resolve({ namespace: 'default', name, port }, new AbortController().signal);

test('a ready endpoint, each in its turn', async () => {
  const hosts = new Set<string>();
  for (let n = 0; n < 30; n++) {
    const { host, port } = await resolve('web', 443);
    assert.equal(port, 8443);
    hosts.add(host);
  }
  assert.deepEqual([...hosts].sort(), ['10.244.0.2', '10.244.0.3']);
});

test('a name outside the cluster', async () => {
  assert.deepEqual(await resolve('outside', 9443), { host: 'hooks.example.com', port: 9443 });
});

test('what is not there is said', async () => {
  await assert.rejects(resolve('none', 443), { message: 'service "none" not found' });
  await assert.rejects(resolve('web', 8080), { message: 'no service port 8080 found for service "web"' });
  await assert.rejects(resolve('web', 80), { message: 'no endpoints available for service "web"' });
});
