import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { eventsEventDefinition } from './definition.ts';

const rules = rulesOf(eventsEventDefinition, `
metadata: {name: e, namespace: ns}
eventTime: "2026-01-01T00:00:00.000000Z"
reason: r
action: a
type: Normal
reportingController: c.io/c
reportingInstance: i
regarding: {kind: Pod, namespace: ns, name: p}
`);

test('a new event', () => {
  const rows: Row[] = [
    [''],
    ['type: Odd', 'type: Invalid value: "": has invalid value: Odd'],
    ['reason: null', 'reason: Required value'],
    ['eventTime: null', 'eventTime: Required value'],
    ['regarding: {namespace: other}'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed event', () => {
  const rows: Row[] = [
    ['reason: s', 'reason: Invalid value: "s": field is immutable', 'reason: Invalid value: "s": field is immutable'],
    ['series: {count: 2, lastObservedTime: "2026-01-01T00:00:01.000000Z"}'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});
