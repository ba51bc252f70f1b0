/** Pruning, defaults, nulls, lists and formats of structural schemas. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldErrorText } from '../field-error.ts';
import { applyDefaults, dropNulls } from './structural-default.ts';
import { textFormat } from './structural-formats.ts';
import { listTypeFaults } from './structural-lists.ts';
import { pruneResource } from './structural-prune.ts';
import type { JsonMap, Structural } from './structural.ts';

const OPEN = { 'x-kubernetes-preserve-unknown-fields': true } as const;

test('unknown fields go, and are told', () => {
  const object: JsonMap = { apiVersion: 'a/v1', kind: 'A', metadata: { anything: 1 }, spec: { a: 1, z: 1, list: [{ q: 1 }] }, top: 1 };
  const schema: Structural = { type: 'object', properties: { spec: { type: 'object', properties: { a: { type: 'integer' }, list: { type: 'array', items: { type: 'object' } } } } } };
  assert.deepEqual(pruneResource(object, schema), ['spec.list[0].q', 'spec.z', 'top']);
  assert.deepEqual(object, { apiVersion: 'a/v1', kind: 'A', metadata: { anything: 1 }, spec: { a: 1, list: [{}] } });
});

test('where unknown fields stay, known ones are looked into', () => {
  const object: JsonMap = { spec: { free: { x: 1 }, closed: { x: 1 } } };
  const schema: Structural = { type: 'object', properties: { spec: { type: 'object', ...OPEN, properties: { closed: { type: 'object' } } } } };
  assert.deepEqual(pruneResource(object, schema), ['spec.closed.x']);
  assert.deepEqual(object, { spec: { free: { x: 1 }, closed: {} } });
});

test('a key named like a property of all objects is a key', () => {
  const object = JSON.parse('{"spec":{"__proto__":{"a":1},"constructor":1}}') as JsonMap;
  const schema: Structural = { type: 'object', properties: { spec: { type: 'object' } } };
  assert.deepEqual(pruneResource(object, schema), ['spec.__proto__', 'spec.constructor']);
});

test('defaults fill what is absent or null, at any depth, each with a copy of its own', () => {
  const schema: Structural = {
    type: 'object', properties: {
      a: { type: 'object', default: {}, properties: { b: { type: 'string', default: 'x' } } },
      n: { type: 'string', default: 'd' }, may: { type: 'string', nullable: true, default: 'd' },
      list: { type: 'array', items: { type: 'object', properties: { c: { type: 'array', default: [1], items: { type: 'integer' } } } } },
    },
  };
  const object: JsonMap = { n: null, may: null, list: [{}, {}] };
  dropNulls(object, schema);
  applyDefaults(object, schema);
  assert.deepEqual(object, { n: 'd', may: null, list: [{ c: [1] }, { c: [1] }], a: { b: 'x' } });
  const [first, second] = object['list'] as { c: number[] }[];
  assert.notEqual(first!.c, second!.c);
});

test('a null that may not be and has no default is dropped', () => {
  const object: JsonMap = { a: null, b: { c: null } };
  dropNulls(object, { type: 'object', properties: { a: { type: 'string' }, b: { type: 'object', additionalProperties: { type: 'string' } } } });
  assert.deepEqual(object, { b: {} });
});

test('sets and maps hold nothing twice', () => {
  const set: Structural = { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' };
  const map: Structural = { type: 'array', items: { type: 'object' }, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'] };
  const faults = listTypeFaults({ s: ['a', 'b', 'a', 'a'], m: [{ k: 1 }, { k: 1, v: 2 }] }, { type: 'object', properties: { s: set, m: map } });
  assert.deepEqual(faults.map(fieldErrorText), ['s[2]: Duplicate value: "a"', 'm[1]: Duplicate value: {"k":1}']);
});

const FORMATS: readonly (readonly [format: string, good: readonly string[], bad: readonly string[]])[] = [
  ['date-time', ['2020-01-02T03:04:05Z', '2020-01-02t03:04:05.1+01:00'], ['2020-01-02', '2020-13-02T03:04:05Z']],
  ['date', ['2020-02-29'], ['2021-02-29', '2021-1-1']],
  ['ipv4', ['10.0.0.1'], ['::1', '10.0.0']],
  ['ipv6', ['::1'], ['10.0.0.1']],
  ['cidr', ['10.0.0.0/8'], ['10.0.0.0']],
  ['mac', ['01:23:45:67:89:ab', '0123.4567.89ab'], ['01:23:45:67:89']],
  ['uuid4', ['6ba7b810-9dad-41d1-80b4-00c04fd430c8'], ['6ba7b810-9dad-11d1-80b4-00c04fd430c8']],
  ['email', ['a@b.c', 'Some One <a@b.c>'], ['a', '@b', 'a@']],
  ['hostname', ['example.com', 'a'], ['-a', 'a..b']],
  ['duration', ['1h30m', '2 days'], ['soon']],
  ['byte', ['YQ=='], ['a', '']],
  ['k8s-short-name', ['a-b'], ['A', 'a.b']],
  ['uri', ['http://a.b/c', '/a'], ['a b', 'a']],
];
for (const [format, good, bad] of FORMATS) {
  test(`format ${format}`, () => {
    const check = textFormat(format)!;
    for (const text of good) assert.equal(check(text), true, text);
    for (const text of bad) assert.equal(check(text), false, text);
  });
}
