import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { flowschemas, prioritylevelconfigurations } from '#api/generated/flowcontrol/v1';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { systemRandom } from '#base/random';
import type { Client } from '#client/client';
import { createClient } from '#client/rest-client';
import { clusterPki } from '#pki/cluster-pki';
import { createMemoryStorage } from '#storage/memory/memory-storage';
import { createApiServer, type ApiServer } from '../server.ts';
import { ensureFlowControl } from './flow-control.ts';

const KEY = 'apf.kubernetes.io/autoupdate-spec';
const signal = new AbortController().signal;
let server: ApiServer;
let admin: Client;
const restore = (): Promise<void> => ensureFlowControl(admin, '2026-01-01T00:00:00Z', signal);

before(async () => {
  server = createApiServer({
    storage: createMemoryStorage({ clock: systemClock }), clock: systemClock, random: systemRandom, log: silentLogger, metrics: new MetricsRegistry(),
    pki: clusterPki({ clock: systemClock, random: systemRandom }),
  });
  await server.start(signal);
  admin = createClient({ transport: server.transport({ name: 'admin', groups: ['system:masters'] }), clock: systemClock, userAgent: 'test' });
});

after(() => server.stop());

describe('flow schemas and priority levels of a cluster', () => {
  it('are left alone while they are as they should be', async () => {
    const versions = async (): Promise<unknown> => {
      const lists = [await admin.for(flowschemas).list(), await admin.for(prioritylevelconfigurations).list()];
      return lists.flatMap(({ items }) => items.map(({ metadata }) => [metadata.name, metadata.generation, metadata.annotations]));
    };
    const before = await versions();
    await restore();
    assert.deepEqual(await versions(), before);
  });

  it('come back when they were deleted or changed', async () => {
    await admin.for(flowschemas).delete('probes');
    const schema = await admin.for(flowschemas).get('service-accounts');
    await admin.for(flowschemas).update({ ...schema, spec: { ...schema.spec!, matchingPrecedence: 7 } });
    await restore();
    assert.equal((await admin.for(flowschemas).get('probes')).spec?.matchingPrecedence, 2);
    assert.equal((await admin.for(flowschemas).get('service-accounts')).spec?.matchingPrecedence, 9_000);
  });

  it('stay as changed when they say that they do not follow the defaults', async () => {
    const level = await admin.for(prioritylevelconfigurations).get('workload-low');
    const limited = { ...level.spec!.limited!, nominalConcurrencyShares: 77 };
    await admin.for(prioritylevelconfigurations).update({ ...level, metadata: { ...level.metadata, annotations: { [KEY]: 'false' } }, spec: { ...level.spec!, limited } });
    await restore();
    assert.equal((await admin.for(prioritylevelconfigurations).get('workload-low')).spec?.limited?.nominalConcurrencyShares, 77);
  });

  it('leave the shares of the exempt level to the cluster', async () => {
    const level = await admin.for(prioritylevelconfigurations).get('exempt');
    await admin.for(prioritylevelconfigurations).update({ ...level, metadata: { ...level.metadata, annotations: {} }, spec: { ...level.spec!, exempt: { nominalConcurrencyShares: 9, lendablePercent: 1 } } });
    await restore();
    const now = await admin.for(prioritylevelconfigurations).get('exempt');
    assert.deepEqual([now.spec?.exempt?.nominalConcurrencyShares, now.metadata.annotations?.[KEY]], [9, 'true']);
  });
});
