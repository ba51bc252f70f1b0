import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeStored, encodeStored, isCanonical, itemSplice, objectSplice, splicedBytes, storedTail } from './stored-object.ts';

const tail = storedTail('v1', 'ConfigMap');
const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a', resourceVersion: '3' }, data: { ä: '€' } };

test('an object goes into the store without its resource version and comes back with the store’s', () => {
  const bytes = encodeStored(object, tail);
  assert.equal(bytes.toString(), '{"metadata":{"name":"a"},"data":{"ä":"€"},"apiVersion":"v1","kind":"ConfigMap"}');
  assert.ok(isCanonical(bytes, tail));
  assert.deepEqual(decodeStored(bytes, 12), { metadata: { name: 'a', resourceVersion: '12' }, data: { ä: '€' }, apiVersion: 'v1', kind: 'ConfigMap' });
  assert.equal(object.metadata.resourceVersion, '3');
});

test('B20: an own key __proto__ survives', () => {
  const parsed = JSON.parse('{"metadata":{"name":"a"},"data":{"__proto__":"x"}}');
  assert.match(encodeStored(parsed, tail).toString(), /"__proto__":"x"/);
});

test('splicing gives what stringifying would', () => {
  const bytes = encodeStored(object, tail);
  assert.deepEqual(JSON.parse(splicedBytes(bytes, 7, objectSplice('v1', 'ConfigMap', tail)).toString()), { ...object, metadata: { name: 'a', resourceVersion: '7' } });
  assert.equal(splicedBytes(bytes, 7, itemSplice(tail)).toString(), '{"metadata":{"resourceVersion":"7","name":"a"},"data":{"ä":"€"}}');
  assert.equal(splicedBytes(bytes, 7, itemSplice(tail), '<', '>').at(-1), '>'.charCodeAt(0));
});

test('foreign bytes are noticed', () => {
  assert.ok(!isCanonical(Buffer.from('{"kind":"ConfigMap","apiVersion":"v1","metadata":{}}'), tail));
});
