/** The verbs of the API over the in-process transport: what clients see, status by status. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { systemRandom } from '#base/random';
import type { KubeObject, Status } from '#machinery/meta';
import { clusterPki } from '#pki/cluster-pki';
import { createMemoryStorage } from '#storage/memory/memory-storage';
import { createApiServer, type ApiServer } from './server.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- any kind of answer, looked into by each test
type Body = KubeObject & Omit<Status, 'status'> & Record<string, any>;
interface Answer { readonly status: number; readonly body: Body; readonly text: string; readonly headers: Readonly<Record<string, string>> }

let server: ApiServer;

before(async () => {
  server = createApiServer({
    storage: createMemoryStorage({ clock: systemClock }), clock: systemClock, random: systemRandom, log: silentLogger, metrics: new MetricsRegistry(),
    pki: clusterPki({ clock: systemClock, random: systemRandom }),
  });
  await server.start(new AbortController().signal);
  await ask('POST', '/api/v1/namespaces', { metadata: { name: 'n' } });
  await ask('POST', '/api/v1/namespaces/n/serviceaccounts', { metadata: { name: 'default' } });
});

after(() => server.stop());

async function ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const transport = server.transport({ name: 'admin', groups: ['system:masters'] });
  const bytes = body === undefined ? undefined : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const response = await transport.request({ method, path, headers: { ...(bytes === undefined ? {} : { 'content-type': 'application/json' }), ...headers }, ...(bytes === undefined ? {} : { body: bytes }) });
  const pieces: Buffer[] = [];
  for await (const piece of response.body) pieces.push(piece);
  const text = Buffer.concat(pieces).toString();
  let parsed = {} as Body;
  try { parsed = JSON.parse(text) as Body; } catch { /* not every answer is JSON */ }
  return { status: response.status, body: parsed, text, headers: response.headers };
}

const CM = '/api/v1/namespaces/n/configmaps';
const configMap = (name: string, more: object = {}): object => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, ...more });

test('an object lives: create, read, update, conflict, delete', async () => {
  const created = await ask('POST', CM, configMap('life', { data: { a: '1' } }), { 'user-agent': 'tester/1.0' });
  assert.equal(created.status, 201);
  assert.match(created.body.metadata.uid!, /^[0-9a-f-]{36}$/);
  assert.deepEqual(created.body.metadata.managedFields?.map((entry) => [entry.manager, entry.operation]), [['tester', 'Update']]);
  const read = await ask('GET', `${CM}/life`);
  assert.deepEqual(read.body, created.body);
  const updated = await ask('PUT', `${CM}/life`, { ...read.body, data: { a: '2' } });
  assert.equal(updated.status, 200);
  const stale = await ask('PUT', `${CM}/life`, { ...read.body, data: { a: '3' } });
  assert.deepEqual([stale.status, stale.body.reason], [409, 'Conflict'], 'B35');
  const same = await ask('PUT', `${CM}/life`, updated.body);
  assert.equal(same.body.metadata.resourceVersion, updated.body.metadata.resourceVersion, 'a write that changes nothing writes nothing');
  const gone = await ask('DELETE', `${CM}/life`);
  assert.deepEqual([gone.status, gone.body.status], [200, 'Success']);
  assert.equal((await ask('GET', `${CM}/life`)).status, 404);
});

test('B34: create of an existing object, generateName', async () => {
  await ask('POST', CM, configMap('twice'));
  const again = await ask('POST', CM, configMap('twice'));
  assert.deepEqual([again.status, again.body.reason], [409, 'AlreadyExists']);
  const generated = await ask('POST', CM, { metadata: { generateName: 'made-' } });
  assert.match(generated.body.metadata.name!, /^made-[a-z0-9]{5}$/);
});

test('finalizers hold an object until the last one goes', async () => {
  await ask('POST', CM, configMap('held', { metadata: { name: 'held', finalizers: ['example.com/hold'] } }));
  const marked = await ask('DELETE', `${CM}/held`);
  assert.ok(marked.body.metadata.deletionTimestamp);
  const added = await ask('PATCH', `${CM}/held`, { metadata: { finalizers: ['example.com/hold', 'example.com/more'] } }, { 'content-type': 'application/merge-patch+json' });
  assert.equal(added.status, 422, 'B38');
  const released = await ask('PATCH', `${CM}/held`, { metadata: { finalizers: null } }, { 'content-type': 'application/merge-patch+json' });
  assert.equal(released.status, 200);
  assert.equal((await ask('GET', `${CM}/held`)).status, 404);
});

test('B36: delete preconditions', async () => {
  await ask('POST', CM, configMap('guarded'));
  const refused = await ask('DELETE', `${CM}/guarded`, { preconditions: { uid: 'other' } });
  assert.deepEqual([refused.status, refused.body.reason], [409, 'Conflict']);
  assert.equal((await ask('DELETE', `${CM}/guarded`, { orphanDependents: true, propagationPolicy: 'Orphan' })).status, 422);
});

