import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '#machinery/meta';
import { toAutoscalerV1, toAutoscalerV2 } from './conversion.ts';

type Loose = KubeObject & Record<string, unknown>;

const CPU = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } };
const OTHERS = [
  { type: 'Object', object: { describedObject: { kind: 'K', name: 'k' }, metric: { name: 'm' }, target: { type: 'AverageValue', averageValue: '5' } } },
  { type: 'Pods', pods: { metric: { name: 'm', selector: { matchLabels: { a: 'b' } } }, target: { type: 'AverageValue', averageValue: '5' } } },
  { type: 'External', external: { metric: { name: 'q' }, target: { type: 'Value', value: '3' } } },
  { type: 'ContainerResource', containerResource: { name: 'memory', container: 'c', target: { type: 'AverageValue', averageValue: '1Mi' } } },
];
const autoscaler = (metrics: unknown[], spec: object = {}): KubeObject => ({
  apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name: 'a' },
  spec: { maxReplicas: 3, scaleTargetRef: { kind: 'Deployment', name: 'd', apiVersion: 'apps/v1' }, metrics, ...spec }, status: { currentReplicas: 1, desiredReplicas: 1 },
} as KubeObject);

test('v1 has the CPU percentage as a field, the rest in annotations', () => {
  const v1 = toAutoscalerV1(autoscaler([CPU, OTHERS[2]])) as Loose;
  assert.deepEqual(v1['spec'], { maxReplicas: 3, scaleTargetRef: { kind: 'Deployment', name: 'd', apiVersion: 'apps/v1' }, targetCPUUtilizationPercentage: 50 });
  assert.deepEqual(v1.metadata.annotations, {
    'autoscaling.alpha.kubernetes.io/metrics': '[{"type":"External","external":{"metricName":"q","targetValue":"3"}}]',
  });
});

test('nothing is lost on the way through v1', () => {
  const behavior = { scaleUp: { selectPolicy: 'Max', policies: [{ type: 'Pods', value: 1, periodSeconds: 3 }] } };
  const v2 = autoscaler([...OTHERS, CPU], { behavior });
  const back = toAutoscalerV2(toAutoscalerV1(v2)) as Loose;
  assert.deepEqual(back['spec'], (v2 as Loose)['spec']);
  assert.equal(back.metadata.annotations, undefined);
});

test('annotations of the wrong shape count as absent', () => {
  for (const text of ['x', '{}', '[3]', '[{"type":3}]', '[{"type":"Pods","pods":{"targetAverageValue":{}}}]']) {
    const v1 = { ...autoscaler([]), metadata: { name: 'a', annotations: { 'autoscaling.alpha.kubernetes.io/metrics': text, 'autoscaling.alpha.kubernetes.io/behavior': text } } };
    const { metrics, behavior } = (toAutoscalerV2(v1) as Loose)['spec'] as Record<string, unknown>;
    assert.equal((metrics as unknown[]).length, 1, text);
    assert.equal(behavior, undefined, text);
  }
});
