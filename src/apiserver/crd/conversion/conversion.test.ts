/** Conversion by webhook through the whole server: v1 keeps `hostPort`, v2 keeps `host` and `port`. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { startTestServer, type Body, type TestServer } from '../../webhook/testing/test-server.ts';
import { startWebhookServer, type Answer, type Review, type WebhookServer } from '../../webhook/testing/webhook-server.ts';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
let cluster: TestServer;
let hook: WebhookServer;

function convert(object: Body, apiVersion: string): Body {
  const next = structuredClone(object);
  next['apiVersion'] = apiVersion;
  if (apiVersion.endsWith('/v2') && next['hostPort'] !== undefined) {
    const [host, port] = String(next['hostPort']).split(':');
    delete next['hostPort'];
    Object.assign(next, { host, port });
  } else if (apiVersion.endsWith('/v1') && next['host'] !== undefined) {
    next['hostPort'] = `${next['host']}:${next['port']}`;
    delete next['host'];
    delete next['port'];
  }
  return next;
}

const answer = ({ request }: Review, change: (object: Body) => unknown = (object) => object): Review => ({
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'ConversionReview',
  response: { uid: request.uid, result: { status: 'Success' }, convertedObjects: request.objects.map((object: Body) => change(convert(object, request.desiredAPIVersion))) },
});

const ANSWERS: Record<string, (review: Review) => Answer> = {
  convert: (review) => answer(review),
  hang: () => 'hang',
  cut: () => 'cut',
  rename: (review) => answer(review, (object) => ({ ...object, metadata: { ...object['metadata'], name: 'other' } })),
  uid: (review) => { const made = answer(review); made['response'].uid = 'another'; return made; },
  fewer: (review) => { const made = answer(review); made['response'].convertedObjects.pop(); return made; },
  failed: (review) => ({ ...answer(review), response: { uid: review['request'].uid, result: { status: 'Failure', message: 'cannot be' } } }),
  version: (review) => answer(review, (object) => ({ ...object, apiVersion: 'hooks.example.com/v3' })),
  labelled: (review) => answer(review, (object) => ({ ...object, metadata: { ...object['metadata'], generation: 77, finalizers: ['x.example.com/y'], labels: { ...object['metadata'].labels, by: 'hook' } } })),
  'bad-label': (review) => answer(review, (object) => ({ ...object, metadata: { ...object['metadata'], labels: { 'not good!': 'x' } } })),
  500: () => ({ status: 500, text: 'went wrong' }),
};

const text = { type: 'string' };
const schema = (properties: object): Body => ({ openAPIV3Schema: { type: 'object', properties } });

function definition(group: string, path: string, storage: 'v1' | 'v2' = 'v1'): Body {
  return {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `things.${group}` },
    spec: {
      group, scope: 'Namespaced', names: { plural: 'things', kind: 'Thing' },
      versions: [
        { name: 'v1', served: true, storage: storage === 'v1', schema: schema({ hostPort: text }), selectableFields: [{ jsonPath: '.hostPort' }] },
        { name: 'v2', served: true, storage: storage === 'v2', schema: schema({ host: text, port: text }), selectableFields: [{ jsonPath: '.host' }, { jsonPath: '.port' }] },
      ],
      conversion: {
        strategy: 'Webhook', webhook: { conversionReviewVersions: ['v9', 'v1', 'v1beta1'], clientConfig: { url: `https://127.0.0.1:${hook.port}/${path}`, caBundle: hook.caBundle } },
      },
    },
  };
}

interface Things { readonly v1: string; readonly v2: string; readonly crd: string; one(name: string, hostPort: string, labels?: object): Body; two(name: string, host: string, port: string): Body }

let groups = 0;

/** A definition of its own, served. */
async function define(path: string): Promise<Things> {
  const group = `g${++groups}.example.com`;
  const crd = `${CRDS}/things.${group}`;
  const created = await cluster.ask('POST', CRDS, definition(group, path));
  assert.equal(created.status, 201, created.text);
  await cluster.until(crd, (reply) => reply.body['status']?.conditions?.some((one: Body) => one['type'] === 'Established' && one['status'] === 'True') === true);
  return {
    crd, v1: `/apis/${group}/v1/namespaces/default/things`, v2: `/apis/${group}/v2/namespaces/default/things`,
    one: (name, hostPort, labels) => ({ apiVersion: `${group}/v1`, kind: 'Thing', metadata: { name, ...(labels && { labels }) }, hostPort }),
    two: (name, host, port) => ({ apiVersion: `${group}/v2`, kind: 'Thing', metadata: { name }, host, port }),
  };
}

