/** Admission webhooks through the whole server, asked over real HTTPS. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { startTestServer, type Body, type TestServer } from '../../webhook/testing/test-server.ts';
import { startWebhookServer, type Answer, type Review, type WebhookServer } from '../../webhook/testing/webhook-server.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/';

let cluster: TestServer;
let hook: WebhookServer;

const answer = ({ request, apiVersion }: Review, response: object = {}): Review => ({ apiVersion, kind: 'AdmissionReview', response: { uid: request.uid, allowed: true, ...response } });
const patch = (...operations: object[]): object => ({ patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') });
const labels = (review: Review): Record<string, string> => review['request'].object.metadata.labels ?? {};
const labelled = (review: Review, added: Record<string, string>): Review => answer(review, patch({ op: 'add', path: '/metadata/labels', value: { ...labels(review), ...added } }));

const ANSWERS: Record<string, (review: Review) => Answer> = {
  allow: (review) => answer(review),
  deny: (review) => answer(review, { allowed: false, status: { message: 'no', code: 418, reason: 'Teapot' }, warnings: ['think'] }),
  hang: () => 'hang',
  count: (review) => labelled(review, { count: String(Number(labels(review)['count'] ?? '0') + 1) }),
  mark: (review) => labelled(review, { marked: 'yes' }),
  spec: (review) => answer(review, patch({ op: 'add', path: '/spec/hidden', value: 'x' }, { op: 'add', path: '/spec/host', value: 'changed' })),
  garbage: () => 'hello: [',
};

const RULES = [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE', 'UPDATE', 'DELETE'] }];

async function configure(kind: 'Validating' | 'Mutating', name: string, path: string, more: object = {}): Promise<void> {
  const reply = await cluster.ask('POST', `${CONFIGURATIONS}${kind.toLowerCase()}webhookconfigurations`, {
    apiVersion: 'admissionregistration.k8s.io/v1', kind: `${kind}WebhookConfiguration`, metadata: { name },
    webhooks: [{
      name: `${name}.example.com`, admissionReviewVersions: ['v1'], sideEffects: 'None', rules: RULES, timeoutSeconds: 5,
      clientConfig: { url: `https://127.0.0.1:${hook.port}/${path}`, caBundle: hook.caBundle }, ...more,
    }],
  });
  assert.equal(reply.status, 201, reply.text);
  // What configures admission takes effect when this server's own watch has seen it.
  await cluster.settled();
}

const map = (name: string, more: object = {}): Body => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...more } });

before(async () => {
  hook = await startWebhookServer(ANSWERS);
  cluster = await startTestServer();
});
after(async () => {
  await cluster.stop();
  await hook.close();
});
beforeEach(() => { hook.seen.length = 0; });
afterEach(async () => {
  for (const kind of ['validating', 'mutating']) assert.equal((await cluster.ask('DELETE', `${CONFIGURATIONS}${kind}webhookconfigurations`)).status, 200);
  await cluster.settled();
});

test('a refusal has the code, reason, text and warnings of the webhook', async () => {
  await configure('Validating', 'denies', 'deny');
  const reply = await cluster.ask('POST', MAPS, map('a'));
  assert.deepEqual([reply.status, reply.body['reason'], reply.body['message']], [418, 'Teapot', 'admission webhook "denies.example.com" denied the request: no']);
  assert.equal(reply.headers['warning'], '299 - "think"');
  assert.equal((await cluster.ask('GET', `${MAPS}/a`)).status, 404);
  assert.match(cluster.metrics.text(), /apiserver_admission_webhook_rejection_count\{name="denies\.example\.com",type="validating",operation="CREATE",error_type="no_error",rejection_code="418"\} 1/);
});

test('mutating webhooks see what was changed before, and those that are willing are asked again', async () => {
  await configure('Mutating', 'a-count', 'count', { reinvocationPolicy: 'IfNeeded' });
  await configure('Mutating', 'b-mark', 'mark');
  const reply = await cluster.ask('POST', MAPS, map('b'));
  assert.deepEqual([reply.status, reply.body['metadata'].labels], [201, { count: '2', marked: 'yes' }]);
  assert.deepEqual(hook.seen.map(({ path }) => path), ['/count?timeout=5s', '/mark?timeout=5s', '/count?timeout=5s']);
});

test('R52: a webhook that hangs is given up in time; its failure policy decides; its configuration can go', async () => {
  await configure('Validating', 'hangs', 'hang', { timeoutSeconds: 1 });
  const startMs = performance.now();
  const refused = await cluster.ask('POST', MAPS, map('c'));
  const seconds = (performance.now() - startMs) / 1000;
  assert.ok(seconds > 0.9 && seconds < 1.6, `${seconds} s`);
  assert.deepEqual([refused.status, refused.body['reason']], [500, 'InternalError']);
  assert.match(refused.body['message'], /^Internal error occurred: failed calling webhook "hangs\.example\.com": failed to call webhook: Post "https:\/\/127\.0\.0\.1:\d+\/hang\?timeout=1s": context deadline exceeded$/);
  assert.equal((await cluster.ask('DELETE', `${CONFIGURATIONS}validatingwebhookconfigurations/hangs`)).status, 200);
  await configure('Validating', 'ignored', 'hang', { timeoutSeconds: 1, failurePolicy: 'Ignore' });
  assert.equal((await cluster.ask('POST', MAPS, map('c'))).status, 201);
  await configure('Validating', 'garbage', 'garbage', { failurePolicy: 'Ignore', rules: [{ ...RULES[0], operations: ['UPDATE'] }] });
});

test('a service is called by its name, with its certificate', async () => {
  await cluster.ask('POST', '/api/v1/namespaces/default/services', { apiVersion: 'v1', kind: 'Service', metadata: { name: 'hook' }, spec: { type: 'ExternalName', externalName: 'localhost' } });
  await configure('Validating', 'service', 'x', { clientConfig: { service: { namespace: 'default', name: 'hook', path: '/allow', port: hook.port }, caBundle: hook.caBundle } });
  assert.equal((await cluster.ask('POST', MAPS, map('d'))).status, 201);
  assert.equal(hook.seen.length, 1);
  await configure('Validating', 'absent', 'x', { clientConfig: { service: { namespace: 'default', name: 'absent' }, caBundle: hook.caBundle } });
  assert.match((await cluster.ask('POST', MAPS, map('e'))).body['message'], /failed to call webhook: Post "https:\/\/absent\.default\.svc:443\/\?timeout=5s": service "absent" not found$/);
});

test('S28: redirects are not followed', async () => {
  hook.answers['moved'] = () => ({ status: 307, text: '', headers: { location: '/allow' } });
  await configure('Validating', 'moved', 'moved');
  assert.equal((await cluster.ask('POST', MAPS, map('f'))).status, 500);
  assert.deepEqual(hook.seen.map(({ path }) => path), ['/moved?timeout=5s']);
});

test('S35: nobody stands between an administrator and what configures admission; owners of fields cannot be spoilt', async () => {
  await configure('Validating', 'all', 'deny', { rules: [{ apiGroups: ['*'], apiVersions: ['*'], resources: ['*'], operations: ['*'] }] });
  assert.equal((await cluster.ask('POST', MAPS, map('o'))).status, 418);
  assert.equal((await cluster.ask('DELETE', `${CONFIGURATIONS}validatingwebhookconfigurations/all`)).status, 200);
  await cluster.settled();
  hook.answers['owners'] = (review) => answer(review, patch({ op: 'add', path: '/metadata/managedFields', value: [{ manager: 'x', operation: 'Nonsense' }] }));
  await configure('Mutating', 'owners', 'owners');
  const { status, body, headers } = await cluster.ask('POST', MAPS, { ...map('o'), data: { a: 'b' } });
  assert.deepEqual([status, body['metadata'].managedFields[0].operation], [201, 'Update']);
  assert.match(headers['warning']!, /managedFields was in an invalid state after admission/);
});

test('S35: a dry run asks nobody with side effects; conditions and selectors choose', async () => {
  await configure('Validating', 'effects', 'allow', { sideEffects: 'NoneOnDryRun', objectSelector: { matchLabels: { check: 'yes' } }, matchConditions: [{ name: 'not-g', expression: "object.metadata.name != 'g'" }] });
  assert.equal((await cluster.ask('POST', `${MAPS}?dryRun=All`, map('h', { labels: { check: 'yes' } }))).status, 201);
  assert.deepEqual(hook.seen.map(({ review }) => review['request'].dryRun), [true]);
  assert.equal((await cluster.ask('POST', MAPS, map('g', { labels: { check: 'yes' } }))).status, 201);
  assert.equal((await cluster.ask('POST', MAPS, map('i'))).status, 201);
  assert.equal(hook.seen.length, 1);
});

test('connections are kept', async () => {
  await configure('Validating', 'kept', 'allow');
  await cluster.ask('POST', MAPS, map('k0'));
  const { connections } = hook;
  for (let n = 1; n < 6; n++) await cluster.ask('POST', MAPS, map(`k${n}`));
  assert.equal(hook.connections, connections);
});

test('custom resources: equivalent versions are shown as the rule wants them; what comes back has the form of the schema', async () => {
  const version = (name: string, storage: boolean): Body => ({ name, served: true, storage, subresources: { status: {} }, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { host: { type: 'string' } } }, status: { type: 'object', properties: { a: { type: 'string' } } } } } } });
  const crd = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  await cluster.ask('POST', crd, { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'routes.hooked.example.com' },
    spec: { group: 'hooked.example.com', scope: 'Namespaced', names: { plural: 'routes', kind: 'Route' }, versions: [version('v1', true), version('v2', false)] } });
  await cluster.until(`${crd}/routes.hooked.example.com`, ({ body }) => body['status']?.conditions?.some((one: Body) => one['type'] === 'Established' && one['status'] === 'True') === true);
  await configure('Mutating', 'routes', 'spec', { rules: [{ apiGroups: ['hooked.example.com'], apiVersions: ['v2'], resources: ['routes', 'routes/status'], operations: ['*'] }] });
  const path = '/apis/hooked.example.com/v1/namespaces/default/routes';
  const made = await cluster.ask('POST', path, { apiVersion: 'hooked.example.com/v1', kind: 'Route', metadata: { name: 'r' }, spec: { host: 'web' } });
  assert.deepEqual([made.status, made.body['apiVersion'], made.body['spec']], [201, 'hooked.example.com/v1', { host: 'changed' }]);
  const { request } = hook.seen[0]!.review;
  assert.deepEqual([request.kind.version, request.requestKind.version, request.object.apiVersion], ['v2', 'v1', 'hooked.example.com/v2']);
  const status = await cluster.ask('PATCH', `${path}/r/status`, { status: { a: 'b' }, spec: { host: 'kept' } }, { type: 'application/merge-patch+json' });
  assert.deepEqual([status.status, status.body['spec'], status.body['status']], [200, { host: 'changed' }, { a: 'b' }]);
});
