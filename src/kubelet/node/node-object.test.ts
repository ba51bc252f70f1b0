import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { kubeletConfig } from '../config.ts';
import { allocatableOf, newNode, nodeConditions, thresholdOf } from './node-object.ts';

const config = kubeletConfig({ nodeName: 'n1', nodeIps: ['10.0.0.1'], nodeLabels: { zone: 'a' }, registerWithTaints: [{ key: 'k', effect: 'NoSchedule' }], reserved: { cpu: '200m', memory: '100Mi' } });

describe('node object', () => {
  it('registers with labels and taints', () => {
    const node = newNode(config);
    assert.deepEqual([node.metadata.labels?.['kubernetes.io/hostname'], node.metadata.labels?.['zone'], node.spec?.taints], ['n1', 'a', [{ key: 'k', effect: 'NoSchedule' }]]);
  });
  it('takes reserves and eviction thresholds from the capacity', () => {
    assert.deepEqual(allocatableOf(config, { cpu: '2', memory: '1024Mi', 'ephemeral-storage': '1000Ki', pods: '110' }), { cpu: '1800m', memory: `${(1024 - 200) * 1024}Ki`, 'ephemeral-storage': '921600', pods: '110' });
  });
  it('reads thresholds', () => assert.deepEqual([thresholdOf('10%', 50), thresholdOf('1Ki', 50), thresholdOf(undefined, 50)], [5, 1024, 0]));
  it('keeps the time of a transition while the status is the same', () => {
    const old = nodeConditions(new Set(), [], [], 't1');
    const same = nodeConditions(new Set(), [], old, 't2');
    assert.deepEqual(same.map((condition) => [condition.lastHeartbeatTime, condition.lastTransitionTime]), same.map(() => ['t2', 't1']));
    const sick = nodeConditions(new Set(['MemoryPressure']), ['a', 'b'], same, 't3');
    assert.deepEqual([sick[0]!.status, sick[0]!.lastTransitionTime, sick[1]!.lastTransitionTime, sick[3]!.message], ['True', 't3', 't1', '[a, b]']);
  });
});
