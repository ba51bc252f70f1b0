import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { serviceDefinition } from './definition.ts';

const rules = rulesOf(serviceDefinition, `
metadata: {name: s, namespace: ns}
spec: {ports: [{port: 80}], selector: {a: b}}
`);

test('a new service', () => {
  const rows: Row[] = [
    [''],
    ['spec: {ports: []}', 'spec.ports: Required value'],
    ['spec: {ports: [{port: 0}]}',
      'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
      'spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive'],
    ['spec: {ports: [{port: 1}, {port: 2}]}', 'spec.ports[0].name: Required value', 'spec.ports[1].name: Required value'],
    ['spec: {ports: [{port: 1, name: a}, {port: 1, name: b}]}',
      'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":1,"TargetPort":0,"NodePort":0}'],
    ['spec: {type: Odd}', 'spec.type: Unsupported value: "Odd": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'],
    ['spec: {type: ExternalName}', 'spec.externalName: Required value'],
    ['spec: {type: LoadBalancer, clusterIP: None}', 'spec.clusterIPs: Required value'],
    ['spec: {sessionAffinity: Odd}', 'spec.sessionAffinity: Unsupported value: "Odd": supported values: "ClientIP", "None"'],
    ['spec: {sessionAffinity: None, sessionAffinityConfig: {clientIP: {timeoutSeconds: 5}}}'],
    ['spec: {externalTrafficPolicy: Local}',
      'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
    ['spec: {externalIPs: [127.0.0.1]}', 'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'],
    ['spec: {loadBalancerClass: a/b}', "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'"],
    ['spec: {ports: [{port: 80, nodePort: 30000}]}', "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed service', () => {
  assert.deepEqual(rules.update('spec: {clusterIP: 10.96.0.8}', 'spec: {clusterIP: 10.96.0.7, clusterIPs: [10.96.0.7]}').causes,
    ['spec.clusterIPs: Invalid value: ["10.96.0.7"]: first value must match `clusterIP`']);
});

test('the status of a service', () => {
  const rows: Row[] = [
    ['status: {loadBalancer: {ingress: [{ip: 1.2.3.4}]}}',
      "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'"],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.updateStatus(patch).causes, causes, patch);
});
