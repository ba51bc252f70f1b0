import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ManagedFieldsEntry } from '../meta.ts';
import type { JsonObject, JsonValue } from '../patch/json-value.ts';
import { parseSchema } from '../schema/parse.ts';
import { StatusError } from '../status-error.ts';
import { emptyObject } from './empty-object.ts';
import { createFieldManager, withoutNewTimes } from './field-manager.ts';
import type { FieldManager } from './field-manager.ts';
import { setOfPaths } from './field-set.ts';
import { DEDUCED, mergeTypeOf } from './merge-type.ts';
import { parentEntries, scaleEntries } from './scale.ts';

const TYPES = parseSchema('t/v1', `
kind Thing
  1 metadata Meta keep
  2 spec Spec keep
  3 status Status keep
type Meta
  1 name string
  2 uid string
  3 labels map[string]
  4 annotations map[string]
  5 managedFields []JSON list=atomic
  6 resourceVersion string
type Spec
  1 replicas *int32
  2 items []Item keep list=map(name)
  3 words []string list=set
  4 whole []Item list=atomic
  5 selector *Selector keep
type Item
  1 name! string keep
  2 image string
  3 resources Resources keep
type Resources
  1 limits map[Quantity]
type Selector atomic
  1 labels map[string]
type Status
  1 phase string
`);
const resolve = (name: string) => TYPES.get(name);
const T1 = '2026-01-01T00:00:01Z';
const T2 = '2026-01-01T00:00:02Z';

function managerOf(subresource = ''): FieldManager {
  return createFieldManager({
    group: 't', version: 'v1', kind: 'Thing', subresource, empty: emptyObject('t/v1.Thing', resolve),
    versions: {
      type: (apiVersion) => (apiVersion === 't/v1' ? mergeTypeOf('t/v1.Thing', resolve) : undefined),
      convert: (object) => object,
      resetFields: () => setOfPaths(subresource === 'status' ? ['f:spec'] : ['f:status']),
    },
  });
}

const fields = managerOf();

function thing(spec: JsonObject, more: JsonObject = {}, entries?: ManagedFieldsEntry[]): JsonObject {
  return {
    apiVersion: 't/v1', kind: 'Thing', metadata: { name: 'x', uid: 'u', ...more, ...(entries === undefined ? {} : { managedFields: entries as unknown as JsonValue }) },
    spec: { items: null, selector: null, ...spec }, status: {},
  };
}

function config(spec: JsonObject, metadata: JsonObject = {}): JsonObject {
  return { apiVersion: 't/v1', kind: 'Thing', metadata: { name: 'x', ...metadata }, spec };
}

function owned(entries: readonly ManagedFieldsEntry[] | undefined): Record<string, string> {
  return Object.fromEntries((entries ?? []).map(({ manager, operation, fieldsV1, time }) => [`${manager} ${operation}${time === undefined ? '' : ` ${time.slice(17, 19)}`}`, JSON.stringify(fieldsV1)]));
}

function entriesIn(object: JsonObject): ManagedFieldsEntry[] | undefined {
  return (object['metadata'] as JsonObject)['managedFields'] as unknown as ManagedFieldsEntry[] | undefined;
}

function conflict(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof StatusError, String(error));
    return `${error.code} ${error.message}`;
  }
  return 'no error';
}

