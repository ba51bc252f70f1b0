import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { ingressClassDefinition } from './definition.ts';

const rules = rulesOf(ingressClassDefinition, `
metadata: {name: c}
spec: {controller: a.example/b}
`);

test('a new ingress class', () => {
  const rows: Row[] = [
    [''],
    ['spec: {controller: ""}', 'spec.controller: Required value'],
    ['spec: {controller: odd}', 'spec.controller: Invalid value: "odd": must be a domain-prefixed path (such as "acme.io/foo")'],
    ['spec: {parameters: {kind: K}}', 'spec.parameters.name: Required value'],
    ['spec: {parameters: {kind: K, name: nn, scope: Odd}}',
      'spec.parameters.scope: Unsupported value: "Odd": supported values: "Cluster", "Namespace"'],
    ['spec: {parameters: {kind: K, name: nn, scope: Namespace}}',
      "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"],
    ['spec: {parameters: {kind: K, name: nn, namespace: ns}}', "spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'"],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed ingress class', () => {
  const rows: Row[] = [
    ['spec: {controller: a.example/c}', 'spec.controller: Invalid value: "a.example/c": field is immutable'],
    ['spec: {parameters: {kind: K, name: nn}}'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});