test('a pod goes gracefully, and at once when told so', async () => {
  const pod = { metadata: { name: 'p' }, spec: { nodeName: 'node', containers: [{ name: 'c', image: 'i' }] } };
  await ask('POST', '/api/v1/namespaces/n/pods', pod);
  const going = await ask('DELETE', '/api/v1/namespaces/n/pods/p');
  assert.deepEqual([going.body.kind, going.body.metadata.deletionGracePeriodSeconds], ['Pod', 30]);
  await ask('DELETE', '/api/v1/namespaces/n/pods/p?gracePeriodSeconds=0');
  assert.equal((await ask('GET', '/api/v1/namespaces/n/pods/p')).status, 404);
});

test('dry runs change nothing', async () => {
  const before = (await ask('GET', CM)).body.metadata.resourceVersion;
  assert.equal((await ask('POST', `${CM}?dryRun=All`, configMap('dry'))).status, 201);
  assert.equal((await ask('GET', `${CM}/dry`)).status, 404);
  assert.equal((await ask('POST', `${CM}?dryRun=Maybe`, configMap('dry'))).status, 422, 'B40');
  assert.equal((await ask('GET', CM)).body.metadata.resourceVersion, before);
});

test('every patch type, and apply with its conflict', async () => {
  await ask('POST', CM, configMap('patched', { data: { a: '1', b: '2' } }));
  const patch = (type: string, body: unknown, query = ''): Promise<Answer> => ask('PATCH', `${CM}/patched${query}`, body, { 'content-type': type });
  assert.deepEqual((await patch('application/json-patch+json', [{ op: 'replace', path: '/data/a', value: 'x' }])).body['data'], { a: 'x', b: '2' });
  assert.deepEqual((await patch('application/merge-patch+json', { data: { b: null } })).body['data'], { a: 'x' });
  assert.deepEqual((await patch('application/strategic-merge-patch+json', { data: { c: '3' } })).body['data'], { a: 'x', c: '3' });
  const config = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'patched' }, data: { d: '4' } };
  assert.equal((await patch('application/apply-patch+yaml', config, '?fieldManager=one')).status, 200);
  const conflict = await patch('application/apply-patch+yaml', { ...config, data: { d: '5' } }, '?fieldManager=two');
  assert.deepEqual([conflict.status, conflict.body.details?.causes?.[0]?.field], [409, '.data.d'], 'B50');
  assert.equal((await patch('application/apply-patch+yaml', { ...config, data: { d: '5' } }, '?fieldManager=two&force=true')).body['data'].d, '5');
  assert.equal((await patch('application/apply-patch+yaml', config)).status, 422, 'B50: no field manager');
  assert.equal((await patch('text/plain', {})).status, 415);
});

test('B19: unknown fields by fieldValidation', async () => {
  const odd = configMap('odd', { nope: 1 });
  assert.equal((await ask('POST', `${CM}?dryRun=All&fieldValidation=Strict`, odd)).status, 400);
  assert.match((await ask('POST', `${CM}?dryRun=All`, odd)).headers['warning']!, /unknown field \\"nope\\"/);
  assert.equal((await ask('POST', `${CM}?dryRun=All&fieldValidation=Ignore`, odd)).headers['warning'], undefined);
});

test('B41: status and spec have their own endpoints', async () => {
  const deployments = '/apis/apps/v1/namespaces/n/deployments';
  const spec = { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } };
  const created = await ask('POST', deployments, { metadata: { name: 'd' }, spec, status: { replicas: 9 } });
  assert.deepEqual([created.body['status'].replicas, created.body.metadata.generation], [undefined, 1]);
  const status = await ask('PUT', `${deployments}/d/status`, { ...created.body, spec: { ...created.body['spec'], replicas: 5 }, status: { replicas: 3 } });
  assert.deepEqual([status.body['spec'].replicas, status.body['status'].replicas, status.body.metadata.generation], [1, 3, 1]);
  const scaled = await ask('PATCH', `${deployments}/d/scale`, { spec: { replicas: 4 } }, { 'content-type': 'application/merge-patch+json' });
  assert.deepEqual([scaled.body.kind, scaled.body['spec'].replicas], ['Scale', 4]);
  assert.equal((await ask('GET', `${deployments}/d`)).body.metadata.generation, 2);
});

test('one kind in two versions', async () => {
  const path = '/namespaces/n/horizontalpodautoscalers';
  await ask('POST', `/apis/autoscaling/v1${path}`, { metadata: { name: 'h' }, spec: { maxReplicas: 3, targetCPUUtilizationPercentage: 70, scaleTargetRef: { kind: 'Deployment', name: 'd', apiVersion: 'apps/v1' } } });
  const v2 = await ask('GET', `/apis/autoscaling/v2${path}/h`);
  assert.equal(v2.body['spec'].metrics[0].resource.target.averageUtilization, 70);
  const v1 = await ask('GET', `/apis/autoscaling/v1${path}`);
  assert.equal(v1.body['items'][0].spec.targetCPUUtilizationPercentage, 70);
});

