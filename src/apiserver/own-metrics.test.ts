/** What the server counts about itself is counted where it happens. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { systemRandom } from '#base/random';
import { clusterPki } from '#pki/cluster-pki';
import { createMemoryStorage } from '#storage/memory/memory-storage';
import { createApiServer, type ApiServer } from './server.ts';

const metrics = new MetricsRegistry();
const TRIES_MAX = 400;
let server: ApiServer;

before(async () => {
  server = createApiServer({
    storage: createMemoryStorage({ clock: systemClock }), clock: systemClock, random: systemRandom, log: silentLogger, metrics, pki: clusterPki({ clock: systemClock, random: systemRandom }),
  });
  await server.start(new AbortController().signal);
});

after(() => server.stop());

async function ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> {
  const transport = server.transport({ name: 'admin', groups: ['system:masters'] });
  const response = await transport.request({ method, path, headers: { 'content-type': 'application/json', ...headers }, ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }) });
  const pieces: Buffer[] = [];
  for await (const piece of response.body) pieces.push(piece);
  return { status: response.status, text: Buffer.concat(pieces).toString() };
}

/** Of the series whose labels are these, or of the only one. */
function valueOf(series: string): number {
  const line = metrics.text().split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? NaN : Number(line.slice(line.lastIndexOf(' ') + 1));
}

test('the size of the store', async () => {
  for (let attempt = 0; attempt < TRIES_MAX && !metrics.text().includes('apiserver_storage_size_bytes{'); attempt++) await systemClock.sleep(5);
  assert.ok(valueOf('apiserver_storage_size_bytes{storage_cluster_id="memory-0"}') > 0, metrics.text().split('\n').filter((line) => line.includes('storage_size')).join());
});

test('addresses and ports of services', async () => {
  await ask('GET', '/apis/networking.k8s.io/v1/ipaddresses');
  const taken = valueOf('kube_apiserver_clusterip_allocator_allocated_ips{cidr="10.96.0.0/12"}');
  const made = await ask('POST', '/api/v1/namespaces/default/services', { metadata: { name: 'one' }, spec: { type: 'NodePort', ports: [{ port: 80 }] } });
  assert.equal(made.status, 201, made.text);
  await ask('GET', '/apis/networking.k8s.io/v1/ipaddresses');
  assert.equal(valueOf('kube_apiserver_clusterip_allocator_allocated_ips{cidr="10.96.0.0/12"}'), taken + 1);
  assert.equal(valueOf('kube_apiserver_clusterip_allocator_available_ips{cidr="10.96.0.0/12"}'), 2 ** 20 - 2 - taken - 1);
  assert.ok(valueOf('kube_apiserver_clusterip_allocator_allocation_total{cidr="10.96.0.0/12",scope="dynamic"}') >= 1);
  assert.ok(valueOf('kube_apiserver_clusterip_allocator_allocation_duration_seconds_count{cidr="10.96.0.0/12"}') >= 1);
  assert.equal(valueOf('kube_apiserver_nodeport_allocator_allocated_ports'), 1);
  assert.equal(valueOf('kube_apiserver_nodeport_allocator_available_ports'), 2767);
  assert.equal(valueOf('apiserver_nodeport_repair_reconcile_errors_total'), 0);
});

test('definitions, their rules and changes of their objects', async () => {
  const schema = { type: 'object', properties: { spec: { type: 'object', properties: { n: { type: 'integer' } }, 'x-kubernetes-validations': [{ rule: 'self.n < 10' }] } } };
  await ask('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    metadata: { name: 'things.example.com' },
    spec: { group: 'example.com', scope: 'Cluster', names: { plural: 'things', kind: 'Thing' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }] },
  });
  const thing = (n: number): object => ({ apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 'one' }, spec: { n } });
  let status = 404;
  for (let attempt = 0; attempt < TRIES_MAX && status === 404; attempt++) {
    ({ status } = await ask('POST', '/apis/example.com/v1/things', thing(1)));
    if (status === 404) await systemClock.sleep(5);
  }
  assert.equal(status, 201);
  const patched = await ask('PATCH', '/apis/example.com/v1/things/one', { spec: { n: 2 } }, { 'content-type': 'application/merge-patch+json' });
  assert.equal(patched.status, 200, patched.text);
  for (const name of ['apiserver_cel_compilation_duration_seconds', 'apiserver_cel_evaluation_duration_seconds', 'apiextensions_apiserver_validation_ratcheting_seconds']) assert.ok(valueOf(`${name}_count`) >= 1, name);
  const queue = '{name="custom_resource_definitions"}';
  assert.ok(valueOf(`workqueue_adds_total${queue}`) >= 1);
  assert.ok(valueOf(`workqueue_queue_duration_seconds_count${queue}`) >= 1);
  assert.ok(valueOf(`workqueue_unfinished_work_seconds${queue}`) >= 0);
});

test('discovery, deprecated resources and what the server asks of itself', async () => {
  const before = valueOf('aggregator_discovery_aggregation_count_total');
  await ask('GET', '/api', undefined, { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList;profile=nopeer' });
  assert.equal(valueOf('aggregator_discovery_aggregation_count_total'), before + 1);
  assert.equal(valueOf('aggregator_discovery_nopeer_requests_total'), 1);
  await ask('GET', '/api/v1/namespaces/default/endpoints');
  assert.equal(valueOf('apiserver_requested_deprecated_apis{group="",removed_release="",resource="endpoints",subresource="",version="v1"}'), 1);
  assert.ok(valueOf('rest_client_requests_total{code="201",host="in-process",method="POST"}') >= 1);
  assert.ok(valueOf('rest_client_response_size_bytes_sum{host="in-process",verb="POST"}') > 0);
  assert.ok(valueOf('apiserver_request_filter_duration_seconds_count{filter="authorization"}') >= 1);
});

test('a watch that begins with what there is', async () => {
  const { status } = await ask('GET', '/api/v1/namespaces?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1');
  assert.equal(status, 200);
  assert.ok(valueOf('apiserver_watch_list_duration_seconds_count{group="",resource="namespaces",scope="cluster",version="v1"}') >= 1);
});

test('evaluations of Pod Security', async () => {
  await ask('POST', '/api/v1/namespaces', { metadata: { name: 'strict', labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } });
  await ask('POST', '/api/v1/namespaces/strict/serviceaccounts', { metadata: { name: 'default' } });
  assert.equal((await ask('POST', '/api/v1/namespaces/strict/pods', { metadata: { name: 'one' }, spec: { containers: [{ name: 'c', image: 'i' }] } })).status, 403);
  const labels = 'mode="enforce",policy_level="restricted",policy_version="latest",request_operation="create",resource="pod",subresource=""';
  assert.equal(valueOf(`pod_security_evaluations_total{decision="deny",${labels}}`), 1);
});
