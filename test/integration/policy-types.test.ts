/** The types in admission policies are checked by a controller, against what the server publishes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { validatingadmissionpolicies } from '#api/generated/admissionregistration/v1';
import { startCluster, VirtualClock } from '#cmd/testing';

const STEPS_MAX = 40;

test('a policy tells in its status what its expressions get wrong', async (t) => {
  const cluster = await startCluster({ clock: new VirtualClock(), seed: 1 });
  t.after(() => cluster.stop());
  const api = cluster.client.for(validatingadmissionpolicies);
  await api.create({
    metadata: { name: 'typed' },
    spec: {
      matchConstraints: { resourceRules: [{ apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'], operations: ['CREATE'] }] },
      validations: [{ expression: 'object.spec.replicas > 1' }, { expression: 'object.spec.replicaz > 1' }],
    },
  });
  for (let step = 0; step < STEPS_MAX; step++) {
    await cluster.settle();
    if ((await api.get('typed')).status?.observedGeneration === 1) break;
    await cluster.advance(500);
  }
  const { status } = await api.get('typed');
  assert.deepEqual(status, {
    observedGeneration: 1,
    typeChecking: { expressionWarnings: [{ fieldRef: 'spec.validations[1].expression', warning: "apps/v1, Kind=Deployment: ERROR: <input>:1:12: undefined field 'replicaz'\n | object.spec.replicaz > 1\n | ...........^\n" }] },
  });
});
