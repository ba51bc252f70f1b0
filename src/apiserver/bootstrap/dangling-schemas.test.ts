import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { flowschemas, prioritylevelconfigurations, type FlowSchema, type PriorityLevelConfiguration } from '#api/generated/flowcontrol/v1';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { systemRandom } from '#base/random';
import type { Client } from '#client/client';
import { createClient } from '#client/rest-client';
import { clusterPki } from '#pki/cluster-pki';
import { createMemoryStorage } from '#storage/memory/memory-storage';
import { createApiServer, type ApiServer } from '../server.ts';

let server: ApiServer;
let admin: Client;

before(async () => {
  server = createApiServer({
    storage: createMemoryStorage({ clock: systemClock }), clock: systemClock, random: systemRandom, log: silentLogger, metrics: new MetricsRegistry(),
    pki: clusterPki({ clock: systemClock, random: systemRandom }),
  });
  await server.start(new AbortController().signal);
  admin = createClient({ transport: server.transport({ name: 'admin', groups: ['system:masters'] }), clock: systemClock, userAgent: 'test' });
});

after(() => server.stop());

/** Asks until the condition has this reason. */
async function becomes(name: string, reason: string): Promise<void> {
  let last: unknown;
  for (let i = 0; i < 300; i++) {
    const { status } = await admin.for(flowschemas).get(name);
    last = status?.conditions?.find(({ type }) => type === 'Dangling')?.reason;
    if (last === reason) return;
    await systemClock.sleep(10);
  }
  assert.fail(`${name}: wanted ${reason}, has ${String(last)}`);
}

function schema(name: string, level: string): FlowSchema {
  return {
    metadata: { name },
    spec: {
      priorityLevelConfiguration: { name: level }, matchingPrecedence: 500,
      rules: [{ subjects: [{ kind: 'User', user: { name: 'u' } }], nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }] }],
    },
  };
}

describe('flow schemas that name a priority level', () => {
  it('dangle while it is not there', async () => {
    await admin.for(flowschemas).create(schema('mine', 'later'));
    await becomes('mine', 'NotFound');
    const level: PriorityLevelConfiguration = { metadata: { name: 'later' }, spec: { type: 'Limited', limited: { limitResponse: { type: 'Reject' } } } };
    await admin.for(prioritylevelconfigurations).create(level);
    await becomes('mine', 'Found');
    await admin.for(prioritylevelconfigurations).delete('later');
    await becomes('mine', 'NotFound');
    const current = await admin.for(flowschemas).get('mine');
    await admin.for(flowschemas).update({ ...current, spec: { ...current.spec!, priorityLevelConfiguration: { name: 'catch-all' } } });
    await becomes('mine', 'Found');
  });
});
