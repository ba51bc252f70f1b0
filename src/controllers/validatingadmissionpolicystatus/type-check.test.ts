/** What a check of a policy's types warns of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ValidatingAdmissionPolicySpec } from '#api/generated/admissionregistration/v1';
import { typeOfKind, type OpenApiDocument } from './openapi-types.ts';
import { typeWarnings, type TypeSource } from './type-check.ts';

const ref = (name: string): object => ({ allOf: [{ $ref: `#/components/schemas/${name}` }], default: {} });
const DOCUMENT: OpenApiDocument = {
  components: {
    schemas: {
      Meta: { type: 'object', properties: { name: { type: 'string' }, labels: { type: 'object', additionalProperties: { type: 'string' } } } },
      Quantity: {},
      Spec: { type: 'object', properties: { replicas: { type: 'integer', format: 'int32' }, size: ref('Quantity'), inner: ref('Spec'), raw: { type: 'object' }, port: { type: 'string', format: 'int-or-string' } } },
      Deployment: {
        type: 'object', 'x-kubernetes-group-version-kind': [{ group: 'apps', version: 'v1', kind: 'Deployment' }],
        properties: { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: ref('Meta'), spec: ref('Spec') },
      },
    },
  },
};

const SOURCE: TypeSource = {
  kindsOf: (group, version, resource) => (group === 'apps' && version === 'v1' && resource === 'deployments' ? [{ group, version, kind: 'Deployment' }] : []),
  typeOf: (kind) => typeOfKind(DOCUMENT, kind),
};

const RULE = { apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments', 'deployments/scale'], operations: ['CREATE'] };

function warningsOf(spec: ValidatingAdmissionPolicySpec): (readonly [string, string])[] {
  return typeWarnings({ metadata: { name: 'p' }, spec: { matchConstraints: { resourceRules: [RULE] }, ...spec } }, SOURCE).map(({ fieldRef, warning }) => [fieldRef, warning]);
}

const CASES: readonly [name: string, spec: ValidatingAdmissionPolicySpec, warnings: readonly (readonly [string, string])[]][] = [
  ['right', { validations: [{ expression: "object.spec.replicas > 1 && object.metadata.labels['a'] == 'b' && request.operation == 'CREATE'" }] }, []],
  ['a field that is none', { validations: [{ expression: 'object.spec.replicaz > 1' }] }, [['spec.validations[0].expression', "apps/v1, Kind=Deployment: ERROR: <input>:1:12: undefined field 'replicaz'\n | object.spec.replicaz > 1\n | ...........^\n"]]],
  ['a message', { validations: [{ expression: 'true', messageExpression: "'x' + string(oldObject.spec.nothing)" }] }, [['spec.validations[0].messageExpression', "apps/v1, Kind=Deployment: ERROR: <input>:1:28: undefined field 'nothing'\n | 'x' + string(oldObject.spec.nothing)\n | ...........................^\n"]]],
  ['a variable has its type', { variables: [{ name: 'n', expression: 'object.spec.replicas' }], validations: [{ expression: "variables.n == 'x'" }] },
    [['spec.validations[0].expression', "apps/v1, Kind=Deployment: ERROR: <input>:1:13: found no matching overload for '_==_' applied to '(int, string)'\n | variables.n == 'x'\n | ............^\n"]]],
  ['what is open is of any type', { validations: [{ expression: "object.spec.size == '1' || object.spec.raw.any == 1 || object.spec.inner.inner.replicas == 1 || object.spec.port == 80" }] }, []],
  ['wildcards are not checked', { matchConstraints: { resourceRules: [{ ...RULE, apiVersions: ['*'] }] }, validations: [{ expression: 'object.nothing' }] }, []],
  ['parameters without a type are of any', { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' }, validations: [{ expression: 'params.data.x == object.spec.replicas' }] }, []],
];

for (const [name, spec, warnings] of CASES) test(name, () => { assert.deepEqual(warningsOf(spec), warnings); });
