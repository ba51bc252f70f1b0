/** Custom resources through the whole server: from the definition to the last object. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { systemRandom } from '#base/random';
import { clusterPki } from '#pki/cluster-pki';
import { createMemoryStorage } from '#storage/memory/memory-storage';
import { createApiServer, type ApiServer } from '../server.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- any kind of answer, looked into by each test
type Body = Record<string, any>;
interface Answer { readonly status: number; readonly body: Body; readonly text: string }

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const THINGS = '/apis/example.com/v1/things';
const TRIES_MAX = 400;

let server: ApiServer;

before(async () => {
  server = createApiServer({
    storage: createMemoryStorage({ clock: systemClock }), clock: systemClock, random: systemRandom, log: silentLogger, metrics: new MetricsRegistry(),
    pki: clusterPki({ clock: systemClock, random: systemRandom }),
  });
  await server.start(new AbortController().signal);
});

after(() => server.stop());

async function ask(method: string, path: string, body?: unknown, type = 'application/json'): Promise<Answer> {
  const transport = server.transport({ name: 'admin', groups: ['system:masters'] });
  const bytes = body === undefined ? undefined : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const response = await transport.request({ method, path, headers: bytes === undefined ? {} : { 'content-type': type }, ...(bytes === undefined ? {} : { body: bytes }) });
  const pieces: Buffer[] = [];
  for await (const piece of response.body) pieces.push(piece);
  const text = Buffer.concat(pieces).toString();
  return { status: response.status, text, body: text.startsWith('{') ? JSON.parse(text) as Body : {} };
}

/** Asks again until the answer is as wanted: definitions are settled beside the requests. */
async function until(path: string, wanted: (answer: Answer) => boolean): Promise<Answer> {
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const answer = await ask('GET', path);
    if (wanted(answer)) return answer;
    await systemClock.sleep(5);
  }
  throw new Error(`${path} never came to be as wanted`);
}

const definition = (spec: object = {}, properties: object = { a: { type: 'string', default: 'd' }, n: { type: 'integer', minimum: 0 } }): Body => ({
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'things.example.com' },
  spec: {
    group: 'example.com', scope: 'Cluster', names: { plural: 'things', kind: 'Thing', shortNames: ['th'] },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } } } }], ...spec,
  },
});
const thing = (name: string, spec: object = {}, metadata: object = {}): Body => ({ apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name, ...metadata }, spec });
const isEstablished = ({ body }: Answer): boolean => body['status']?.conditions?.some((one: Body) => one['type'] === 'Established' && one['status'] === 'True') === true;

test('who reads that a definition is established finds it served', async () => {
  assert.equal((await ask('POST', CRDS, definition())).status, 201);
  await until(`${CRDS}/things.example.com`, isEstablished);
  assert.equal((await ask('GET', THINGS)).status, 200);
  const { body } = await ask('GET', '/apis/example.com/v1');
  assert.deepEqual(body['resources'].map((one: Body) => [one['name'], one['shortNames']]), [['things', ['th']]]);
});

test('objects are pruned, defaulted and checked', async () => {
  const made = await ask('POST', THINGS, thing('one', { n: 1, zz: 1 }));
  assert.deepEqual([made.status, made.body['spec']], [201, { a: 'd', n: 1 }]);
  const bad = await ask('POST', THINGS, thing('two', { n: -1 }));
  assert.deepEqual([bad.status, bad.body['details'].causes[0].field], [422, 'spec.n']);
  const strict = await ask('POST', `${THINGS}?fieldValidation=Strict`, thing('two', { zz: 1 }));
  assert.deepEqual([strict.status, strict.body['message']], [400, 'Thing in version "v1" cannot be handled as a Thing: strict decoding error: unknown field "spec.zz"']);
});

test('long whole numbers survive later writes', async () => {
  assert.equal((await ask('POST', THINGS, '{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"long"},"spec":{"n":9223372036854775807}}')).status, 201);
  const patched = await ask('PATCH', `${THINGS}/long`, { spec: { a: 'x' } }, 'application/merge-patch+json');
  assert.match(patched.text, /"n":9223372036854775807/);
  assert.match((await ask('GET', THINGS)).text, /"n":9223372036854775807/);
});

test('no strategic merge patch; server-side apply knows the schema', async () => {
  assert.equal((await ask('PATCH', `${THINGS}/one`, {}, 'application/strategic-merge-patch+json')).status, 415);
  const applied = await ask('PATCH', `${THINGS}/one?fieldManager=me&force=true`, thing('one', { a: 'mine' }), 'application/apply-patch+yaml');
  assert.deepEqual([applied.status, applied.body['spec'].a], [200, 'mine']);
});

test('a changed schema counts at once for what is stored', async () => {
  const { body } = await ask('GET', `${CRDS}/things.example.com`);
  body['spec'] = definition({}, { n: { type: 'integer' }, later: { type: 'string', default: 'new' } })['spec'];
  assert.equal((await ask('PUT', `${CRDS}/things.example.com`, body)).status, 200);
  const { body: shown } = await until(`${THINGS}/one`, (answer) => answer.body['spec'].later === 'new');
  assert.deepEqual(shown['spec'], { n: 1, later: 'new' });
});

test('rules are checked, and those that do not compile are refused', async () => {
  const ruled = (rule: string): Body => {
    const made = definition({}, { n: { type: 'integer', 'x-kubernetes-validations': [{ rule, message: 'too small' }] } });
    return { ...made, metadata: { name: 'others.example.com' }, spec: { ...made['spec'], names: { plural: 'others', kind: 'Other' } } };
  };
  const refused = await ask('POST', CRDS, ruled('self >'));
  assert.equal(refused.status, 422);
  assert.match(refused.body['message'], /compilation failed/);
  assert.equal((await ask('POST', CRDS, ruled('self > 1'))).status, 201);
  await until(`${CRDS}/others.example.com`, isEstablished);
  const { status, body } = await ask('POST', '/apis/example.com/v1/others', { ...thing('x', { n: 1 }), kind: 'Other' });
  assert.deepEqual([status, body['details']?.causes[0].message], [422, 'Invalid value: 1: too small']);
});

test('a definition goes after its objects', async () => {
  await ask('POST', THINGS, thing('held', {}, { finalizers: ['example.com/hold'] }));
  assert.equal((await ask('DELETE', `${CRDS}/things.example.com`)).status, 200);
  await until(`${THINGS}/held`, ({ body }) => body['metadata']?.deletionTimestamp !== undefined);
  const refused = await ask('POST', THINGS, thing('late'));
  assert.deepEqual([refused.status, refused.body['message']], [403, 'things.example.com "late" is forbidden: create not allowed while custom resource definition is terminating']);
  await ask('PATCH', `${THINGS}/held`, { metadata: { finalizers: null } }, 'application/merge-patch+json');
  await until(`${CRDS}/things.example.com`, ({ status }) => status === 404);
  await until(THINGS, ({ status, text }) => status === 404 && text === '404 page not found\n');
  assert.equal((await ask('GET', '/apis/example.com/v1/others')).status, 200, 'others stay');
});
