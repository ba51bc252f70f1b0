/**
 * Laws of server-side apply over generated sequences, beside a model: an object is a map of leaves, each owned by those who
 * applied it last with the value it has. A failure prints seed and path.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeSorted } from '../codec/json-encode.ts';
import type { FieldsV1, ManagedFieldsEntry } from '../meta.ts';
import type { JsonObject, JsonValue } from '../patch/json-value.ts';
import { parseSchema } from '../schema/parse.ts';
import { StatusError } from '../status-error.ts';
import { emptyObject } from './empty-object.ts';
import { createFieldManager } from './field-manager.ts';
import { difference, EMPTY_SET, intersection, isEmptySet, setOfPaths, union, type FieldSet } from './field-set.ts';
import { mergeTypeOf } from './merge-type.ts';

const SETTINGS = { seed: 36, numRuns: 300, includeErrorInReport: true };
const TYPES = parseSchema('t/v1', `
kind Thing
  1 metadata Meta keep
  2 spec Spec keep
type Meta
  1 name string
  2 labels map[string]
  3 managedFields []JSON list=atomic
type Spec
  1 replicas *int32
  2 items []Item list=map(name)
  3 words []string list=set
  4 whole []Item list=atomic
  5 selector *Selector
  6 pairs []Pair list=map(port,protocol)
type Item
  1 name! string keep
  2 image string
  3 limits map[string]
type Pair
  1 port! int32 keep
  2 protocol! string keep
  3 note string
type Selector atomic
  1 labels map[string]
`);
const resolve = (name: string) => TYPES.get(name);
const fields = createFieldManager({
  group: 't', version: 'v1', kind: 'Thing', subresource: '', empty: emptyObject('t/v1.Thing', resolve),
  versions: { type: (apiVersion) => (apiVersion === 't/v1' ? mergeTypeOf('t/v1.Thing', resolve) : undefined), convert: (object) => object, resetFields: () => EMPTY_SET },
});

const name = fc.constantFrom('a', 'b', 'c');
const text = fc.constantFrom('x', 'y');
const some = fc.dictionary(name, text, { minKeys: 1, maxKeys: 2, noNullPrototype: true });
const optional = <T extends object>(shape: { [K in keyof T]: fc.Arbitrary<T[K]> }, ...required: (keyof T)[]): fc.Arbitrary<T> => fc.record(shape, { requiredKeys: required, noNullPrototype: true }) as fc.Arbitrary<T>;
const item = optional({ name, image: text, limits: some }, 'name');
const pair = optional({ port: fc.constantFrom(1, 2), protocol: fc.constantFrom('T', 'U'), note: text }, 'port', 'protocol');
const spec = optional({
  replicas: fc.integer({ min: 0, max: 2 }), items: fc.uniqueArray(item, { minLength: 1, maxLength: 3, selector: (one) => one.name }), words: fc.uniqueArray(name, { minLength: 1, maxLength: 3 }),
  whole: fc.array(item, { minLength: 1, maxLength: 2 }), selector: optional({ labels: some }, 'labels'), pairs: fc.uniqueArray(pair, { minLength: 1, maxLength: 3, selector: (one) => `${one.port} ${one.protocol}` }),
});
const config = fc.tuple(spec, fc.option(some, { nil: undefined })).map(([wanted, labels]) => ({
  apiVersion: 't/v1', kind: 'Thing', metadata: { name: 'x', ...(labels === undefined ? {} : { labels }) }, ...(Object.keys(wanted).length === 0 ? {} : { spec: wanted }),
}) as unknown as JsonObject);

/** Leaf → its value as text. Paths in the words of conflicts. */
type Leaves = ReadonlyMap<string, string>;
const LIST_KEYS: Readonly<Record<string, readonly string[]>> = { items: ['name'], pairs: ['port', 'protocol'] };

function leavesOf(object: JsonObject): Map<string, string> {
  const leaves = new Map<string, string>();
  const walk = (at: string, field: string, value: JsonValue | undefined): void => {
    if (value === undefined || value === null) return;
    if (field === 'words') { for (const word of value as string[]) leaves.set(`${at}["${word}"]`, ''); return; }
    const keys = LIST_KEYS[field];
    if (keys !== undefined) {
      for (const one of value as JsonObject[]) {
        const place = `${at}[${keys.map((key) => `${key}=${JSON.stringify(one[key])}`).join(',')}]`;
        leaves.set(place, '');
        for (const inner of Object.keys(one)) walk(`${place}.${inner}`, inner, one[inner]);
      }
    } else if (field === 'whole' || field === 'selector') {
      if (!Array.isArray(value) || value.length > 0) leaves.set(at, encodeSorted(value));
    } else if (typeof value === 'object') for (const inner of Object.keys(value)) walk(`${at}.${inner}`, inner, (value as JsonObject)[inner]);
    else leaves.set(at, JSON.stringify(value));
  };
  walk('.metadata.labels', 'labels', (object['metadata'] as JsonObject)['labels']);
  walk('.spec', 'spec', object['spec']);
  return leaves;
}

