import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SchemaResolver } from '../schema/model.ts';
import { parseSchema } from '../schema/parse.ts';
import { canonicalObject } from './canonical-object.ts';
import { encodeJsonText } from './json-encode.ts';
import { TypePlans } from './type-plan.ts';

const TYPES = parseSchema('x/v1', `
kind Thing
  1 metadata Meta keep
  2 spec ThingSpec keep
  3 data map[string]
  4 raw *RawExtension

type Meta
  1 name string

type ThingSpec
  1 replicas *int32
  2 count int32
  3 big int64
  4 ports []Port
  5 size Quantity keep
  6 where IntOrString keep
  7 rules! []string keep
  8 on bool keep

type Port
  1 number! int32 keep
  2 name string
`);
const resolve: SchemaResolver = (name) => TYPES.get(name);

const CASES: readonly [name: string, object: Record<string, unknown>][] = [
  ['nothing', {}],
  ['kind first, zero values dropped or kept', { spec: { count: 0, on: false, where: '', rules: [] }, apiVersion: 'x/v1', kind: 'Thing' }],
  ['numbers as they are read again', { spec: { big: 9007199254740993n, replicas: -0, where: Number.NaN, count: 7 } }],
  ['lists with holes', { spec: { ports: [null, { number: 1, name: '' }, undefined, { name: 'b', other: 1 }], rules: ['a'] } }],
  ['maps sorted, a key named __proto__', { data: { b: '2', a: '1', ['__proto__']: 'x', '10': 'y', '9': 'z' } }],
  ['any value', { raw: { b: [1, null, { c: 2n ** 60n }], a: undefined } }],
  ['empty map, null parts', { data: {}, spec: null, metadata: undefined }],
];

for (const keepsEmptyLists of [true, false]) {
  const plan = new TypePlans(resolve, () => keepsEmptyLists).of(TYPES.get('x/v1.Thing')!);
  for (const [name, object] of CASES) {
    test(`canonical object is what canonical JSON reads back as: ${name}${keepsEmptyLists ? '' : ', empty lists as null'}`, () => {
      const expected = JSON.parse(encodeJsonText(object, plan)) as unknown;
      assert.deepEqual(canonicalObject(object, plan), expected);
      assert.equal(JSON.stringify(canonicalObject(object, plan)), JSON.stringify(expected));
    });
  }
}
