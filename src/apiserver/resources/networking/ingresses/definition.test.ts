import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { ingressDefinition } from './definition.ts';

const rules = rulesOf(ingressDefinition, `
metadata: {name: i, namespace: ns}
spec: {rules: [{host: a.example, http: {paths: [{path: /a, pathType: Prefix, backend: {service: {name: s, port: {number: 80}}}}]}}]}
`);

test('a new ingress', () => {
  const rows: Row[] = [
    [''],
    ['spec: {rules: null}', 'spec: Invalid value: null: either `defaultBackend` or `rules` must be specified'],
    ['spec: {rules: null, defaultBackend: {}}', 'spec.defaultBackend: Invalid value: "": resource or service backend is required'],
    ['spec: {rules: null, defaultBackend: {service: {name: s}}}', 'spec.defaultBackend: Required value: port name or number is required'],
    ['spec: {rules: null, defaultBackend: {service: {name: s, port: {name: a, number: 1}}}}',
      'spec.defaultBackend: Invalid value: "": cannot set both port name & port number'],
    ['spec: {rules: [{host: 1.2.3.4}]}', 'spec.rules[0].host: Invalid value: "1.2.3.4": must be a DNS name, not an IP address'],
    ['spec: {rules: [{http: {paths: []}}]}', 'spec.rules[0].http.paths: Required value'],
    ['spec: {rules: [{http: {paths: [{path: /a//b/.., pathType: Exact, backend: {service: {name: s, port: {number: 80}}}}]}}]}',
      `spec.rules[0].http.paths[0].path: Invalid value: "/a//b/..": must not contain '//'`,
      `spec.rules[0].http.paths[0].path: Invalid value: "/a//b/..": cannot end with '/..'`],
    ['spec: {rules: [{http: {paths: [{path: a, pathType: Odd, backend: {service: {name: s, port: {number: 80}}}}]}}]}',
      'spec.rules[0].http.paths[0].pathType: Unsupported value: "Odd": supported values: "Exact", "ImplementationSpecific", "Prefix"'],
    [`spec: {ingressClassName: a}\nmetadata: {annotations: {kubernetes.io/ingress.class: b}}`,
      'annotations.kubernetes.io/ingress.class: Invalid value: "b": must match `ingressClassName` when both are specified'],
    ['spec: {rules: null, defaultBackend: {resource: {kind: K, name: n/n}}}',
      `spec.defaultBackend.resource.name: Invalid value: "n/n": may not contain '/'`],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed ingress', () => {
  const rows: Row[] = [
    ['spec: {ingressClassName: b}'],
    ['spec: {rules: null}', 'spec: Invalid value: null: either `defaultBackend` or `rules` must be specified'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});

test('the status of an ingress', () => {
  const rows: Row[] = [
    ['status: {loadBalancer: {ingress: [{ip: 1.2.3.04}]}}', 'status.loadBalancer.ingress[0].ip: Invalid value: "1.2.3.04": must not have leading 0s'],
    ['status: {loadBalancer: {ingress: [{hostname: 1.2.3.4}]}}',
      'status.loadBalancer.ingress[0].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.updateStatus(patch).causes, causes, patch);
});