const entriesOf = (object: JsonObject): ManagedFieldsEntry[] => (object['metadata'] as JsonObject)['managedFields'] as unknown as ManagedFieldsEntry[] ?? [];

/** Who owns each leaf, by the entries of an object. */
function ownersIn(object: JsonObject): Map<string, string[]> {
  const owners = new Map<string, string[]>();
  for (const { manager, fieldsV1 } of entriesOf(object)) {
    const walk = (set: FieldsV1, at: string): void => {
      const inner = Object.keys(set).filter((key) => key !== '.');
      if (at !== '' && (inner.length === 0 || set['.'] !== undefined)) owners.set(at, [...owners.get(at) ?? [], manager!].sort());
      for (const key of inner) walk(set[key] as FieldsV1, at + wordOf(key));
    };
    walk(fieldsV1!, '');
  }
  return owners;
}

function wordOf(key: string): string {
  if (key.startsWith('f:')) return `.${key.slice(2)}`;
  if (key.startsWith('v:')) return `[${key.slice(2)}]`;
  return `[${Object.entries(JSON.parse(key.slice(2)) as object).map(([part, value]) => `${part}=${JSON.stringify(value)}`).join(',')}]`;
}

interface Step { readonly manager: string; readonly config: JsonObject; readonly force: boolean }
const step: fc.Arbitrary<Step> = fc.record({ manager: fc.constantFrom('m', 'n', 'o'), config, force: fc.boolean() });

/** What should be, and who should own it. */
class Model {
  leaves = new Map<string, string>();
  owners = new Map<string, Set<string>>();

  conflicts({ manager, config: wanted }: Step): string[] {
    const found: string[] = [];
    for (const [leaf, value] of leavesOf(wanted)) {
      if (this.leaves.has(leaf) && this.leaves.get(leaf) !== value) for (const owner of this.owners.get(leaf) ?? []) if (owner !== manager) found.push(leaf);
    }
    return found.sort();
  }

  apply({ manager, config: wanted }: Step): void {
    const leaves = leavesOf(wanted);
    for (const [leaf, value] of leaves) {
      if (this.leaves.get(leaf) !== value) this.owners.set(leaf, new Set());
      this.leaves.set(leaf, value);
      this.owners.get(leaf)!.add(manager);
    }
    for (const [leaf, owners] of [...this.owners]) {
      if (leaves.has(leaf) || !owners.delete(manager) || owners.size > 0) continue;
      this.owners.delete(leaf);
      this.leaves.delete(leaf);
    }
  }
}

function apply(live: JsonObject | undefined, { manager, config: wanted, force }: Step): { object: JsonObject; changed: boolean } | string[] {
  try {
    return fields.apply({ live, config: wanted, manager, force, time: '2026-01-01T00:00:00Z' });
  } catch (error) {
    assert.ok(error instanceof StatusError && error.code === 409, String(error));
    return (error.status.details!.causes ?? []).map((cause) => cause.field!).sort();
  }
}

const sorted = (leaves: Leaves | ReadonlyMap<string, Iterable<string>>): unknown => [...leaves].map(([leaf, value]) => [leaf, typeof value === 'string' ? value : [...value].sort()]).sort(([a], [b]) => (a! < b! ? -1 : 1));

test('apply: as the model, step by step: conflicts, values, owners', () => {
  let refused = 0;
  fc.assert(fc.property(fc.array(step, { minLength: 1, maxLength: 7 }), (steps) => {
    const model = new Model();
    let live: JsonObject | undefined;
    for (const one of steps) {
      const expected = one.force ? [] : model.conflicts(one);
      const outcome = apply(live, one);
      if (Array.isArray(outcome)) {
        refused++;
        assert.deepEqual(outcome, expected);
        continue;
      }
      assert.deepEqual(expected, [], 'taken, where a conflict was due');
      model.apply(one);
      live = outcome.object;
      assert.deepEqual(sorted(leavesOf(live)), sorted(model.leaves));
      assert.deepEqual(sorted(ownersIn(live)), sorted(model.owners));
    }
  }), SETTINGS);
  assert.ok(refused > 50, `only ${refused} conflicts`);
});

