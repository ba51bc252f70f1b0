import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { deploymentDefinition } from './definition.ts';

const rules = rulesOf(deploymentDefinition, `
metadata: {name: d, namespace: ns}
spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}
`);

test('a new deployment', () => {
  const rows: Row[] = [
    [''],
    ['spec: {replicas: -1}', 'spec.replicas: Invalid value: -1: must be greater than or equal to 0'],
    ['spec: {selector: null}',
      'spec.selector: Required value',
      'spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`'],
    ['spec: {selector: {matchLabels: {a: c}}}',
      'spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`'],
    ['spec: {strategy: {type: Odd}}',
      'spec.strategy: Unsupported value: {"Type":"Odd","RollingUpdate":null}: supported values: "Recreate", "RollingUpdate"'],
    ['spec: {strategy: {type: Recreate, rollingUpdate: {maxSurge: 1}}}',
      "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
    ['spec: {strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0}}}',
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0'],
    ['spec: {strategy: {rollingUpdate: {maxUnavailable: 200%}}}',
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "200%": must not be greater than 100%'],
    ['spec: {progressDeadlineSeconds: 5, minReadySeconds: 5}',
      'spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds'],
    ['spec: {revisionHistoryLimit: -1}', 'spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0'],
    ['spec: {template: {spec: {restartPolicy: Never}}}', 'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed deployment', () => {
  const rows: Row[] = [
    ['spec: {selector: {matchLabels: {a: c}}, template: {metadata: {labels: {a: c}}}}',
      'spec.selector: Invalid value: {"matchLabels":{"a":"c"}}: field is immutable'],
    ['spec: {replicas: 3}'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});

test('the status of a deployment', () => {
  const rows: Row[] = [
    ['status: {replicas: 1, readyReplicas: 2, availableReplicas: 3}',
      'status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas',
      'status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas',
      'status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.updateStatus(patch).causes, causes, patch);
  assert.deepEqual(rules.updateStatus('status: {collisionCount: 1}', 'status: {collisionCount: 2}').causes,
    ['status.collisionCount: Invalid value: 1: cannot be decremented']);
});

test('defaults of a deployment', () => {
  const { object } = rules.create();
  const { selector: _selector, template: _template, ...spec } = object.spec!;
  assert.deepEqual(spec, {
    replicas: 1, strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } }, revisionHistoryLimit: 10, progressDeadlineSeconds: 600,
  });
  assert.equal(object.metadata.generation, 1);
});

test('the generation counts changes of the spec only', () => {
  assert.equal(rules.update('metadata: {labels: {c: d}}').object.metadata.generation, 1);
  assert.equal(rules.update('spec: {replicas: 4}').object.metadata.generation, 2);
});