before(async () => {
  hook = await startWebhookServer(ANSWERS);
  cluster = await startTestServer();
});
after(async () => {
  await cluster.stop();
  await hook.close();
});
beforeEach(() => { hook.seen.length = 0; });

test('reads and writes in each version', async () => {
  const { v1, v2, one, two } = await define('convert');
  assert.equal((await cluster.ask('POST', v1, one('a', 'web:80'))).status, 201);
  assert.equal(hook.seen.length, 0, 'the stored version needs no conversion');
  const got = await cluster.ask('GET', `${v2}/a`);
  assert.deepEqual([got.body['apiVersion'].endsWith('/v2'), got.body['host'], got.body['port'], got.body['hostPort']], [true, 'web', '80', undefined]);
  assert.match(hook.seen[0]!.path, /\/convert\?timeout=30s$/);
  assert.equal(hook.seen[0]!.review['request'].objects[0].metadata.resourceVersion, undefined);
  const made = await cluster.ask('POST', v2, two('b', 'db', '5432'));
  assert.deepEqual([made.status, made.body['host'], made.body['port']], [201, 'db', '5432']);
  assert.equal((await cluster.ask('GET', `${v1}/b`)).body['hostPort'], 'db:5432');
  const changed = await cluster.ask('PUT', `${v2}/a`, { ...got.body, port: '81' });
  assert.deepEqual([changed.status, changed.body['port'], changed.body['metadata'].generation], [200, '81', 2]);
  const again = await cluster.ask('PUT', `${v2}/a`, changed.body);
  assert.equal(again.body['metadata'].resourceVersion, changed.body['metadata'].resourceVersion, 'nothing changed, nothing is written');
  const patched = await cluster.ask('PATCH', `${v2}/a`, { port: '82' }, { type: 'application/merge-patch+json' });
  assert.equal(patched.body['port'], '82');
  assert.equal((await cluster.ask('GET', `${v1}/a`)).body['hostPort'], 'web:82');
  assert.equal((await cluster.ask('DELETE', `${v2}/a`)).status, 200);
  assert.equal((await cluster.ask('GET', `${v1}/a`)).status, 404);
});

test('lists, pages and selectors are about the version that is asked for; each object is converted once', async () => {
  const { v1, v2, one } = await define('convert');
  for (let n = 0; n < 120; n++) await cluster.ask('POST', v1, one(`n${String(n).padStart(3, '0')}`, `host-${n % 3}:${n}`, { third: String(n % 3) }));
  const names = (reply: { body: Body }): string[] => reply.body['items'].map((item: Body) => item['metadata'].name);
  const all = await cluster.ask('GET', v2);
  assert.equal(all.body['items'].length, 120);
  assert.ok(all.body['items'].every((item: Body) => item['apiVersion'].endsWith('/v2') && item['host'] !== undefined));
  assert.ok(hook.seen.length <= 2, `${hook.seen.length} reviews`);
  hook.seen.length = 0;
  assert.equal(names(await cluster.ask('GET', `${v2}?fieldSelector=host%3Dhost-1`)).length, 40);
  assert.deepEqual(names(await cluster.ask('GET', `${v2}?fieldSelector=port%3D7`)), ['n007']);
  assert.deepEqual(names(await cluster.ask('GET', `${v1}?fieldSelector=hostPort%3Dhost-1:7`)), ['n007']);
  assert.equal((await cluster.ask('GET', `${v2}?fieldSelector=hostPort%3Dx`)).status, 400);
  const page = await cluster.ask('GET', `${v2}?limit=50&labelSelector=third%3D0`);
  assert.equal(names(page).length, 40);
  const first = await cluster.ask('GET', `${v2}?limit=100`);
  assert.equal(names(first).length, 100);
  const rest = await cluster.ask('GET', `${v2}?limit=100&continue=${encodeURIComponent(first.body['metadata'].continue)}`);
  assert.deepEqual([names(rest).length, rest.body['items'][0].host], [20, 'host-1']);
  assert.equal(hook.seen.length, 0, 'conversions are kept');
});

