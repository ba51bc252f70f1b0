/** B5, B10, B11, B16–B29: bodies that are too large, of no served type, or not what they should be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONFIG_MAPS, playground, type Bad } from './playground.ts';

const place = playground();
const PODS = '/api/v1/namespaces/default/pods';
const SERVICES = '/api/v1/namespaces/default/services';
const json = (text: string): Pick<Bad, 'path' | 'body'> => ({ path: CONFIG_MAPS, body: text });
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const nested = (depth: number, open: string, close: string): string => `{"metadata":{"name":"x"},"odd":${open.repeat(depth)}${close.repeat(depth)}}`;

place.refuses(
  { name: 'B5 over 3 MiB', path: CONFIG_MAPS, body: () => `{"metadata":{"name":"x"},"data":{"a":"${'x'.repeat(3 * 1024 * 1024)}"}}`, code: 413, says: 'limit is 3145728' },
  { name: 'B10 unknown group', method: 'GET', path: '/apis/apps/v9/deployments', code: 404 },
  { name: 'B10 unknown resource', method: 'GET', path: '/api/v1/nothings', code: 404 },
  { name: 'B10 unknown resource of a namespace', method: 'POST', path: '/apis/apps/v1/namespaces/default/nothings', body: {}, code: 404 },
  { name: 'B10 unknown subresource', method: 'GET', path: `${PODS}/p/nothing`, code: 404 },
  { name: 'B10 POST on a name', path: `${CONFIG_MAPS}/x`, body: { metadata: { name: 'x' } }, code: 405 },
  { name: 'B10 PUT on a collection', method: 'PUT', path: CONFIG_MAPS, body: { metadata: { name: 'x' } }, code: 405 },
  { name: 'B10 PATCH on a collection', method: 'PATCH', path: CONFIG_MAPS, body: {}, code: 405 },
  { name: 'B10 DELETE of a status', method: 'DELETE', path: `${PODS}/p/status`, code: 405 },
  { name: 'B11 Accept with no served type', method: 'GET', path: CONFIG_MAPS, headers: { accept: 'text/html' }, code: 406 },
  { name: 'B11 Accept with no served type on a write', path: CONFIG_MAPS, body: { metadata: { name: 'x' } }, headers: { accept: 'image/png' }, code: 406 },
  { name: 'B11 unknown Content-Type', ...json('{"metadata":{"name":"x"}}'), type: 'text/plain', code: 415 },
  { name: 'B11 unknown Content-Type of a PUT', method: 'PUT', path: `${CONFIG_MAPS}/witness`, body: '{"metadata":{"name":"witness"}}', type: 'application/x-www-form-urlencoded', code: 415 },
  { name: 'B11 malformed Content-Type', ...json('{"metadata":{"name":"x"}}'), type: 'garbage;;', code: 415 },
  { name: 'B11 charset other than UTF-8', ...json('{"metadata":{"name":"x"}}'), type: 'application/json; charset=latin1', code: 415 },
  { name: 'B11 charset of a patch', method: 'PATCH', path: `${CONFIG_MAPS}/witness`, body: '{"data":{"b":"2"}}', type: 'application/merge-patch+json; charset=utf-16', code: 415 },
  { name: 'B11 charset of DeleteOptions', method: 'DELETE', path: `${CONFIG_MAPS}/witness`, body: '{}', type: 'application/json;charset=utf-16', code: 415 },

  { name: 'B16 empty body', path: CONFIG_MAPS, body: '', code: 400, says: 'unexpected end of JSON input' },
  { name: 'B16 empty body of a PUT', method: 'PUT', path: `${CONFIG_MAPS}/witness`, body: '', code: 400, says: 'unexpected end of JSON input' },
  { name: 'B16 truncated', ...json('{"metadata":{"name":"x"'), code: 400, says: 'unexpected end of JSON input' },
  { name: 'B16 truncated in a string', ...json('{"metadata":{"name":"x'), code: 400, says: 'unexpected end of JSON input' },
  { name: 'B16 trailing garbage', ...json('{"metadata":{"name":"x"}} x'), code: 400, says: /invalid character 'x' after top-level value|offset/ },
  { name: 'B16 two documents', ...json('{"metadata":{"name":"x"}}{"metadata":{"name":"y"}}'), code: 400, says: "invalid character '{' after top-level value" },
  { name: 'B16 byte order mark', ...json('\uFEFF{"metadata":{"name":"x"}}'), code: 400, says: 'invalid character' },
  { name: 'B16 not an object', ...json('[]'), code: 400 },
  { name: 'B16 a string', ...json('"x"'), code: 400 },
  { name: 'B17 invalid UTF-8', path: CONFIG_MAPS, body: latin1('{"metadata":{"name":"x"},"data":{"a":"\xff"}}'), code: 400 },
  { name: 'B17 overlong UTF-8', path: CONFIG_MAPS, body: latin1('{"metadata":{"name":"x"},"data":{"a":"\xc0\xaf"}}'), code: 400 },
  { name: 'B17 encoded surrogate', path: CONFIG_MAPS, body: latin1('{"metadata":{"name":"x"},"data":{"a":"\xed\xa0\x80"}}'), code: 400 },
  { name: 'B17 lone surrogate escape', ...json('{"metadata":{"name":"x"},"data":{"a":"\\ud800"}}'), code: 400 },
  { name: 'B17 surrogates the wrong way round', ...json('{"metadata":{"name":"x"},"data":{"a":"\\udc00\\ud800"}}'), code: 400 },
  { name: 'B17 invalid UTF-8 in a key', path: CONFIG_MAPS, body: latin1('{"metadata":{"name":"x"},"data":{"\xff":"a"}}'), code: 400 },
  { name: 'B17 invalid UTF-8 in a merge patch', method: 'PATCH', path: `${CONFIG_MAPS}/witness`, body: latin1('{"data":{"a":"\xff"}}'), code: 400 },
  { name: 'B17 lone surrogate in a JSON patch', method: 'PATCH', path: `${CONFIG_MAPS}/witness`, type: 'application/json-patch+json', body: '[{"op":"replace","path":"/data/a","value":"\\ud800"}]', code: 400 },
  { name: 'B17 invalid UTF-8 in an apply', method: 'PATCH', path: `${CONFIG_MAPS}/witness?fieldManager=m`, type: 'application/apply-patch+yaml', body: latin1('apiVersion: v1\nkind: ConfigMap\ndata: {a: "\xff"}\n'), code: 400 },
  { name: 'B17 invalid UTF-8 in a CustomResourceDefinition', path: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', body: latin1('{"metadata":{"name":"\xff"}}'), code: 400 },
  { name: 'B17 invalid UTF-8 in YAML', path: CONFIG_MAPS, type: 'application/yaml', body: latin1('metadata: {name: x}\ndata: {a: "\xff"}\n'), code: 400 },
  ...[10_001, 100_000, 1_500_000].flatMap((depth): Bad[] => [
    { name: `B18 ${depth} arrays`, path: CONFIG_MAPS, body: () => nested(depth, '[', ']'), code: 400 },
    { name: `B18 ${depth} objects`, path: CONFIG_MAPS, body: () => nested(Math.min(depth, 500_000), '{"a":', '}').replace(/:\}/, ':1}'), code: 400 },
    { name: `B18 ${depth} arrays in a merge patch`, method: 'PATCH', path: `${CONFIG_MAPS}/witness`, body: () => nested(depth, '[', ']'), code: 400 },
  ]),
  { name: 'B18 deep JSON patch', method: 'PATCH', path: `${CONFIG_MAPS}/witness`, type: 'application/json-patch+json', body: () => `[{"op":"add","path":"/data/b","value":${'['.repeat(100_000)}${']'.repeat(100_000)}}]`, code: 400 },
  { name: 'B18 deep strategic merge patch', method: 'PATCH', path: `${CONFIG_MAPS}/witness`, type: 'application/strategic-merge-patch+json', body: () => nested(100_000, '[', ']'), code: 400 },
  { name: 'B18 deep apply', method: 'PATCH', path: `${CONFIG_MAPS}/witness?fieldManager=m`, type: 'application/apply-patch+yaml', body: () => nested(100_000, '[', ']'), code: 400 },
  { name: 'B18 deep YAML', path: CONFIG_MAPS, type: 'application/yaml', body: () => nested(100_000, '[', ']'), code: 400 },

  { name: 'B19 unknown field, Strict', path: `${CONFIG_MAPS}?fieldValidation=Strict`, body: { metadata: { name: 'x' }, nope: 1 }, code: 400, says: 'unknown field "nope"' },
  { name: 'B19 duplicate key, Strict', path: `${CONFIG_MAPS}?fieldValidation=Strict`, body: '{"metadata":{"name":"x"},"data":{"a":"1"},"data":{"b":"1"}}', code: 400, says: 'duplicate field "data"' },
  { name: 'B20 __proto__, Strict', path: `${CONFIG_MAPS}?fieldValidation=Strict`, body: '{"metadata":{"name":"x"},"__proto__":{"a":1}}', code: 400, says: 'unknown field "__proto__"' },
  { name: 'B20 constructor, Strict', path: `${CONFIG_MAPS}?fieldValidation=Strict`, body: '{"metadata":{"name":"x","constructor":{"prototype":{"a":1}}}}', code: 400, says: 'unknown field "metadata.constructor"' },
  ...Object.entries({ '"80"': 'string', '80.0': 'number 80.0', '1.5': 'number 1.5', '2147483648': 'number 2147483648', '9223372036854775808': 'number', '9007199254740993': 'number', '1e400': 'number', 'true': 'bool' })
    .map(([value, says]): Bad => ({ name: `B21 ${value} for an int32`, path: SERVICES, body: `{"metadata":{"name":"x"},"spec":{"ports":[{"port":${value}}]}}`, code: 400, says })),
  { name: 'B21 NaN', path: SERVICES, body: '{"metadata":{"name":"x"},"spec":{"ports":[{"port":NaN}]}}', code: 400 },
  { name: 'B21 2^63 for an int64', path: PODS, body: '{"metadata":{"name":"x"},"spec":{"activeDeadlineSeconds":9223372036854775808,"containers":[{"name":"c","image":"i"}]}}', code: 400 },
  { name: 'B21 number for a string', path: CONFIG_MAPS, body: { metadata: { name: 'x' }, data: { a: 1 } }, code: 400 },
  { name: 'B21 a leading zero', path: SERVICES, body: '{"metadata":{"name":"x"},"spec":{"ports":[{"port":080}]}}', code: 400 },
  { name: 'B22 null in a required field', path: PODS, body: { metadata: { name: 'x' }, spec: { containers: null } }, code: 422, causes: ['spec.containers'] },
  { name: 'B22 null list item', path: PODS, body: { metadata: { name: 'x' }, spec: { containers: [null] } }, code: 422, causes: ['spec.containers[0].name'] },
  { name: 'B22 object for a list', path: PODS, body: { metadata: { name: 'x' }, spec: { containers: { name: 'c' } } }, code: 400 },
  { name: 'B22 list for an object', path: PODS, body: { metadata: [], spec: {} }, code: 400 },
  { name: 'B22 string for an object', path: CONFIG_MAPS, body: { metadata: 'x' }, code: 400 },
  { name: 'B23 another kind', path: CONFIG_MAPS, body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } }, code: 400, says: 'Secret in version "v1" cannot be handled as a ConfigMap' },
  { name: 'B23 another version', path: CONFIG_MAPS, body: { apiVersion: 'apps/v1', kind: 'ConfigMap', metadata: { name: 'x' } }, code: 400 },
  { name: 'B23 another namespace', path: CONFIG_MAPS, body: { metadata: { name: 'x', namespace: 'kube-system' } }, code: 400, says: 'the namespace of the provided object does not match the namespace sent on the request' },
  { name: 'B23 another name', method: 'PUT', path: `${CONFIG_MAPS}/witness`, body: { metadata: { name: 'other' } }, code: 400, says: 'the name of the object (other) does not match the name on the URL (witness)' },
  { name: 'B23 another namespace in a PUT', method: 'PUT', path: `${CONFIG_MAPS}/witness`, body: { metadata: { name: 'witness', namespace: 'kube-system' } }, code: 400, says: 'the namespace of the provided object does not match the namespace sent on the request' },
);

test('B11: a body without Content-Type is JSON, as client-go sends its raw ones', async () => {
  const transport = place.server().transport({ name: 'admin', groups: ['system:masters'] });
  const answer = await transport.request({ method: 'POST', path: `${CONFIG_MAPS}?dryRun=All`, headers: {}, body: Buffer.from('{"metadata":{"name":"x"}}') });
  assert.equal(answer.status, 201);
});

test('B18: the depth that is taken can be stored, read, patched and printed', async () => {
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'deeps.example.com' },
    spec: {
      group: 'example.com', scope: 'Namespaced', names: { plural: 'deeps', kind: 'Deep' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } }],
    },
  };
  await place.make('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
  const path = '/apis/example.com/v1/namespaces/default/deeps';
  for (let tries = 0; (await place.ask('GET', path)).status !== 200 && tries < 100; tries++) await new Promise((resolve) => { setTimeout(resolve, 20); });
  for (const depth of [10, 1_000, 9_000]) {
    const body = `{"apiVersion":"example.com/v1","kind":"Deep","metadata":{"name":"d${depth}"},"deep":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    const created = await place.ask('POST', path, body);
    if (created.status === 400) continue;
    assert.equal(created.status, 201, created.text.slice(0, 300));
    const one = `${path}/d${depth}`;
    for (const [method, url, patch, type] of [
      ['GET', one, undefined, ''], ['PATCH', one, { a: 1 }, 'application/merge-patch+json'], ['PATCH', one, [{ op: 'add', path: '/b', value: 1 }], 'application/json-patch+json'],
      ['PATCH', `${one}?fieldManager=m`, { apiVersion: 'example.com/v1', kind: 'Deep', c: 1 }, 'application/apply-patch+yaml'], ['GET', path, undefined, ''],
    ] as const) {
      const answer = await place.ask(method, url, patch, type === '' ? {} : { 'content-type': type });
      assert.equal(answer.status, 200, `${depth} ${method} ${type}: ${answer.text.slice(0, 300)}`);
    }
    assert.equal((await place.ask('GET', one, undefined, { accept: 'application/yaml' })).status, 200, `${depth} as YAML`);
    assert.equal((await place.ask('GET', path, undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' })).status, 200, `${depth} as a table`);
    assert.equal((await place.ask('DELETE', one)).status, 200);
  }
});

test('B19: Warn and Ignore', async () => {
  const odd = '{"metadata":{"name":"x"},"nope":1,"data":{"a":"1"},"data":{"a":"2"}}';
  const warned = await place.ask('POST', `${CONFIG_MAPS}?dryRun=All&fieldValidation=Warn`, odd);
  assert.equal(warned.status, 201);
  assert.match(String(warned.headers['warning']), /unknown field \\"nope\\".*duplicate field \\"data\\"/);
  const ignored = await place.ask('POST', `${CONFIG_MAPS}?dryRun=All&fieldValidation=Ignore`, odd);
  assert.deepEqual([ignored.status, ignored.headers['warning']], [201, undefined]);
});

test('B20: dangerous names that are legal are stored and returned exactly', async () => {
  const created = await place.ask('POST', CONFIG_MAPS, '{"metadata":{"name":"proto","labels":{"constructor":"a"},"annotations":{"__proto__":"b"}},"data":{"__proto__":"1","constructor":"2","prototype":"3","toString":"4"}}');
  // Annotation keys may not begin with an underscore; data keys may.
  assert.equal(created.status, 422);
  const legal = await place.ask('POST', CONFIG_MAPS, '{"metadata":{"name":"proto","labels":{"constructor":"a"}},"data":{"__proto__":"1","constructor":"2","prototype":"3","toString":"4"}}');
  assert.equal(legal.status, 201, legal.text);
  const read = await place.ask('GET', `${CONFIG_MAPS}/proto`);
  assert.match(read.text, /"data":\{"__proto__":"1","constructor":"2","prototype":"3","toString":"4"\}/);
  const patched = await place.ask('PATCH', `${CONFIG_MAPS}/proto`, '{"data":{"__proto__":"5","hasOwnProperty":"6"}}');
  assert.match(patched.text, /"__proto__":"5"/);
  assert.match(patched.text, /"hasOwnProperty":"6"/);
  const pod = await place.ask('POST', `${PODS}?dryRun=All`, { metadata: { name: 'x' }, spec: { containers: [{ name: 'c', image: 'i', env: [{ name: '__proto__', value: 'v' }, { name: 'constructor', value: 'w' }] }] } });
  assert.match(pod.text, /"env":\[\{"name":"__proto__","value":"v"\},\{"name":"constructor","value":"w"\}\]/);
  assert.equal(({} as Record<string, unknown>)['a'], undefined);
});

test('B21: int64 beyond 2^53 and -0 come back exactly', async () => {
  const pod = (value: string): string => `{"metadata":{"name":"x"},"spec":{"activeDeadlineSeconds":2147483646,"terminationGracePeriodSeconds":${value},"containers":[{"name":"c","image":"i"}]}}`;
  const big = await place.ask('POST', `${PODS}?dryRun=All`, pod('9007199254740993'));
  assert.match(big.text, /"terminationGracePeriodSeconds":9007199254740993[,}]/);
  assert.match((await place.ask('POST', `${PODS}?dryRun=All`, pod('-0'))).text, /"terminationGracePeriodSeconds":0[,}]/);
});
