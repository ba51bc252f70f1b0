import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod, ResourceRequirements } from '#api/generated/core/v1';
import { formatQuantity } from '#machinery/quantity';
import { podRequests } from './pod-resources.ts';
import { computePodQos } from './qos.ts';

const podOf = (resources: ResourceRequirements[], spec: Partial<NonNullable<Pod['spec']>> = {}): Pod =>
  ({ metadata: { name: 'p' }, spec: { containers: resources.map((entry, i) => ({ name: `c${i}`, resources: entry })), ...spec } });

describe('quality of service', () => {
  const cases: [string, Pod, string][] = [
    ['nothing set', podOf([{}]), 'BestEffort'],
    ['zero is nothing', podOf([{ requests: { cpu: '0' } }]), 'BestEffort'],
    ['only a request', podOf([{ requests: { cpu: '1' } }]), 'Burstable'],
    ['limits equal requests', podOf([{ requests: { cpu: '1000m', memory: '1Gi' }, limits: { cpu: '1', memory: '1024Mi' } }]), 'Guaranteed'],
    ['limits alone', podOf([{ limits: { cpu: '1', memory: '1Gi' } }]), 'Guaranteed'],
    ['one container without', podOf([{ limits: { cpu: '1', memory: '1Gi' } }, {}]), 'Burstable'],
    ['pod level', podOf([{}], { resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } } }), 'Guaranteed'],
  ];
  for (const [name, pod, expected] of cases) it(name, () => assert.equal(computePodQos(pod), expected));
});

describe('pod requests', () => {
  it('takes the peak of the init phase beside sidecars', () => {
    const pod = podOf([{ requests: { cpu: '100m' } }, { requests: { cpu: '200m' } }], { initContainers: [
      { name: 's', restartPolicy: 'Always', resources: { requests: { cpu: '50m' } } }, { name: 'i', resources: { requests: { cpu: '500m' } } },
    ], overhead: { cpu: '10m' } });
    assert.equal(formatQuantity(podRequests(pod)['cpu']!), '560m');
  });
});
