/** B24–B29: YAML, protobuf, CBOR and the scalars within them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONFIG_MAPS, playground, type Bad } from './playground.ts';

const place = playground();
const SECRETS = '/api/v1/namespaces/default/secrets';
const PODS = '/api/v1/namespaces/default/pods';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases';

function bomb(): string {
  let text = 'metadata: {name: x}\na0: &a0 [x,x,x,x,x,x,x,x,x]\n';
  for (let level = 1; level < 12; level++) text += `a${level}: &a${level} [${Array.from({ length: 9 }, () => `*a${level - 1}`).join(',')}]\n`;
  return text;
}
const yaml = (name: string, body: string | (() => string), code = 400): Bad => ({ name: `B24 ${name}`, path: CONFIG_MAPS, type: 'application/yaml', body, code });

/** `k8s\0`, then the envelope of a ConfigMap with these bytes as its object. */
function envelope(raw: readonly number[] | Buffer): Buffer {
  const bytes = Buffer.from(raw);
  const length: number[] = [];
  for (let rest = bytes.length; ; rest >>>= 7) {
    if (rest < 0x80) { length.push(rest); break; }
    length.push((rest & 0x7f) | 0x80);
  }
  return Buffer.concat([Buffer.from([0x6b, 0x38, 0x73, 0, 0x0a, 15, 0x0a, 2]), Buffer.from('v1'), Buffer.from([0x12, 9]), Buffer.from('ConfigMap'), Buffer.from([0x12, ...length]), bytes]);
}
const protobuf = (name: string, body: Buffer | (() => Buffer)): Bad => ({ name: `B26 ${name}`, path: CONFIG_MAPS, type: 'application/vnd.kubernetes.protobuf', body, code: 400 });
const memory = (quantity: string): object => ({ metadata: { name: 'x' }, spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { memory: quantity } } }] } });
const lease = (time: string): object => ({ metadata: { name: 'x' }, spec: { renewTime: time } });

/** A list nested so deep in fields of their own length prefix. */
function nestedMessages(depth: number): Buffer {
  let inner = Buffer.alloc(0);
  for (let i = 0; i < depth && inner.length < 60_000; i++) inner = Buffer.concat([Buffer.from([0x0a, (inner.length & 0x7f) | 0x80, ((inner.length >> 7) & 0x7f) | 0x80, inner.length >> 14]), inner]);
  return inner;
}

place.refuses(
  yaml('alias bomb', bomb),
  yaml('10,000 aliases of a list', () => `metadata: {name: x}\na: &a [${'x,'.repeat(500)}]\nb: [${'*a,'.repeat(10_000)}]\n`),
  yaml('alias of itself', 'metadata: {name: x}\na: &a [*a]\n'),
  yaml('unknown alias', 'metadata: {name: x}\na: *nothing\n'),
  yaml('tab for indentation', 'metadata:\n\tname: x\n'),
  yaml('unclosed flow', 'metadata: {name: x\n'),
  // Nothing at all is an object without a name.
  yaml('3 MB of blank lines', () => '\n'.repeat(3_000_000), 422),
  yaml('deep flow lists', () => `a: ${'['.repeat(50_000)}`),
  yaml('deep block lists', () => Array.from({ length: 2_000 }, (_, i) => `${' '.repeat(i)}- `).join('\n')),
  { name: 'B24 merge key with __proto__, Strict', path: `${CONFIG_MAPS}?fieldValidation=Strict`, type: 'application/yaml', body: 'metadata: {name: x}\n<<: {__proto__: {a: 1}}\n', code: 400, says: 'unknown field "__proto__"' },
  { name: 'B24 !!js as a field of another type', path: CONFIG_MAPS, type: 'application/yaml', body: 'metadata: !!js/function "x"\n', code: 400 },
  { name: 'B25 !!binary for binaryData', path: SECRETS, type: 'application/yaml', body: 'metadata: {name: x}\ndata: {a: !!binary "/w=="}\n', code: 400 },

  protobuf('bad magic', Buffer.from('k8x\0\x0a\x00')),
  protobuf('JSON', Buffer.from('{"metadata":{"name":"x"}}')),
  protobuf('nothing', Buffer.from('k8s\0')),
  protobuf('wrong wire type', envelope([0x08, 1])),
  protobuf('length past the end', envelope([0x0a, 0x7f])),
  protobuf('negative length', envelope([0x0a, ...Array.from({ length: 9 }, () => 0xff), 0x01])),
  protobuf('overlong varint', envelope(Array.from({ length: 12 }, () => 0xff))),
  protobuf('end of a group', envelope([0x0c])),
  protobuf('10,000 groups', () => envelope(Array.from({ length: 10_000 }, () => 0x7b))),
  protobuf('invalid UTF-8 (B17)', envelope([0x0a, 3, 0x0a, 1, 0xff])),
  protobuf('envelope length past the end', Buffer.concat([envelope([0x0a, 2, 0x0a, 0]), Buffer.from([0x12, 0x7f])])),

  { name: 'B27 CBOR', path: CONFIG_MAPS, type: 'application/cbor', body: Buffer.from([0xbf, 0xff]), code: 415 },
  { name: 'B27 CBOR patch', method: 'PATCH', path: `${CONFIG_MAPS}/witness`, type: 'application/apply-patch+cbor', body: Buffer.from([0xbf, 0xff]), code: 415 },

  ...['1Gib', '1e99999', '.', '', '-.Gi', '1.2.3', '1_000', '--1', '1e', '0x10', 'NaN', 'Infinity', '9'.repeat(10_000)].map((quantity): Bad => ({ name: `B28 quantity ${JSON.stringify(quantity.slice(0, 20))}`, path: PODS, body: memory(quantity), code: 400 })),
  { name: 'B28 quantity of a list', path: PODS, body: '{"metadata":{"name":"x"},"spec":{"containers":[{"name":"c","image":"i","resources":{"requests":{"memory":[]}}}]}}', code: 400 },
  ...['yesterday', '10000-01-01T00:00:00.000000Z', '2024-01-01T00:00:60.000000Z', '2024-13-01T00:00:00.000000Z', '2024-02-30T00:00:00.000000Z', '2024-01-01 00:00:00.000000Z', '2024-01-01T00:00:00', '2024-01-01T24:00:00.000000Z', '2024-01-01T00:00:00.000000+25:00']
    .map((time): Bad => ({ name: `B28 time ${time}`, path: LEASES, body: lease(time), code: 400 })),
  { name: 'B28 duration', path: '/apis/node.k8s.io/v1/runtimeclasses?timeout=5x', body: { metadata: { name: 'x' }, handler: 'y' }, code: 400 },
  { name: 'B28 duration without a unit', method: 'GET', path: `${CONFIG_MAPS}?timeout=1`, code: 400, says: 'missing unit in duration' },
  ...['a', 'AA', '_-8=', '%%%%', 'YQ==YQ=='].map((data): Bad => ({ name: `B29 ${data}`, path: SECRETS, body: { metadata: { name: 'x' }, data: { a: data } }, code: 400, says: 'illegal base64 data' })),
  { name: 'B29 spaces', path: SECRETS, body: { metadata: { name: 'x' }, data: { a: 'YQ = =' } }, code: 400, says: 'illegal base64 data' },
);

