import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HorizontalPodAutoscaler } from '#api/generated/autoscaling/v2';
import { ScalingLimits } from './scaling-limits.ts';

type Behavior = NonNullable<HorizontalPodAutoscaler['spec']>['behavior'];

const hpa = (min: number, max: number, behavior?: Behavior): HorizontalPodAutoscaler =>
  ({ metadata: { name: 'h' }, spec: { scaleTargetRef: { kind: 'Deployment', name: 'd' }, minReplicas: min, maxReplicas: max, ...(behavior && { behavior }) } });

/** One recommendation after the other, each followed. */
function run(scaler: HorizontalPodAutoscaler, from: number, steps: readonly (readonly [atSeconds: number, recommended: number])[]): string[] {
  const limits = new ScalingLimits();
  let current = from;
  return steps.map(([seconds, recommended]) => {
    const nowMs = seconds * 1000;
    limits.noteSize('h', current, nowMs);
    const { replicas, able, limited } = limits.apply('h', scaler, current, recommended, nowMs);
    if (replicas !== current) limits.noteChange('h', current, replicas, nowMs);
    current = replicas;
    return `${replicas} ${limited.status === 'True' ? limited.reason : able.reason}`;
  });
}

const DEFAULTS: Behavior = {
  scaleUp: { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }, { type: 'Percent', value: 100, periodSeconds: 15 }] },
  scaleDown: { stabilizationWindowSeconds: 300, selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] },
};

const CASES: [name: string, hpa: HorizontalPodAutoscaler, from: number, steps: [number, number][], expect: string[]][] = [
  ['up at once, at most to twice the size', hpa(1, 100), 5, [[0, 50], [15, 50]], ['10 ScaleUpLimit', '20 ScaleUpLimit']],
  ['small ones up to four', hpa(1, 100), 1, [[0, 50]], ['4 ScaleUpLimit']],
  ['not beyond the bounds', hpa(2, 6), 5, [[0, 50], [400, 0]], ['6 TooManyReplicas', '2 TooFewReplicas']],
  ['down only after five minutes', hpa(1, 9), 5, [[0, 2], [299, 2], [301, 2]], ['5 ScaleDownStabilized', '5 ScaleDownStabilized', '2 ReadyForNewScale']],
  ['behaviour with defaults: four pods or twice the size per 15 s', hpa(1, 100, DEFAULTS), 2, [[0, 50], [5, 50], [15, 50]], ['6 ScaleUpLimit', '6 ScaleUpLimit', '12 ScaleUpLimit']],
  ['behaviour: the window of the way down', hpa(1, 9, DEFAULTS), 5, [[0, 2], [301, 2]], ['5 ScaleDownStabilized', '2 ReadyForNewScale']],
  ['one pod per minute down', hpa(1, 9, { scaleDown: { stabilizationWindowSeconds: 0, policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }] } }), 5, [[0, 1], [30, 1], [61, 1]], ['4 ScaleDownLimit', '4 ScaleDownLimit', '3 ScaleDownLimit']],
  ['the least of two policies', hpa(1, 99, { scaleUp: { selectPolicy: 'Min', policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }, { type: 'Percent', value: 100, periodSeconds: 60 }] } }), 10, [[0, 50]], ['11 ScaleUpLimit']],
  ['never down', hpa(1, 9, { scaleDown: { stabilizationWindowSeconds: 0, selectPolicy: 'Disabled' } }), 5, [[0, 1]], ['5 ScaleDownLimit']],
  ['up only when wanted for a minute', hpa(1, 9, { scaleUp: { ...DEFAULTS.scaleUp, stabilizationWindowSeconds: 60 } }), 2, [[0, 3], [30, 3], [61, 3]], ['2 ScaleUpStabilized', '2 ScaleUpStabilized', '3 ReadyForNewScale']],
];
for (const [name, scaler, from, steps, expect] of CASES) test(name, () => assert.deepEqual(run(scaler, from, steps), expect));
