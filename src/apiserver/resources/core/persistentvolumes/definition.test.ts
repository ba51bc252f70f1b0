import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { persistentVolumeDefinition } from './definition.ts';

const rules = rulesOf(persistentVolumeDefinition, `
metadata: {name: v}
spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], hostPath: {path: /a}}
`);

test('a new volume', () => {
  const rows: Row[] = [
    [''],
    ['spec: {capacity: null}', 'spec.capacity: Required value', 'spec.capacity: Unsupported value: null: supported values: "storage"'],
    ['spec: {accessModes: []}', 'spec.accessModes: Required value'],
    ['spec: {hostPath: null}', 'spec: Required value: must specify a volume type'],
    ['spec: {accessModes: [Odd]}',
      'spec.accessModes: Unsupported value: "Odd": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"'],
    ['spec: {capacity: {storage: 0}}', 'spec.capacity[storage]: Invalid value: "0": must be greater than zero'],
    ['spec: {hostPath: {path: /a/../b}}', `spec.hostPath.path: Invalid value: "/a/../b": must not contain '..'`],
    ['spec: {persistentVolumeReclaimPolicy: Odd}',
      'spec.persistentVolumeReclaimPolicy: Unsupported value: "Odd": supported values: "Delete", "Recycle", "Retain"'],
    ['spec: {nfs: {server: a, path: /b}}', 'spec.nfs: Forbidden: may not specify more than 1 volume type'],
    ['spec: {hostPath: null, local: {path: /a}}', 'spec.nodeAffinity: Required value: Local volume requires node affinity'],
    ['spec: {volumeMode: Odd}', 'spec.volumeMode: Unsupported value: "Odd": supported values: "Block", "Filesystem"'],
    ['spec: {accessModes: [ReadWriteOnce, ReadWriteOncePod]}', 'spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed volume', () => {
  const rows: Row[] = [
    ['spec: {volumeMode: Block}', 'volumeMode: Invalid value: "Block": field is immutable'],
    ['spec: {capacity: {storage: 2Gi}}'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});
