/** B48–B51, B63, B64: patches and apply, definitions and their custom resources. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONFIG_MAPS, playground, type Bad, type Json } from './playground.ts';

const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
const SERVICES = '/api/v1/namespaces/default/services';
const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const THINGS = '/apis/example.com/v1/namespaces/default/things';
const JSON_PATCH = 'application/json-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';
const APPLY = 'application/apply-patch+yaml';

function definition(plural: string, schema: Json, more: Json = {}, version: Json = {}): Json {
  return {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `${plural}.example.com` },
    spec: { group: 'example.com', scope: 'Namespaced', names: { plural, kind: plural[0]!.toUpperCase() + plural.slice(1, -1) }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec: schema } } }, ...version }], ...more },
  };
}

const place = playground(async ({ make, ask }) => {
  await make(CONFIG_MAPS, { metadata: { name: 'there', labels: { a: 'b' } }, data: { a: '1' } });
  await ask('PATCH', `${CONFIG_MAPS}/applied?fieldManager=one`, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'applied' }, data: { a: '1', b: '2' } }, { 'content-type': APPLY });
  await make(DEPLOYMENTS, { metadata: { name: 'd' }, spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } } });
  await make(DEFINITIONS, definition('things', {
    type: 'object', properties: { list: { type: 'array', maxItems: 100, items: { type: 'string', maxLength: 10 } }, text: { type: 'string', pattern: '^(a+)+$', maxLength: 100_000 } },
    'x-kubernetes-validations': [{ rule: "!has(self.list) || self.list.all(x, self.list.all(y, self.list.all(z, x != 'z')))" }],
  }));
  for (let tries = 0; (await ask('GET', THINGS)).status !== 200 && tries < 200; tries++) await new Promise((resolve) => { setTimeout(resolve, 20); });
  await make(THINGS, { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 't' } });
});

const patch = (name: string, body: unknown, code: number, type: string, more: Partial<Bad> = {}): Bad => ({ name, method: 'PATCH', path: `${CONFIG_MAPS}/there`, body, type, code, ...more });
const op = (path: string, more: Json = {}): Json[] => [{ op: 'add', path, value: 'x', ...more }];
const config = (more: Json): Json => ({ apiVersion: 'v1', kind: 'ConfigMap', ...more });
const crd = (name: string, body: unknown, says?: string, code = 422): Bad => ({ name, path: DEFINITIONS, body, code, ...(says === undefined ? {} : { says }) });
const schemaOf = (schema: Json): Json => definition('bads', schema);
const nested = (depth: number): Json => (depth === 0 ? { type: 'string' } : { type: 'object', properties: { a: nested(depth - 1) } });

place.refuses(
  patch('B48 10,001 operations', () => Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/data/a', value: '1' })), 413, JSON_PATCH, { says: 'The allowed maximum operations in a JSON patch is 10000, got 10001' }),
  patch('B48 copy bomb', () => [{ op: 'add', path: '/data/b', value: 'x'.repeat(10_000) }, ...Array.from({ length: 30 }, (_, i) => ({ op: 'copy', from: '/data', path: `/data/k${i}` }))], 422, JSON_PATCH, {}),
  patch('B48 failing test', [{ op: 'test', path: '/data/a', value: '2' }], 422, JSON_PATCH),
  patch('B48 missing parent', op('/nope/x/y'), 422, JSON_PATCH),
  patch('B48 removing what is not there', [{ op: 'remove', path: '/data/zzz' }], 422, JSON_PATCH),
  patch('B48 __proto__', op('/metadata/__proto__/x'), 422, JSON_PATCH),
  patch('B48 constructor', op('/constructor/prototype/x'), 422, JSON_PATCH),
  patch('B48 unknown operation', [{ op: 'frob', path: '/data/a' }], 422, JSON_PATCH),
  patch('B48 index beyond the end', [{ op: 'add', path: '/metadata/finalizers', value: [] }, ...op('/metadata/finalizers/7')], 422, JSON_PATCH),
  patch('B48 not a list', { op: 'add' }, 400, JSON_PATCH),
  patch('B48 operation that is no object', ['x'], 400, JSON_PATCH),
  patch('B49 merge patch that is a list', [], 400, 'application/merge-patch+json'),
  patch('B49 merge patch that is a number', '5', 400, 'application/merge-patch+json'),
  patch('B49 strategic patch that is a list', [], 400, STRATEGIC),
  patch('B49 strategic patch of a custom resource', {}, 415, STRATEGIC, { path: `${THINGS}/t` }),
  patch('B49 unknown $retainKeys', { spec: { strategy: { $retainKeys: 'x' } } }, 400, STRATEGIC, { path: `${DEPLOYMENTS}/d` }),
  patch('B50 apply without a manager', config({ data: {} }), 422, APPLY, { path: `${CONFIG_MAPS}/there` }),
  patch('B50 apply with managedFields', config({ metadata: { managedFields: [{ manager: 'x' }] } }), 400, APPLY, { path: `${CONFIG_MAPS}/there?fieldManager=m`, says: 'metadata.managedFields must be nil' }),
  patch('B50 conflict', config({ metadata: { name: 'applied' }, data: { a: '9', b: '9' } }), 409, APPLY, { path: `${CONFIG_MAPS}/applied?fieldManager=two`, causes: ['.data.a', '.data.b'], says: 'conflicts with "one"' }),
  patch('B50 repeated keys of a list', { apiVersion: 'v1', kind: 'Service', spec: { ports: [{ port: 80, name: 'a' }, { port: 80, name: 'b' }] } }, 500, APPLY, { path: `${SERVICES}/x?fieldManager=m` }),
  patch('B50 apply of another kind', { apiVersion: 'v1', kind: 'Secret' }, 400, APPLY, { path: `${CONFIG_MAPS}/there?fieldManager=m`, says: 'invalid object type: /v1, Kind=Secret' }),
  patch('B50 apply of another name', config({ metadata: { name: 'other' } }), 400, APPLY, { path: `${CONFIG_MAPS}/there?fieldManager=m` }),
  patch('B51 result that is not valid', { metadata: { labels: { a: 'b c' } } }, 422, 'application/merge-patch+json', { causes: ['metadata.labels'] }),
  patch('B51 another uid', { metadata: { uid: 'other' } }, 422, 'application/merge-patch+json'),
  patch('B51 another name', { metadata: { name: 'other' } }, 400, 'application/merge-patch+json'),
  patch('B51 another namespace', { metadata: { namespace: 'kube-system' } }, 400, 'application/merge-patch+json'),
  patch('B51 type in odd case', {}, 415, 'Application/Merge-Patch+json'),
  patch('B51 unknown type', {}, 415, 'application/frob+json'),
  patch('B51 what is not there', { data: {} }, 404, 'application/merge-patch+json', { path: `${CONFIG_MAPS}/absent` }),

  crd('B63 no schema', definition('bads', {}, { versions: [{ name: 'v1', served: true, storage: true }] }), 'spec.versions[0].schema.openAPIV3Schema: Required value'),
  crd('B63 not structural: no type', schemaOf({ properties: { a: {} } }), 'Required value'),
  crd('B63 not structural: properties below anyOf', schemaOf({ type: 'object', anyOf: [{ properties: { a: { type: 'string' } } }] }), 'Forbidden'),
  crd('B63 no storage version', definition('bads', { type: 'object' }, {}, { storage: false }), 'exactly one version marked as storage version'),
  crd('B63 two storage versions', definition('bads', { type: 'object' }, { versions: ['v1', 'v2'].map((name) => ({ name, served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } })) }), 'exactly one version marked as storage version'),
  crd('B63 $ref', schemaOf({ $ref: '#/definitions/x' }), '$ref'),
  crd('B63 default that does not fit', schemaOf({ type: 'object', properties: { a: { type: 'string', default: 5 } } }), 'default'),
  crd('B63 default that is pruned', schemaOf({ type: 'object', properties: { a: { type: 'object', default: { b: 1 } } } }), 'default'),
  crd('B63 name that is not plural.group', { ...definition('bads', { type: 'object' }), metadata: { name: 'other.example.com' } }, 'must be spec.names.plural+"."+spec.group'),
  crd('B63 plural in upper case', definition('Bads', { type: 'object' })),
  crd('B63 unknown scope', definition('bads', { type: 'object' }, { scope: 'Galaxy' }), 'spec.scope'),
  crd('B63 schema over 1 MiB', () => schemaOf({ type: 'object', properties: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`property${i}`, { type: 'string', description: 'x'.repeat(100) }])) }), undefined, 413),
  crd('B64 pattern with a back-reference', schemaOf({ type: 'object', properties: { a: { type: 'string', pattern: '(a)\\1' } } }), 'invalid escape sequence: `\\1`'),
  crd('B64 pattern that is none', schemaOf({ type: 'object', properties: { a: { type: 'string', pattern: '(' } } }), 'must be a valid regular expression'),
  crd('B64 syntax of a rule', schemaOf({ type: 'object', 'x-kubernetes-validations': [{ rule: 'self.' }] }), 'Syntax error'),
  crd('B64 type of a rule', schemaOf({ type: 'object', properties: { a: { type: 'integer' } }, 'x-kubernetes-validations': [{ rule: "self.a == 'x'" }] }), 'found no matching overload'),
  crd('B64 rule that is no truth value', schemaOf({ type: 'object', 'x-kubernetes-validations': [{ rule: '1 + 1' }] }), 'must evaluate to a bool'),
  crd('B64 rule without bounds', schemaOf({ type: 'object', properties: { l: { type: 'array', items: { type: 'array', items: { type: 'string' } } } }, 'x-kubernetes-validations': [{ rule: 'self.l.all(x, x.all(y, self.l.all(z, z.all(w, w != y))))' }] }), 'exceeds budget'),
);

test('B49: errors of strategic patches have the code of upstream', async () => {
  for (const containers of [[{ image: 'q' }], [{ name: 'c', $patch: 'frob' }]]) {
    const revision = await place.revision();
    const answer = await place.ask('PATCH', `${DEPLOYMENTS}/d`, { spec: { template: { spec: { containers } } } }, { 'content-type': STRATEGIC });
    assert.deepEqual([answer.status, answer.body['kind'], await place.revision()], [500, 'Status', revision], answer.text);
  }
});

test('B51: parameters of a patch type are taken', async () => {
  const answer = await place.ask('PATCH', `${CONFIG_MAPS}/there?dryRun=All`, { data: { z: '1' } }, { 'content-type': 'application/merge-patch+json; charset=utf-8' });
  assert.equal(answer.status, 200);
});

test('B63: a schema of 64 levels is taken and serves, deeper than can be kept is refused', async () => {
  const answer = await place.ask('POST', `${DEFINITIONS}?dryRun=All`, schemaOf(nested(64)));
  assert.ok(answer.status === 201 || answer.status === 422, answer.text.slice(0, 300));
  const deep = await place.ask('POST', `${DEFINITIONS}?dryRun=All`, schemaOf(nested(2_000)));
  assert.ok(deep.status === 400 || deep.status === 422, `${deep.status} ${deep.text.slice(0, 300)}`);
});

test('B64: a catastrophic pattern runs in linear time', async () => {
  const startMs = performance.now();
  const answer = await place.ask('POST', THINGS, { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 'slow' }, spec: { text: `${'a'.repeat(50_000)}!` } });
  assert.deepEqual([answer.status, answer.body['details']?.causes[0].field], [422, 'spec.text']);
  assert.ok(performance.now() - startMs < 2_000, `${performance.now() - startMs} ms`);
});

test('B64: a rule over its budget at run time is refused, and soon', async () => {
  const startMs = performance.now();
  const answer = await place.ask('POST', THINGS, { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 'dear' }, spec: { list: Array.from({ length: 100 }, (_, i) => `i${i}`) } });
  assert.equal(answer.status, 422, answer.text.slice(0, 300));
  assert.match(String(answer.body['message']), /budget|cost/);
  assert.ok(performance.now() - startMs < 8_000, `${performance.now() - startMs} ms`);
});
