import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '#machinery/meta';
import { amountsText, exceeding, increase } from './amounts.ts';
import { quotaEvaluator } from './evaluator.ts';
import { parseAmounts } from '../pod-resources.ts';

const CASES: { name: string; key: [string, string]; object: object; used: string }[] = [
  { name: 'a plain pod', key: ['', 'pods'], object: { spec: { containers: [{ name: 'c' }] } }, used: 'count/pods=1,pods=1' },
  {
    name: 'requests, limits, huge pages, devices', key: ['', 'pods'],
    object: { spec: { containers: [{ name: 'c', resources: { requests: { cpu: '100m', 'hugepages-2Mi': '4Mi', 'example.com/gpu': '2' }, limits: { cpu: '1' } } }] } },
    used: 'count/pods=1,cpu=100m,hugepages-2Mi=4Mi,limits.cpu=1,pods=1,requests.cpu=100m,requests.example.com/gpu=2,requests.hugepages-2Mi=4Mi',
  },
  { name: 'a finished pod', key: ['', 'pods'], object: { spec: { containers: [{ name: 'c', resources: { requests: { cpu: '1' } } }] }, status: { phase: 'Failed' } }, used: 'count/pods=1' },
  { name: 'a load balancer', key: ['', 'services'], object: { spec: { type: 'LoadBalancer', ports: [{ port: 1 }, { port: 2 }] } }, used: 'count/services=1,services=1,services.loadbalancers=1,services.nodeports=2' },
  { name: 'a load balancer without node ports', key: ['', 'services'], object: { spec: { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, ports: [{ port: 1 }] } }, used: 'count/services=1,services=1,services.loadbalancers=1,services.nodeports=0' },
  {
    name: 'a claim of a class', key: ['', 'persistentvolumeclaims'], object: { spec: { storageClassName: 'gold', resources: { requests: { storage: '1.5' } } } },
    used: 'count/persistentvolumeclaims=1,gold.storageclass.storage.k8s.io/persistentvolumeclaims=1,gold.storageclass.storage.k8s.io/requests.storage=2,persistentvolumeclaims=1,requests.storage=2',
  },
  { name: 'a secret', key: ['', 'secrets'], object: {}, used: 'count/secrets=1,secrets=1' },
  { name: 'a job', key: ['batch', 'jobs'], object: {}, used: 'count/jobs.batch=1' },
];

for (const { name, key, object, used } of CASES) {
  test(`quota usage: ${name}`, () => {
    assert.equal(amountsText(quotaEvaluator(...key).usage({ metadata: { name: 'x' }, ...object } as KubeObject, 0)), used);
  });
}

test('a pod that a quota on cpu cannot count', () => {
  const pod = { metadata: {}, spec: { containers: [{ name: 'b' }, { name: 'a', resources: { requests: { cpu: '1' } } }] } } as KubeObject;
  assert.equal(quotaEvaluator('', 'pods').constraintFault!(['requests.cpu', 'pods', 'limits.cpu'], pod), 'must specify limits.cpu for: a,b; requests.cpu for: b');
});

test('only growth is charged', () => {
  assert.equal(amountsText(increase(parseAmounts({ cpu: '3', memory: '1Gi' }), parseAmounts({ cpu: '1', memory: '2Gi' }))), 'cpu=2,memory=0');
  assert.deepEqual(exceeding(parseAmounts({ cpu: '1500m', pods: '9' }), parseAmounts({ cpu: '1' })), ['cpu']);
});