test('updates are tracked', async (t) => {
  const created = thing({ replicas: 1, items: [{ name: 'a', image: 'i', resources: {} }], selector: { labels: {} } });
  const entries = fields.update({ live: undefined, object: created, manager: '', time: T1 });
  await t.test('create: what was not there empty before', () => {
    assert.deepEqual(owned(entries), {
      'unknown Update 01': '{"f:spec":{"f:items":{"k:{\\"name\\":\\"a\\"}":{".":{},"f:image":{},"f:name":{},"f:resources":{}}},"f:replicas":{},"f:selector":{}}}',
    });
  });
  const live: JsonObject = { ...created, metadata: { ...created['metadata'] as JsonObject, managedFields: entries as never } };
  await t.test('nothing changed: the very same entries', () => {
    assert.equal(fields.update({ live, object: structuredClone(live), manager: 'other', time: T2 }), entries);
  });
  await t.test('another writer takes what he changes', () => {
    const after = fields.update({ live, object: { ...live, spec: { ...live['spec'] as JsonObject, replicas: 2, words: ['w"'] } }, manager: 'other', time: T2 });
    assert.deepEqual(owned(after), {
      'unknown Update 01': '{"f:spec":{"f:items":{"k:{\\"name\\":\\"a\\"}":{".":{},"f:image":{},"f:name":{},"f:resources":{}}},"f:selector":{}}}',
      'other Update 02': '{"f:spec":{"f:replicas":{},"f:words":{".":{},"v:\\"w\\\\\\"\\"":{}}}}',
    });
  });
  await t.test('what is removed is nobody\'s', () => {
    const after = fields.update({ live, object: thing({ selector: { labels: {} } }), manager: 'other', time: T2 });
    assert.deepEqual(owned(after), { 'unknown Update 01': '{"f:spec":{"f:selector":{}}}' });
  });
  await t.test('reset fields and server fields are not owned', () => {
    const after = fields.update({ live, object: { ...live, metadata: { ...live['metadata'] as JsonObject, resourceVersion: '9' }, status: { phase: 'x' } }, manager: 'other', time: T2 });
    assert.deepEqual(owned(after), owned(entries));
  });
  await t.test('an empty list or entry resets; afterwards nothing is tracked', () => {
    for (const sent of [[], [{}]]) {
      assert.equal(fields.update({ live, object: thing({ replicas: 5 }, {}, sent), manager: 'm', time: T2 }), undefined);
    }
    assert.equal(fields.update({ live: thing({}), object: thing({ replicas: 5 }), manager: 'm', time: T2 }), undefined);
  });
  await t.test('entries a client broke are not taken', () => {
    const broken = [{ manager: 'm', operation: 'Steal', apiVersion: 't/v1', fieldsType: 'FieldsV1', fieldsV1: {} }];
    assert.deepEqual(owned(fields.update({ live, object: thing(live['spec'] as JsonObject, {}, broken), manager: 'm', time: T2 })), owned(entries));
  });
  await t.test('more than ten updaters: the oldest are merged', () => {
    let current = live;
    for (let i = 0; i < 12; i++) {
      const object = { ...current, metadata: { ...current['metadata'] as JsonObject, labels: { ...(current['metadata'] as JsonObject)['labels'] as JsonObject, [`l${i}`]: 'v' } } };
      const time = `2026-01-01T00:01:${String(i).padStart(2, '0')}Z`;
      current = { ...object, metadata: { ...object['metadata'] as JsonObject, managedFields: fields.update({ live: current, object, manager: `m${i}`, time }) as never } };
    }
    const names = (entriesIn(current) ?? []).map((entry) => entry.manager);
    assert.equal(names.length, 10);
    assert.equal(names[0], 'ancient-changes');
  });
});

test('apply', async (t) => {
  const first = fields.apply({ live: undefined, config: config({ replicas: 1, items: [{ name: 'a', image: 'i' }] }), manager: 'm1', force: false, time: T1 });
  const live = thing({ replicas: 1, items: [{ name: 'a', image: 'i', resources: {} }] }, {}, entriesIn(first.object));
  await t.test('creates and owns', () => {
    assert.equal(first.changed, true);
    assert.deepEqual(owned(entriesIn(first.object)), { 'm1 Apply 01': '{"f:spec":{"f:items":{"k:{\\"name\\":\\"a\\"}":{".":{},"f:image":{},"f:name":{}}},"f:replicas":{}}}' });
  });
  await t.test('the same by another is shared, without a time', () => {
    const again = fields.apply({ live, config: config({ replicas: 1 }), manager: 'm2', force: false, time: T2 });
    assert.equal(again.changed, false);
    assert.equal(owned(entriesIn(again.object))['m2 Apply'], '{"f:spec":{"f:replicas":{}}}');
  });
  const steal = (force: boolean) => fields.apply({ live, config: config({ replicas: 2, items: [{ name: 'a', image: 'j' }] }), manager: 'm2', force, time: T2 });
  await t.test('conflicts', () => {
    assert.equal(conflict(() => steal(false)), '409 Apply failed with 2 conflicts: conflicts with "m1":\n- .spec.replicas\n- .spec.items[name="a"].image');
    assert.equal(conflict(() => fields.apply({ live, config: config({ replicas: 2 }), manager: 'm2', force: false, time: T2 })),
      '409 Apply failed with 1 conflict: conflict with "m1": .spec.replicas');
  });
  await t.test('force', () => {
    const { object } = steal(true);
    assert.deepEqual((object['spec'] as JsonObject)['items'], [{ name: 'a', image: 'j', resources: {} }]);
    assert.deepEqual(owned(entriesIn(object)), {
      'm1 Apply 01': '{"f:spec":{"f:items":{"k:{\\"name\\":\\"a\\"}":{".":{},"f:name":{}}}}}',
      'm2 Apply 02': '{"f:spec":{"f:items":{"k:{\\"name\\":\\"a\\"}":{".":{},"f:image":{},"f:name":{}}},"f:replicas":{}}}',
    });
  });
  await t.test('what is no longer applied goes, unless another owns it', () => {
    const shared = fields.apply({ live, config: config({ replicas: 1 }), manager: 'm2', force: false, time: T2 }).object;
    const { object } = fields.apply({ live: shared, config: config({ words: ['w'] }), manager: 'm1', force: false, time: T2 });
    assert.deepEqual(object['spec'], { replicas: 1, selector: null, words: ['w'] });
  });
  await t.test('an object not tracked before', () => {
    const { object } = fields.apply({ live: thing({ replicas: 1, words: ['a'] }), config: config({ replicas: 1 }), manager: 'm1', force: false, time: T2 });
    assert.deepEqual(owned(entriesIn(object)), {
      'm1 Apply': '{"f:spec":{"f:replicas":{}}}', 'before-first-apply Update 02': '{"f:spec":{"f:replicas":{},"f:words":{".":{},"v:\\"a\\"":{}}}}',
    });
  });
  await t.test('what is refused', () => {
    const apply = (body: JsonObject) => conflict(() => fields.apply({ live, config: body, manager: 'm', force: false, time: T2 }));
    assert.equal(apply({ ...config({}), kind: 'Other' }), '400 invalid object type: t/v1, Kind=Other');
    assert.equal(apply({}), '400 invalid object type: /, Kind=');
    assert.equal(apply(config({}, { managedFields: [] })), '400 metadata.managedFields must be nil');
    assert.equal(apply(config({ nope: 1 })), '500 failed to create typed patch object (/x; t/v1, Kind=Thing): .spec.nope: field not declared in schema');
    assert.equal(apply(config({ words: [5] })), '500 failed to create typed patch object (/x; t/v1, Kind=Thing): .spec.words[=5]: expected string, got &value.valueUnstructured{Value:5}');
    assert.equal(apply(config({ words: ['a', 'a'] })), '500 failed to create typed patch object (/x; t/v1, Kind=Thing): .spec: duplicate entries for key [="a"]'.replace('.spec:', '.spec.words:'));
  });
  await t.test('kubectl takes over from client-side apply', () => {
    const annotation = 'kubectl.kubernetes.io/last-applied-configuration';
    const clientSide = thing({ replicas: 1 }, { annotations: { [annotation]: JSON.stringify(config({ replicas: 1 })) } });
    const before: JsonObject = { ...clientSide, metadata: { ...clientSide['metadata'] as JsonObject, managedFields: fields.update({ live: undefined, object: clientSide, manager: 'kubectl-client-side-apply', time: T1 }) as never } };
    const { object } = fields.apply({ live: before, config: config({ replicas: 3 }), manager: 'kubectl', force: false, time: T2 });
    assert.equal((object['spec'] as JsonObject)['replicas'], 3);
    assert.equal(((object['metadata'] as JsonObject)['annotations'] as JsonObject)[annotation], '{"apiVersion":"t/v1","kind":"Thing","metadata":{"name":"x"},"spec":{"replicas":3}}\n');
    assert.match(conflict(() => fields.apply({ live: before, config: config({ replicas: 3 }), manager: 'else', force: false, time: T2 })), /^409/);
  });
});

