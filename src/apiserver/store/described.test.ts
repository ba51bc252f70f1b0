import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '#api/generated/core/v1';
import { pickJson, type WantedFields } from '#machinery/codec/json-pick';
import type { KubeObject } from '#machinery/meta';
import type { KeyValue } from '#storage/contract';
import { registeredResources } from '../resources/registry.ts';
import { bytesNow, describe, sizeOf, unsettled, type Describer } from './described.ts';

/** Notes which paths of an object are looked at. */
function spied(value: unknown, path: string, seen: Set<string>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return new Proxy(value, {
    get(target, name) {
      const found = Reflect.get(target, name) as unknown;
      if (typeof name !== 'string') return found;
      seen.add(`${path}.${name}`);
      return spied(found, `${path}.${name}`, seen);
    },
  });
}

const covers = (wanted: true | WantedFields | undefined, path: readonly string[]): boolean =>
  wanted === true || (wanted !== undefined && (path.length === 0 || covers(wanted[path[0]!], path.slice(1))));

const pod: Pod = {
  metadata: { name: 'p', namespace: 'n', labels: { a: 'é', 'b/c': '' }, annotations: { 'x"': '\\' } },
  spec: { containers: [{ name: 'c', image: 'i' }], nodeName: 'm1', restartPolicy: 'Never', schedulerName: 's', serviceAccountName: 'robot', hostNetwork: true },
  status: { phase: 'Running', podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }], nominatedNodeName: 'm2', conditions: [] },
};

test('what is picked for the fields of a kind is all that they look at', () => {
  let checked = 0;
  for (const { info, definition } of registeredResources()) {
    if (definition.selectableFieldsFrom === undefined) continue;
    checked++;
    const seen = new Set<string>();
    definition.selectableFields!(spied(pod, '', seen) as never);
    for (const path of seen) assert.ok(covers(definition.selectableFieldsFrom, path.split('.').slice(1)), `${info.resource}: ${path}`);
  }
  assert.ok(checked > 0);
});

test('an object that is lent is described as one that is held', () => {
  const { definition } = registeredResources().find(({ info }) => info.group === '' && info.resource === 'pods')!;
  const describer: Describer = {
    namespaced: true, canonical: (bytes) => bytes, fields: (object: KubeObject) => definition.selectableFields!(object as never),
    wanted: { ...definition.selectableFieldsFrom, metadata: { labels: true } },
  };
  for (const one of [pod, { ...pod, status: {} }, { metadata: { name: 'p', namespace: 'n' }, spec: { containers: [] } }]) {
    const bytes = Buffer.from(JSON.stringify(one));
    const lent = { size: bytes.length, value: bytes, peek: () => bytes };
    const item: KeyValue = { key: 'n/p', modRevision: 7, createRevision: 7, value: bytes, lent };
    const held = describe('n/p', bytes, 7, describer);
    const borrowed = unsettled('n/p', item, describer);
    for (const name of ['key', 'namespace', 'name', 'revision', 'labels', 'fields'] as const) assert.deepEqual(borrowed[name], held[name], name);
    assert.deepEqual([sizeOf(borrowed), bytesNow(borrowed), borrowed.lent, held.lent], [sizeOf(held), bytesNow(held), lent, undefined]);
  }
  assert.deepEqual(pickJson(Buffer.from('{"metadata":{"labels":{"a":"b"},"name":"x"}}'), describer.wanted!), { metadata: { labels: { a: 'b' } } });
});
