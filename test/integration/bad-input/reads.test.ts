/** B42–B47: selectors, versions, continue tokens and limits of lists and watches. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONFIG_MAPS, playground, type Bad, type Json } from './playground.ts';

const place = playground(async ({ make }) => {
  await make(CONFIG_MAPS, ...['a', 'b', 'c', 'd'].map((name) => ({ metadata: { name } })));
});
const list = (name: string, query: string, code: number, more: Partial<Bad> = {}): Bad => ({ name, method: 'GET', path: `${CONFIG_MAPS}?${query}`, code, ...more });
const token = (value: object): string => encodeURIComponent(Buffer.from(JSON.stringify(value)).toString('base64url'));

place.refuses(
  ...['a in (', '!!x', 'a in', 'a=b=c', 'a notin ', '(', 'a,,b', 'a>x', '-a', 'a=b c', `a=${'x'.repeat(64)}`].map((text) => list(`B42 label selector ${text.slice(0, 20)}`, `labelSelector=${encodeURIComponent(text)}`, 400)),
  ...['data.a=1', 'metadata.uid=x', 'spec.nodeName=x', 'metadata.name>x', 'metadata.name', 'a=b\\x'].map((text) => list(`B42 field selector ${text}`, `fieldSelector=${encodeURIComponent(text)}`, 400)),
  { name: 'B42 label selector of a deletecollection', method: 'DELETE', path: `${CONFIG_MAPS}?labelSelector=${encodeURIComponent('a in (')}`, code: 400 },
  { name: 'B42 field selector of a deletecollection', method: 'DELETE', path: `${CONFIG_MAPS}?fieldSelector=data.a%3D1`, code: 400 },
  list('B43 resourceVersion abc', 'resourceVersion=abc', 400),
  list('B43 negative resourceVersion', 'resourceVersion=-1', 400),
  list('B43 match without a version', 'resourceVersionMatch=Exact', 422),
  list('B43 unknown match', 'resourceVersion=1&resourceVersionMatch=Nearly', 422),
  list('B43 match with continue', 'limit=1&continue=x&resourceVersionMatch=Exact&resourceVersion=1', 422),
  list('B43 exactly version 0', 'resourceVersion=0&resourceVersionMatch=Exact', 422),
  list('B45 garbage token', 'limit=1&continue=garbage', 400),
  list('B45 token that is no JSON', `limit=1&continue=${encodeURIComponent(Buffer.from('x').toString('base64url'))}`, 400),
  list('B45 token of another form', `limit=1&continue=${token({ v: 'meta.k8s.io/v9', rv: 1, start: 'a' })}`, 400),
  list('B45 key with ..', `limit=1&continue=${token({ v: 'meta.k8s.io/v1', rv: 5, start: '../secrets/x' })}`, 400),
  list('B45 absolute key', `limit=1&continue=${token({ v: 'meta.k8s.io/v1', rv: 5, start: '/registry/secrets/' })}`, 400),
  list('B45 version 0', `limit=1&continue=${token({ v: 'meta.k8s.io/v1', rv: 0, start: 'a' })}`, 400),
  list('B45 with a resourceVersion', `limit=1&resourceVersion=5&continue=${token({ v: 'meta.k8s.io/v1', rv: 5, start: 'a\u0000' })}`, 400),
  list('B46 negative limit', 'limit=-1', 400),
  list('B46 limit beyond int64', 'limit=9223372036854775808', 400),
  list('B46 limit in letters', 'limit=ten', 400),
  list('B46 timeoutSeconds in letters', 'timeoutSeconds=abc', 400),
  list('B46 timeoutSeconds of a watch in letters', 'watch=1&timeoutSeconds=abc', 400),
  list('B46 sendInitialEvents without its match', 'watch=1&sendInitialEvents=true', 422),
  list('B46 sendInitialEvents of a list', 'sendInitialEvents=true', 422),
);

test('B42: 10,000 terms are refused or answered, quickly', async () => {
  const startMs = performance.now();
  const answer = await place.ask('GET', `${CONFIG_MAPS}?labelSelector=${encodeURIComponent(Array.from({ length: 10_000 }, (_, i) => `k${i}`).join(','))}`);
  assert.ok(answer.status === 400 || answer.status === 200, answer.text.slice(0, 200));
  assert.ok(performance.now() - startMs < 2_000);
});

test('B43: a bad version of a single read is refused with the code of upstream', async () => {
  const answer = await place.ask('GET', `${CONFIG_MAPS}/a?resourceVersion=abc`);
  assert.equal(answer.status, 500);
  assert.equal(answer.body['kind'], 'Status');
});

test('B44: the future is refused within 3 s, with its cause', async () => {
  const startMs = performance.now();
  const revision = await place.revision();
  const future = 'resourceVersion=999999999';
  const [list, one, event] = await Promise.all([
    place.ask('GET', `${CONFIG_MAPS}?${future}`), place.ask('GET', `${CONFIG_MAPS}/a?${future}`),
    firstEvent(`${future}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=5`),
  ]);
  for (const { status, body } of [list, one]) assert.deepEqual([status, body['details'].causes[0].reason], [504, 'ResourceVersionTooLarge']);
  assert.deepEqual([event['type'], event['object'].kind, event['object'].code], ['ERROR', 'Status', 504]);
  assert.ok(performance.now() - startMs < 4_500);
  assert.equal(await place.revision(), revision);
});

test('B45: the token of another resource reads nothing of either', async () => {
  await place.make('/api/v1/namespaces/default/secrets', { metadata: { name: 'hidden' } }, { metadata: { name: 'hidden2' } });
  const first = await place.ask('GET', '/api/v1/namespaces/default/secrets?limit=1');
  const answer = await place.ask('GET', `${CONFIG_MAPS}?limit=5&continue=${encodeURIComponent(first.body['metadata'].continue)}`);
  // A token says where in a resource to go on; it carries no right and no prefix of its own.
  assert.ok(answer.status === 400 || (answer.body['items'] as { kind?: string }[]).every((item) => item.kind !== 'Secret'));
  assert.ok(!answer.text.includes('hidden'));
});

async function firstEvent(query: string): Promise<Json> {
  const transport = place.server().transport({ name: 'admin', groups: ['system:masters'] });
  const leave = new AbortController();
  const response = await transport.request({ method: 'GET', path: `${CONFIG_MAPS}?watch=1&${query}`, headers: {}, signal: leave.signal });
  let text = '';
  for await (const piece of response.body) {
    text += String(piece);
    if (text.includes('\n')) break;
  }
  leave.abort();
  return JSON.parse(text.split('\n')[0]!) as Json;
}

test('B46: watch=maybe watches, as upstream reads booleans', async () => {
  const answer = await place.ask('GET', `${CONFIG_MAPS}?watch=maybe&timeoutSeconds=1`);
  assert.equal(answer.status, 200);
});
