import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Row, rulesOf } from '../../testing/rules-of.ts';
import { podTemplateDefinition } from './definition.ts';

const rules = rulesOf(podTemplateDefinition, `
metadata: {name: t, namespace: ns}
template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}
`);

test('a new pod template', () => {
  const rows: Row[] = [
    [''],
    ['template: {spec: {containers: []}}', 'template.spec.containers: Required value'],
    ['template: {spec: {restartPolicy: Odd}}',
      'template.spec.restartPolicy: Unsupported value: "Odd": supported values: "Always", "OnFailure", "Never"'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.create(patch).causes, causes, patch);
});

test('a changed pod template', () => {
  const rows: Row[] = [
    ['template: {spec: {restartPolicy: Never}}'],
  ];
  for (const [patch, ...causes] of rows) assert.deepEqual(rules.update(patch).causes, causes, patch);
});