test('watches show events in their version, also what a selector stops or starts to match', async () => {
  const { v1, v2, one, two } = await define('convert');
  await cluster.ask('POST', v1, one('a', 'web:80'));
  const selected = cluster.watch(`${v2}?watch=true&fieldSelector=host%3Dweb&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`, 5);
  await cluster.until(v1, () => hook.seen.length > 0);
  await cluster.ask('PATCH', `${v1}/a`, { hostPort: 'web:81' }, { type: 'application/merge-patch+json' });
  await cluster.ask('PATCH', `${v1}/a`, { hostPort: 'db:81' }, { type: 'application/merge-patch+json' });
  await cluster.ask('POST', v2, two('b', 'web', '1'));
  const events = await selected;
  assert.deepEqual(events.map(({ type, object }) => `${type} ${object.metadata.name ?? ''} ${object.port ?? ''}`), ['ADDED a 80', 'BOOKMARK  ', 'MODIFIED a 81', 'DELETED a 81', 'ADDED b 1']);
  assert.ok(events.every(({ object }) => object.apiVersion.endsWith('/v2')));
  const list = await cluster.ask('GET', `${v2}?limit=1`);
  const later = cluster.watch(`${v2}?watch=true&resourceVersion=${list.body['metadata'].resourceVersion}`, 1);
  await cluster.ask('DELETE', `${v1}/a`);
  assert.deepEqual((await later).map(({ type, object }) => [type, object.host]), [['DELETED', 'db']]);
});

test('server-side apply across versions', async () => {
  const { v1, v2, one, two } = await define('convert');
  const apply = (path: string, name: string, object: Body, manager: string, force = ''): ReturnType<TestServer['ask']> =>
    cluster.ask('PATCH', `${path}/${name}?fieldManager=${manager}${force}`, object, { type: 'application/apply-patch+yaml' });
  assert.equal((await apply(v1, 'a', one('a', 'web:80'), 'first')).status, 201);
  const conflict = await apply(v2, 'a', two('a', 'web', '81'), 'second');
  assert.equal(conflict.status, 409, conflict.text);
  const forced = await apply(v2, 'a', two('a', 'web', '81'), 'second', '&force=true');
  assert.equal(forced.status, 200, forced.text);
  assert.deepEqual(forced.body['metadata'].managedFields.map((one: Body) => [one['manager'], one['apiVersion'].split('/')[1], Object.keys(one['fieldsV1'])]), [['second', 'v2', ['f:host', 'f:port']]]);
  assert.equal((await cluster.ask('GET', `${v1}/a`)).body['hostPort'], 'web:81');
  const back = await apply(v1, 'a', one('a', 'db:1'), 'first', '&force=true');
  assert.deepEqual(back.body['metadata'].managedFields.map((one: Body) => one['manager']), ['first']);
});

test('another storage version: what is stored stays readable, and moves when it is written', async () => {
  const { v1, v2, one, crd } = await define('convert');
  await cluster.ask('POST', v1, one('a', 'web:80'));
  const { body } = await cluster.ask('GET', crd);
  assert.deepEqual(body['status'].storedVersions, ['v1']);
  await cluster.ask('PUT', crd, { ...body, spec: definition(body['spec'].group, 'convert', 'v2')['spec'] });
  await cluster.until(crd, (reply) => reply.body['status'].storedVersions.length === 2);
  await cluster.until(`${v2}/a`, (reply) => reply.body['host'] === 'web');
  hook.seen.length = 0;
  assert.equal((await cluster.ask('GET', `${v1}/a`)).body['hostPort'], 'web:80');
  const before = (await cluster.ask('GET', `${v2}/a`)).body;
  const same = await cluster.ask('PUT', `${v2}/a`, before);
  assert.notEqual(same.body['metadata'].resourceVersion, before['metadata'].resourceVersion, 'written in the new version');
  assert.equal((await cluster.ask('PUT', `${v2}/a`, same.body)).body['metadata'].resourceVersion, same.body['metadata'].resourceVersion);
  const { body: now } = await cluster.ask('GET', crd);
  const migrated = await cluster.ask('PUT', `${crd}/status`, { ...now, status: { ...now['status'], storedVersions: ['v2'] } });
  assert.deepEqual(migrated.body['status'].storedVersions, ['v2']);
});