test('B24: what is legal YAML but no more than text: !!omap, !!js, nested messages', async () => {
  for (const body of ['metadata: {name: x}\nodd: !!omap [a: 1]\n', 'metadata: {name: x}\nodd: !!js/function "x"\n']) {
    const answer = await place.ask('POST', `${CONFIG_MAPS}?dryRun=All`, body, { 'content-type': 'application/yaml' });
    assert.ok(answer.status === 201 || answer.status === 400, answer.text);
    assert.equal(answer.body['odd'], undefined);
  }
});

test('B24: hostile YAML takes no time', async () => {
  for (const body of [bomb(), '\n'.repeat(3_000_000), `a: ${'['.repeat(50_000)}`, `a: &a [x]\nb: [${'*a,'.repeat(10_000)}]\n`]) {
    const startMs = performance.now();
    await place.ask('POST', CONFIG_MAPS, body, { 'content-type': 'application/yaml' });
    // 100 ms is the aim on a machine of its own.
    assert.ok(performance.now() - startMs < 1_000, `${body.slice(0, 30)}: ${performance.now() - startMs} ms`);
  }
});

test('B25: YAML gives the numbers that Kubernetes reads', async () => {
  const pod = (mode: string): string => `metadata: {name: x}\nspec:\n  containers: [{name: c, image: i}]\n  volumes: [{name: v, configMap: {name: m, defaultMode: ${mode}}}]\n`;
  for (const [written, read] of [['0644', 420], ['0o644', undefined], ['420', 420], ['0x1a4', 420], ['4_20', 420], ['7:00', undefined], ['yes', undefined]] as const) {
    const answer = await place.ask('POST', `${PODS}?dryRun=All`, pod(written), { 'content-type': 'application/yaml' });
    if (read === undefined) assert.ok(answer.status === 400 || answer.body['spec'].volumes[0].configMap.defaultMode === 420, `${written}: ${answer.text}`);
    else assert.equal(answer.body['spec']?.volumes[0].configMap.defaultMode, read, `${written}: ${answer.text}`);
  }
  const two = await place.ask('POST', `${CONFIG_MAPS}?dryRun=All`, 'metadata: {name: first}\n---\nmetadata: {name: second}\n', { 'content-type': 'application/yaml' });
  assert.ok(two.status === 400 || two.body['metadata'].name === 'first', two.text);
});

test('B26: nested messages cost nothing', async () => {
  const answer = await place.ask('POST', `${CONFIG_MAPS}?dryRun=All`, envelope(nestedMessages(10_000)), { 'content-type': 'application/vnd.kubernetes.protobuf' });
  assert.ok(answer.status === 400 || answer.status === 422, answer.text);
});

test('B29: line breaks within base64 are taken, as Go takes them', async () => {
  const answer = await place.ask('POST', `${SECRETS}?dryRun=All`, { metadata: { name: 'x' }, data: { a: 'YQ\n==' } });
  assert.equal(answer.body['data'].a, 'YQ==');
});