test('apply: twice is once', () => {
  fc.assert(fc.property(fc.array(step, { minLength: 1, maxLength: 4 }), step, (steps, last) => {
    let live: JsonObject | undefined;
    for (const one of [...steps, last]) live = (apply(live, { ...one, force: true }) as { object: JsonObject }).object;
    const again = apply(live, { ...last, force: false });
    assert.ok(!Array.isArray(again), `conflicts with itself: ${String(again)}`);
    assert.equal(again.changed, false);
    assert.deepEqual(again.object, live);
  }), SETTINGS);
});

test('apply: whoever comes second meets the same conflicts', () => {
  fc.assert(fc.property(config, config, (first, second) => {
    const meet = (one: JsonObject, other: JsonObject): unknown => {
      const live = apply(undefined, { manager: 'm', config: one, force: false }) as { object: JsonObject };
      const outcome = apply(live.object, { manager: 'n', config: other, force: false });
      return Array.isArray(outcome) ? outcome : [];
    };
    assert.deepEqual(meet(first, second), meet(second, first));
  }), SETTINGS);
});

test('apply: what came with one manager goes with it', () => {
  const nothing = { apiVersion: 't/v1', kind: 'Thing', metadata: { name: 'x' } } as JsonObject;
  fc.assert(fc.property(config, config, (first, second) => {
    const before = (apply(undefined, { manager: 'm', config: first, force: false }) as { object: JsonObject }).object;
    const outcome = apply(before, { manager: 'n', config: second, force: false });
    if (Array.isArray(outcome)) return;
    const after = (apply(outcome.object, { manager: 'n', config: nothing, force: false }) as { object: JsonObject }).object;
    assert.deepEqual(sorted(leavesOf(after)), sorted(leavesOf(before)));
    assert.deepEqual(sorted(ownersIn(after)), sorted(ownersIn(before)));
  }), SETTINGS);
});

test('update: what is written is owned by the writer and nobody who had another value', () => {
  fc.assert(fc.property(config, config, (first, second) => {
    const live = (apply(undefined, { manager: 'm', config: first, force: false }) as { object: JsonObject }).object;
    // An object that nobody has owned anything of is not tracked.
    if (ownersIn(live).size === 0) return;
    const { managedFields: entries } = live['metadata'] as JsonObject;
    const object = { ...second, metadata: { ...second['metadata'] as JsonObject, managedFields: entries! } } as JsonObject;
    const managedFields = fields.update({ live, object, manager: 'u', time: '2026-01-01T00:00:01Z' });
    const before = leavesOf(live);
    const owners = ownersIn({ ...object, metadata: { ...object['metadata'] as JsonObject, managedFields: managedFields as unknown as JsonValue } } as JsonObject);
    for (const [leaf, value] of leavesOf(second)) {
      assert.deepEqual(owners.get(leaf), before.get(leaf) === value ? ['m'] : ['u'], leaf);
    }
    for (const leaf of before.keys()) if (!leavesOf(second).has(leaf)) assert.equal(owners.get(leaf), undefined, `${leaf} is gone`);
  }), SETTINGS);
});

test('sets of fields: an algebra', () => {
  const path = fc.array(fc.constantFrom('f:a', 'f:b', 'k:{"n":"x"}', 'v:1'), { minLength: 1, maxLength: 4 });
  const set = fc.array(path, { maxLength: 6 }).map((paths) => ({ set: setOfPaths(...paths), members: new Set(paths.map(String)) }));
  const members = (given: FieldSet, at: readonly string[] = [], into = new Set<string>()): Set<string> => {
    const inner = Object.keys(given).filter((key) => key !== '.');
    if (at.length > 0 && (inner.length === 0 || given['.'] !== undefined)) into.add(String(at));
    for (const key of inner) members(given[key] as FieldSet, [...at, key], into);
    return into;
  };
  const equal = (given: FieldSet, wanted: Iterable<string>): void => assert.deepEqual([...members(given)].sort(), [...new Set(wanted)].sort());
  fc.assert(fc.property(set, set, set, (a, b, c) => {
    equal(a.set, a.members);
    equal(union(a.set, b.set), [...a.members, ...b.members]);
    equal(intersection(a.set, b.set), [...a.members].filter((one) => b.members.has(one)));
    equal(difference(a.set, b.set), [...a.members].filter((one) => !b.members.has(one)));
    equal(union(union(a.set, b.set), c.set), members(union(a.set, union(b.set, c.set))));
    equal(union(difference(a.set, b.set), intersection(a.set, b.set)), a.members);
    assert.equal(isEmptySet(difference(a.set, a.set)), true);
  }), SETTINGS);
});
