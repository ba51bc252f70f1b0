import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { horizontalPodAutoscalerDefinition } from './definition.ts';

const rules = rulesOf(horizontalPodAutoscalerDefinition, `
metadata: {name: a, namespace: ns}
spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: d}}
`);

test('a new autoscaler', () => {
  const rows: Row[] = [
    [''],
    ['spec: {maxReplicas: 0}',
      'spec.maxReplicas: Required value: must be set and greater than 0',
      'spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`'],
    ['spec: {minReplicas: 4}', 'spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`'],
    ['spec: {minReplicas: 0}',
      'spec.minReplicas: Invalid value: 0: must be greater than or equal to 1',
      'spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas'],
    ['spec: {scaleTargetRef: {apiVersion: v1}}', 'spec.scaleTargetRef.apiVersion: Invalid value: "v1": apiVersion must specify API group'],
    ['spec: {scaleTargetRef: {apiVersion: v1, kind: ReplicationController}}'],
    ['spec: {metrics: [{type: Odd}]}',
      'spec.metrics[0].type: Unsupported value: "Odd": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"',
      'spec.metrics[0].type: Unsupported value: "Odd": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"'],
    ['spec: {metrics: [{type: Resource}]}', 'spec.metrics[0].resource: Required value: must populate information for the given metric source'],
    ['spec: {metrics: [{type: Resource, resource: {name: cpu, target: {type: Value, value: 1}}}]}',
      'spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization'],
    ['spec: {metrics: [{type: Pods, pods: {metric: {name: m}, target: {type: AverageValue, averageValue: 0}}}]}',
      'spec.metrics[0].pods.target.averageValue: Invalid value: "0": must be positive'],
    ['spec: {metrics: [{type: External, external: {metric: {name: m}, target: {type: Value, value: 1, averageValue: 1}}}]}',
      'spec.metrics[0].external.target.value: Forbidden: may not set both a target value for metric and a per-pod target'],
    ['spec: {behavior: {scaleUp: {stabilizationWindowSeconds: 4000, policies: [{type: Odd, value: 0, periodSeconds: 0}]}}}',
      'spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 4000: must be less than or equal to 3600',
      'spec.behavior.scaleUp.policies[0].type: Unsupported value: "Odd": supported values: "Percent", "Pods"',
      'spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero',
      'spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 0: must be greater than zero'],
    ['spec: {behavior: {scaleDown: {selectPolicy: Odd}}}',
      'spec.behavior.scaleDown.selectPolicy: Unsupported value: "Odd": supported values: "Disabled", "Max", "Min"'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed autoscaler', () => {
  const rows: Row[] = [
    ['spec: {maxReplicas: 5}'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
  assert.deepEqual(rules.update('spec: {minReplicas: 0}', 'spec: {minReplicas: 0, metrics: [{type: Object, object: {describedObject: {kind: K, name: nn}, metric: {name: m}, target: {type: Value, value: 1}}}]}').causes,
    []);
});

test('the status of an autoscaler', () => {
  const rows: Row[] = [
    ['status: {currentReplicas: -1, desiredReplicas: 0}', 'status.currentReplicas: Invalid value: -1: must be greater than or equal to 0'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.updateStatus(patch).causes, causes, patch);
});

test('defaults of an autoscaler', () => {
  const { object } = rules.create('spec: {behavior: {scaleDown: {stabilizationWindowSeconds: 5}}}');
  const percent = { type: 'Percent', value: 100, periodSeconds: 15 };
  assert.deepEqual(object.spec, {
    maxReplicas: 3, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' }, minReplicas: 1,
    metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }],
    behavior: {
      scaleUp: { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }, percent] },
      scaleDown: { stabilizationWindowSeconds: 5, selectPolicy: 'Max', policies: [percent] },
    },
  });
});
