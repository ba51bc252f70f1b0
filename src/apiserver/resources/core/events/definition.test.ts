import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { eventDefinition } from './definition.ts';

const rules = rulesOf(eventDefinition, `
metadata: {name: e, namespace: ns}
involvedObject: {kind: Pod, namespace: ns, name: p}
reason: r
message: m
type: Normal
`);

test('a new event', () => {
  const rows: Row[] = [
    [''],
    ['involvedObject: {namespace: other}', 'involvedObject.namespace: Invalid value: "other": does not match event.namespace'],
    ['reason: null'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed event', () => {
  const rows: Row[] = [
    ['message: other'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});
