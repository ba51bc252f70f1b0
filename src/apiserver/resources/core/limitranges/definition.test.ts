import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { limitRangeDefinition } from './definition.ts';

const rules = rulesOf(limitRangeDefinition, `
metadata: {name: l, namespace: ns}
spec: {limits: [{type: Container, max: {cpu: 2}}]}
`);

test('a new limit range', () => {
  const rows: Row[] = [
    [''],
    ['spec: {limits: [{type: Container, max: {cpu: 1}, min: {cpu: 2}}]}',
      'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
      'spec.limits[0].defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than default request value 1',
      'spec.limits[0].default[cpu]: Invalid value: "2": min value 2 is greater than default value 1'],
    ['spec: {limits: [{type: Pod, default: {cpu: 1}}]}', "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'"],
    ['spec: {limits: [{type: Container}, {type: Container}]}', 'spec.limits[1].type: Duplicate value: "Container"'],
    ['spec: {limits: [{type: Container, maxLimitRequestRatio: {cpu: 0.5}}]}',
      'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed limit range', () => {
  const rows: Row[] = [
    ['spec: {limits: [{type: PersistentVolumeClaim}]}',
      'spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});