test('tables, partial metadata, yaml, protobuf', async () => {
  const table = await ask('GET', '/api/v1/namespaces', undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
  assert.deepEqual(table.body['columnDefinitions'].map((column: { name: string }) => column.name), ['Name', 'Status', 'Age']);
  const partial = await ask('GET', '/api/v1/namespaces/n', undefined, { accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io' });
  assert.deepEqual(Object.keys(partial.body).sort(), ['apiVersion', 'kind', 'metadata']);
  assert.match((await ask('GET', '/api/v1/namespaces/n', undefined, { accept: 'application/yaml' })).text, /^apiVersion: v1\nkind: Namespace/);
  assert.ok((await ask('GET', '/api/v1/namespaces/n', undefined, { accept: 'application/vnd.kubernetes.protobuf' })).text.startsWith('k8s\0'));
  assert.equal((await ask('GET', '/api/v1/namespaces/n', undefined, { accept: 'image/png' })).status, 406, 'B11');
});

const STATUSES: readonly (readonly [name: string, method: string, path: string, code: number])[] = [
  ['B10 unknown group', 'GET', '/apis/nope.example/v1/things', 404],
  ['B10 unknown resource', 'GET', '/api/v1/nothings', 404],
  ['B10 unknown subresource', 'GET', '/api/v1/namespaces/n/pods/p/nothing', 404],
  ['B10 wrong verb', 'PUT', CM, 405],
  ['B33 missing namespace', 'POST', '/api/v1/namespaces/absent/configmaps', 404],
  ['B42 bad label selector', 'GET', `${CM}?labelSelector=a%20in%20(`, 400],
  ['B42 unknown field selector', 'GET', `${CM}?fieldSelector=data.a%3D1`, 400],
  ['B43 match without version', 'GET', `${CM}?resourceVersionMatch=Exact`, 422],
  ['B43 bad version', 'GET', `${CM}?resourceVersion=abc`, 400],
  ['B45 garbage token', 'GET', `${CM}?limit=1&continue=garbage`, 400],
  ['B46 negative limit', 'GET', `${CM}?limit=-1`, 400],
  ['B46 sendInitialEvents for a list', 'GET', `${CM}?sendInitialEvents=true`, 422],
  ['B7 path tricks', 'GET', '/api/v1/namespaces/%2e%2e/pods', 400],
];

for (const [name, method, path, code] of STATUSES) {
  test(`${name}: ${code}`, async () => {
    assert.equal((await ask(method, path, method === 'POST' || method === 'PUT' ? configMap('x') : undefined)).status, code);
  });
}

test('keys that stand twice in what is applied: refused, told or let be', async () => {
  const body = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: twice}\ndata:\n  a: b\n  a: c\n';
  const apply = (validation: string): Promise<Answer> => ask('PATCH', `/api/v1/namespaces/default/configmaps/twice?fieldManager=x&fieldValidation=${validation}`, body, { 'content-type': 'application/apply-patch+yaml' });
  const strict = await apply('Strict');
  assert.deepEqual([strict.status, strict.body['message']], [400, 'error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line 6: key "a" already set in map']);
  assert.match(String((await apply('Warn')).headers['warning']), /line 6: key \\"a\\" already set in map/);
  assert.equal((await apply('Ignore')).body['data'].a, 'c');
});

test('discovery, version, health, metrics', async () => {
  const groups = await ask('GET', '/apis');
  assert.ok(groups.body['groups'].some((group: { name: string }) => group.name === 'apps'));
  const aggregated = await ask('GET', '/apis', undefined, { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' });
  assert.equal(aggregated.body.kind, 'APIGroupDiscoveryList');
  assert.equal((await ask('GET', '/apis', undefined, { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList', 'if-none-match': aggregated.headers['etag']! })).status, 304);
  assert.match((await ask('GET', '/version')).body['gitVersion'], /^v1\.36\.\d+\+kubernode$/);
  assert.equal((await ask('GET', '/version', undefined, { accept: 'application/vnd.kubernetes.protobuf, */*' })).headers['content-type'], 'application/json');
  assert.equal((await ask('GET', '/version', undefined, { accept: 'application/vnd.kubernetes.protobuf' })).status, 406);
  assert.equal((await ask('GET', '/readyz')).text, 'ok');
  assert.match((await ask('GET', '/livez?verbose')).text, /\[\+\]etcd ok\n[^]*livez check passed\n$/);
  assert.match((await ask('GET', '/metrics')).text, /apiserver_request_total\{code="200"/);
});