test('kinds without a schema', () => {
  const loose = createFieldManager({
    group: 'g', version: 'v1', kind: 'Loose', subresource: '', empty: { apiVersion: 'g/v1', kind: 'Loose' },
    versions: { type: () => DEDUCED, convert: (object) => object },
  });
  const { object } = loose.apply({ live: undefined, config: { apiVersion: 'g/v1', kind: 'Loose', metadata: { name: 'l' }, spec: { a: { b: [1] }, e: {} } }, manager: 'm', force: false, time: T1 });
  assert.deepEqual(owned(entriesIn(object)), { 'm Apply 01': '{"f:spec":{".":{},"f:a":{".":{},"f:b":{}},"f:e":{}}}' });
});

test('the scale subresource', () => {
  const paths = { 't/v1': ['f:spec', 'f:replicas'] };
  const parent: ManagedFieldsEntry[] = [
    { manager: 'm1', operation: 'Apply', apiVersion: 't/v1', time: T1, fieldsType: 'FieldsV1', fieldsV1: { 'f:spec': { 'f:replicas': {}, 'f:words': {} } } },
    { manager: 'm2', operation: 'Update', apiVersion: 't/v1', time: T1, fieldsType: 'FieldsV1', fieldsV1: { 'f:spec': { 'f:words': {} } } },
  ];
  assert.deepEqual(owned(scaleEntries(parent, paths)), { 'm1 Apply 01': '{"f:spec":{"f:replicas":{}}}' });
  const taken: ManagedFieldsEntry[] = [{ manager: 's', operation: 'Update', apiVersion: 'autoscaling/v1', time: T2, subresource: 'scale', fieldsType: 'FieldsV1', fieldsV1: { 'f:spec': { 'f:replicas': {} } } }];
  assert.deepEqual(owned(parentEntries(parent, taken, 't/v1', paths)), {
    'm1 Apply 01': '{"f:spec":{"f:words":{}}}', 'm2 Update 01': '{"f:spec":{"f:words":{}}}', 's Update': '{"f:spec":{"f:replicas":{}}}',
  });
});

test('a write that only renews times is none', () => {
  const entry = (time: string): ManagedFieldsEntry => ({ manager: 'm', operation: 'Apply', apiVersion: 't/v1', time, fieldsType: 'FieldsV1', fieldsV1: {} });
  const old = thing({ replicas: 1 }, {}, [entry(T1)]);
  assert.deepEqual(withoutNewTimes(thing({ replicas: 1 }, {}, [entry(T2)]), old), old);
  const changed = thing({ replicas: 2 }, {}, [entry(T2)]);
  assert.equal(withoutNewTimes(changed, old), changed);
});
