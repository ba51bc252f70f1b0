import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CustomResourceDefinition, JSONSchemaProps } from '#api/generated/apiextensions/v1';
import { fieldErrorText } from '#machinery/field-error';
import { faultsOf } from '../../rules/faults.ts';
import { findField } from './field-path.ts';
import { internalSpec } from './internal-form.ts';
import { structuralFaults } from './structural.ts';
import { checkDefinition } from './validation.ts';

function definition(schema: JSONSchemaProps, more: Partial<CustomResourceDefinition['spec']> = {}): CustomResourceDefinition {
  return {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'things.x.example' },
    spec: {
      group: 'x.example', scope: 'Namespaced', names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }], conversion: { strategy: 'None' }, ...more,
    },
    status: { storedVersions: ['v1'], conditions: [] },
  } as unknown as CustomResourceDefinition;
}

function texts(one: CustomResourceDefinition, old?: CustomResourceDefinition): string[] {
  return faultsOf((faults) => checkDefinition(one, old, faults)).map(fieldErrorText);
}

const AT = 'spec.validation.openAPIV3Schema';

const SCHEMAS: readonly (readonly [name: string, schema: JSONSchemaProps, faults: string[]])[] = [
  ['a plain object', { type: 'object', properties: { a: { type: 'string' } } }, []],
  ['a root without a type', {}, [`${AT}.type: Required value: must not be empty at the root`]],
  ['a list without items', { type: 'object', properties: { a: { type: 'array' } } }, [`${AT}.properties[a].items: Required value: must be specified`]],
  ['a type in a junctor', { type: 'object', properties: { a: { type: 'string', anyOf: [{ type: 'string' }] } } },
    [`${AT}.properties[a].anyOf[0].type: Forbidden: must be empty to be structural`]],
  ['a junctor about an unknown field', { type: 'object', allOf: [{ properties: { z: { minimum: 1 } } }] },
    [`${AT}.properties[z]: Required value: because it is defined in ${AT}.allOf[0].properties[z]`]],
  ['integers or strings as they were written before', { type: 'object', properties: { a: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] } } }, []],
  ['metadata that says more', { type: 'object', properties: { metadata: { type: 'object', properties: { labels: { type: 'object' } } } } },
    [`${AT}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified`]],
  ['a keyed list without keys', { type: 'object', properties: { a: { type: 'array', 'x-kubernetes-list-type': 'map', items: { type: 'object' } } } },
    [`${AT}.properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map`]],
  ['a bad pattern', { type: 'object', properties: { a: { type: 'string', pattern: '(' } } },
    [`${AT}.properties[a].pattern: Invalid value: "(": must be a valid regular expression, but isn't: error parsing regexp: missing closing ): \`(\``]],
];
for (const [name, schema, faults] of SCHEMAS) test(`judges ${name}`, () => assert.deepEqual(texts(definition(schema)), faults));

test('what a stored definition breaks already may stay broken', () => {
  const odd = definition({ type: 'object', properties: { a: { type: 'array', items: { type: 'object' }, 'x-kubernetes-list-type': 'set' } } });
  assert.equal(texts(odd).length, 1);
  assert.deepEqual(texts(odd, odd), []);
});

test('what all versions say alike stands at the top', () => {
  const version = { name: 'v1', served: true, storage: true, subresources: { status: {} }, schema: { openAPIV3Schema: { type: 'object' } } };
  const spec = internalSpec({ ...definition({}).spec!, versions: [version, { ...version, name: 'v2', schema: { openAPIV3Schema: { type: 'object', title: 'x' } } }] });
  assert.deepEqual(spec.subresources, { status: {} });
  assert.equal(spec.validation, undefined);
  assert.equal(spec.versions[0]!.subresources, undefined);
});

test('finds the field that a path means', () => {
  const schema: JSONSchemaProps = { properties: { spec: { type: 'object', properties: { 'a.b': { type: 'integer' } } }, data: { additionalProperties: { type: 'string' } } } };
  const type = (path: string, mayIndex = true): unknown => {
    const found = findField(path, schema, mayIndex);
    return typeof found === 'string' ? found : found.schema.type;
  };
  assert.equal(type(".spec['a.b']"), 'integer');
  assert.equal(type('.data.x'), 'string');
  assert.equal(type('.spec.c'), 'does not refer to a valid field');
  assert.equal(type(".spec['a.b']", false), 'array notation is not allowed');
  assert.equal(type('spec'), 'expected [ or . but got: spec');
});

test('sorts structural faults by their text', () => {
  const faults = structuralFaults({ type: 'object', properties: { b: {}, a: {} } }, 's').map(({ field }) => field);
  assert.deepEqual(faults, ['s.properties[a].type', 's.properties[b].type']);
});