const FAULTS: readonly [path: string, text: RegExp][] = [
  ['uid', /^conversion webhook for g\d+\.example\.com\/v1, Kind=Thing failed: expected response\.uid="[-0-9a-f]+", got "another"$/],
  ['fewer', /^conversion webhook for \S+, Kind=Thing returned 0 objects, expected 1$/],
  ['failed', /^conversion webhook for \S+, Kind=Thing failed: cannot be$/],
  ['rename', /^conversion webhook for \S+, Kind=Thing returned invalid converted object at index 0: must have the same name: a != other$/],
  ['version', /returned invalid converted object at index 0: invalid groupVersion \(expected g\d+\.example\.com\/v2, received hooks\.example\.com\/v3\)$/],
  ['bad-label', /returned invalid metadata in object at index 0: metadata\.labels: Invalid value: "not good!"/],
  ['500', /^conversion webhook for \S+, Kind=Thing failed: an error on the server \("went wrong"\) has prevented the request from succeeding$/],
  ['cut', /failed: Post "https:\/\/127\.0\.0\.1:\d+\/cut\?timeout=30s": EOF$/],
];

test('a webhook that fails fails the read, and nothing else', async (t) => {
  for (const [path, wanted] of FAULTS) {
    await t.test(path, async () => {
      const { v1, v2, one } = await define(path);
      assert.equal((await cluster.ask('POST', v1, one('a', 'web:80'))).status, 201);
      const reply = await cluster.ask('GET', `${v2}/a`);
      assert.deepEqual([reply.status, reply.body['reason']], [500, undefined]);
      assert.match(reply.body['message'], wanted);
      assert.equal((await cluster.ask('GET', v2)).status, 500);
      assert.equal((await cluster.ask('GET', `${v1}/a`)).status, 200);
      assert.equal((await cluster.ask('DELETE', `${v1}/a`)).status, 200);
    });
  }
  assert.match(cluster.metrics.text(), /apiserver_conversion_webhook_request_total\{result="failure",failure_type="conversion_webhook_partial_response_failure"\} \d/);
});

test('what a webhook makes of an object is bounded as the object is', async () => {
  hook.answers['grow'] = (review) => answer(review, (object) => ({ ...object, hostPort: 'x'.repeat(2_000_000) }));
  const { v2, two } = await define('grow');
  const reply = await cluster.ask('POST', v2, two('a', 'web', '80'));
  assert.deepEqual([reply.status, reply.body['reason']], [413, 'RequestEntityTooLarge']);
});

test('S37: only labels and annotations are the webhook\'s to change', async () => {
  const { v1, v2, one } = await define('labelled');
  await cluster.ask('POST', v1, one('a', 'web:80', { own: 'yes' }));
  const { metadata } = (await cluster.ask('GET', `${v2}/a`)).body as { metadata: Body };
  assert.deepEqual([metadata['generation'], metadata['finalizers'], metadata['labels']], [1, undefined, { own: 'yes', by: 'hook' }]);
  assert.equal((await cluster.ask('GET', `${v2}?labelSelector=by%3Dhook`)).body['items'].length, 1);
});

test('many readers of one new object share one conversion', async () => {
  const { v1, v2, one } = await define('convert');
  await cluster.ask('POST', v1, one('a', 'web:80'));
  await cluster.ask('GET', v1);
  const replies = await Promise.all(Array.from({ length: 20 }, () => cluster.ask('GET', v2)));
  assert.ok(replies.every(({ body }) => body['items'][0].host === 'web'));
  assert.equal(hook.seen.length, 1);
});
