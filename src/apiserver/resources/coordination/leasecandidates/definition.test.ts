import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { leaseCandidateDefinition } from './definition.ts';

const rules = rulesOf(leaseCandidateDefinition, `
metadata: {name: l, namespace: ns}
spec: {leaseName: l, binaryVersion: 1.36.0, emulationVersion: 1.36.0, strategy: OldestEmulationVersion}
`);

test('a new candidate', () => {
  const rows: Row[] = [
    [''],
    ['spec: {leaseName: null}', 'spec.leaseName: Required value'],
    ['spec: {binaryVersion: 1.36.0-rc.1}', 'spec.binaryVersion: Invalid value: "1.36.0-rc.1": must be greater than or equal to `emulationVersion`'],
    ['spec: {binaryVersion: v1.36.0}',
      'spec.binaryVersion: Invalid value: "v1.36.0": must be a valid semantic version',
      'spec.binaryVersion: Invalid value: "v1.36.0": must be greater than or equal to `emulationVersion`'],
    ['spec: {emulationVersion: null}', "spec.emulationVersion: Required value: must be specified when `strategy` is 'OldestEmulationVersion'"],
    ['spec: {strategy: Odd}', 'spec.strategy.strategy: Unsupported value: "Odd": supported values: "OldestEmulationVersion"'],
    ['spec: {strategy: a.io/b}'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed candidate', () => {
  const rows: Row[] = [
    ['spec: {leaseName: m}', 'spec.leaseName: Invalid value: "m": field is immutable'],
    ['spec: {binaryVersion: 1.37.0}'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});
