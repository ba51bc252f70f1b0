import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { jobDefinition } from './definition.ts';

const rules = rulesOf(jobDefinition, `
metadata: {name: j, namespace: ns}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}
`);

test('a new job', () => {
  const rows: Row[] = [
    [''],
    ['spec: {parallelism: -1}', 'spec.parallelism: Invalid value: -1: must be greater than or equal to 0'],
    ['spec: {template: {spec: {restartPolicy: Always}}}', 'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
    ['spec: {completionMode: Indexed}'],
    ['spec: {completionMode: Odd}', 'spec.completionMode: Unsupported value: "Odd": supported values: "NonIndexed", "Indexed"'],
    ['spec: {backoffLimitPerIndex: 1}', 'spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode'],
    ['spec: {maxFailedIndexes: 1}',
      'spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified',
      'spec.maxFailedIndexes: Invalid value: 1: requires indexed completion mode'],
    ['spec: {successPolicy: {rules: [{succeededCount: 1}]}}',
      'spec.successPolicy: Invalid value: {"Rules":[{"SucceededIndexes":null,"SucceededCount":1}]}: requires indexed completion mode'],
    ['spec: {podReplacementPolicy: Odd}', 'spec.podReplacementPolicy: Unsupported value: "Odd": supported values: "Failed", "TerminatingOrFailed"'],
    ['spec: {managedBy: odd}', 'spec.managedBy: Invalid value: "odd": must be a domain-prefixed path (such as "acme.io/foo")'],
    ['spec: {podFailurePolicy: {rules: [{action: Odd, onExitCodes: {operator: In, values: [1]}}]}}',
      'spec.podFailurePolicy.rules[0].action: Unsupported value: "Odd": supported values: "Count", "FailIndex", "FailJob", "Ignore"'],
    ['spec: {podFailurePolicy: {rules: [{action: Ignore}]}}',
      'spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required'],
    ['spec: {podFailurePolicy: {rules: [{action: Ignore, onExitCodes: {operator: In, values: [0, 2, 1]}}]}}',
      'spec.podFailurePolicy.rules[0].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator',
      'spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [0,2,1]: must be ordered'],
    ['spec: {manualSelector: true}',
      'spec.selector: Required value',
      'spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed job', () => {
  const rows: Row[] = [
    ['spec: {completions: 3}', 'spec.completions: Invalid value: 3: field is immutable'],
    ['spec: {parallelism: 3}'],
    ['spec: {backoffLimit: 3}'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
  assert.deepEqual(rules.update('spec: {completions: 4}', 'spec: {completionMode: Indexed, completions: 3, parallelism: 3}').causes,
    ['spec.completions: Invalid value: 4: can only be modified in tandem with spec.parallelism']);
});

test('the status of a job', () => {
  const rows: Row[] = [
    ['status: {active: -1}', 'status.active: Invalid value: -1: must be greater than or equal to 0'],
    ['status: {conditions: [{type: Complete, status: "True"}]}',
      'status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition',
      'status.completionTime: Required value: completionTime is required for Complete jobs',
      'status.startTime: Required value: startTime is required for finished job'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.updateStatus(patch).causes, causes, patch);
});
