import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FOREGROUND_FINALIZER, nodeOf, ORPHAN_FINALIZER, OwnerGraph, type Effects, type GraphNode } from './owner-graph.ts';

function node(uid: string, owners: string[] = [], extra: { namespace?: string; finalizers?: string[]; deleting?: boolean; block?: boolean; ownerName?: string } = {}): GraphNode {
  return nodeOf({
    metadata: {
      uid, name: uid, namespace: extra.namespace ?? 'default', ...(extra.finalizers && { finalizers: extra.finalizers }), ...(extra.deleting && { deletionTimestamp: 't' }),
      ownerReferences: owners.map((owner) => ({ apiVersion: 'v1', kind: 'ConfigMap', name: extra.ownerName ?? owner, uid: owner, ...(extra.block && { blockOwnerDeletion: true }) })),
    },
  }, 'v1', 'ConfigMap');
}

const checks = (effects: Effects): string[] => [...effects.check].sort();

test('an owner that goes has its dependents checked', () => {
  const graph = new OwnerGraph();
  graph.set(node('a'));
  assert.deepEqual(checks(graph.set(node('b', ['a']))), []);
  assert.deepEqual(checks(graph.delete('a')), ['b']);
});

test('a dependent before its owner is checked; sound once the owner is known', () => {
  const graph = new OwnerGraph();
  const child = node('b', ['a']);
  assert.deepEqual(checks(graph.set(child)), ['b']);
  assert.equal(graph.hasSoundOwners(child), false);
  assert.deepEqual(checks(graph.set(node('a'))), []);
  assert.equal(graph.hasSoundOwners(child), true);
});

test('B39: a reference that means another object, or one in another namespace, is checked and deletes nothing', () => {
  const graph = new OwnerGraph();
  graph.set(node('a'));
  assert.deepEqual(checks(graph.set(node('b', ['a'], { ownerName: 'other' }))), ['b']);
  const effects = graph.set(node('c', ['a'], { namespace: 'elsewhere' }));
  assert.deepEqual(checks(effects), ['c']);
  assert.equal(effects.invalidNamespace.length, 1);
});

test('foreground: dependents go, the owner is looked at when the last blocking one is gone', () => {
  const graph = new OwnerGraph();
  graph.set(node('a'));
  graph.set(node('b', ['a'], { block: true }));
  assert.deepEqual(checks(graph.set(node('a', [], { deleting: true, finalizers: [FOREGROUND_FINALIZER] }))), ['a', 'b']);
  assert.deepEqual(graph.blockingDependentsOf('a').map(({ uid }) => uid), ['b']);
  assert.deepEqual(checks(graph.delete('b')), ['a']);
  assert.deepEqual(graph.blockingDependentsOf('a'), []);
});

test('a dependent that no longer blocks lets its owner go', () => {
  const graph = new OwnerGraph();
  graph.set(node('a', [], { deleting: true, finalizers: [FOREGROUND_FINALIZER] }));
  graph.set(node('b', ['a'], { block: true }));
  assert.deepEqual(checks(graph.set(node('b', ['a']))), ['a']);
});

test('orphaning is noted once', () => {
  const graph = new OwnerGraph();
  const leaving = node('a', [], { deleting: true, finalizers: [ORPHAN_FINALIZER] });
  assert.deepEqual([...graph.set(leaving).orphan], ['a']);
  assert.deepEqual([...graph.set(leaving).orphan], []);
});

test('edges that are gone leave nothing behind', () => {
  const graph = new OwnerGraph();
  graph.set(node('a'));
  graph.set(node('b', ['a']));
  graph.set(node('b'));
  assert.deepEqual(graph.dependentsOf('a'), []);
  assert.deepEqual(checks(graph.delete('a')), []);
  graph.delete('b');
  assert.equal(graph.size(), 0);
});
