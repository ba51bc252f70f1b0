/** The types in admission policies are checked by a controller, against what the server publishes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { validatingadmissionpolicies, type ValidatingAdmissionPolicySpec, type ValidatingAdmissionPolicyStatus } from '#api/generated/admissionregistration/v1';
import { customresourcedefinitions } from '#api/generated/apiextensions/v1';
import { startCluster, VirtualClock, type Cluster } from '#cmd/testing';

const STEPS_MAX = 40;

const matching = (group: string, resource: string): ValidatingAdmissionPolicySpec => ({ matchConstraints: { resourceRules: [{ apiGroups: [group], apiVersions: ['v1'], resources: [resource], operations: ['CREATE'] }] } });

async function statusOf(cluster: Cluster, name: string, spec: ValidatingAdmissionPolicySpec): Promise<ValidatingAdmissionPolicyStatus | undefined> {
  const api = cluster.client.for(validatingadmissionpolicies);
  await api.create({ metadata: { name }, spec });
  for (let step = 0; step < STEPS_MAX; step++) {
    await cluster.settle();
    if ((await api.get(name)).status?.observedGeneration === 1) break;
    await cluster.advance(500);
  }
  return (await api.get(name)).status;
}

test('a policy tells in its status what its expressions get wrong', async (t) => {
  const cluster = await startCluster({ clock: new VirtualClock(), seed: 1 });
  t.after(() => cluster.stop());
  const deployments = matching('apps', 'deployments');
  assert.deepEqual(await statusOf(cluster, 'right', { ...deployments, validations: [{ expression: 'object.spec.replicas > 1' }] }), { observedGeneration: 1, typeChecking: {} }, 'checked, and nothing is wrong');
  assert.deepEqual(await statusOf(cluster, 'wrong', { ...deployments, validations: [{ expression: 'object.spec.replicas > 1' }, { expression: 'object.spec.replicaz > 1' }] }), {
    observedGeneration: 1,
    typeChecking: { expressionWarnings: [{ fieldRef: 'spec.validations[1].expression', warning: "apps/v1, Kind=Deployment: ERROR: <input>:1:12: undefined field 'replicaz'\n | object.spec.replicaz > 1\n | ...........^\n" }] },
  });
});

test('custom resources have the types of their schema', async (t) => {
  const cluster = await startCluster({ clock: new VirtualClock(), seed: 1 });
  t.after(() => cluster.stop());
  await cluster.client.for(customresourcedefinitions).create({
    metadata: { name: 'crontabs.example.com' },
    spec: { group: 'example.com', scope: 'Namespaced', names: { plural: 'crontabs', kind: 'CronTab' }, versions: [{ name: 'v1', served: true, storage: true,
      schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { replicas: { type: 'integer' } } } } } } }] },
  });
  await cluster.settle();
  const status = await statusOf(cluster, 'crontabs', { ...matching('example.com', 'crontabs'), validations: [{ expression: "object.spec.replicas > '1'", messageExpression: "'wants ' + object.spec.replicas" }] });
  const warnings = (status?.typeChecking?.expressionWarnings ?? []).map(({ fieldRef, warning }) => [fieldRef, /found no matching overload for .*/.exec(warning)?.[0]]);
  assert.deepEqual(warnings, [
    ['spec.validations[0].expression', "found no matching overload for '_>_' applied to '(int, string)'"], ['spec.validations[0].messageExpression', "found no matching overload for '_+_' applied to '(string, int)'"],
  ]);
});
