/** Of several candidates one leads; when it is cut off another takes over, and the first has stopped before. What it still sends is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createApiServer } from '#apiserver/server';
import { leases, type Lease } from '#api/generated/coordination/v1';
import { configmaps, nodes, pods, serviceaccounts, type Binding, type ConfigMap } from '#api/generated/core/v1';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { seededRandom } from '#base/random';
import type { Client, ResourceClient } from '#client/client';
import { createLeaderElection, type LeaderElection } from '#client/leader-election/leader-election';
import { leaderTermHeaders } from '#client/leader-election/leader-term';
import { createClient } from '#client/rest-client';
import { TransportError, type Transport } from '#client/transport';
import { isConflict } from '#machinery/status-error';
import { clusterPki } from '#pki/cluster-pki';
import { createMemoryStorage } from '#storage/memory/memory-storage';

const clock = systemClock;
const random = seededRandom(3);
const TIMES = { leaseDurationMs: 1000, renewDeadlineMs: 600, retryPeriodMs: 50 };
const user = { name: 'admin', groups: ['system:masters', 'system:authenticated'] };

test('the leader that is cut off stops before the next one leads', async () => {
  const storage = createMemoryStorage({ clock });
  const server = createApiServer({ storage, clock, random, log: silentLogger, metrics: new MetricsRegistry(), pki: clusterPki({ clock, random }) });
  await server.start(new AbortController().signal);
  const notes: string[] = [];
  const cut = new Set<string>();
  const stop = new AbortController();
  const wakers: (() => void)[] = [];
  const note = (text: string): void => { notes.push(text); for (const wake of wakers.splice(0)) wake(); };
  const until = async (check: () => boolean): Promise<void> => { while (!check()) await new Promise<void>((resolve) => { wakers.push(resolve); }); };

  function candidate(identity: string): { election: LeaderElection; running: Promise<void> } {
    const inner = server.transport(user);
    const transport: Transport = { request: (request) => (cut.has(identity) ? Promise.reject(new TransportError('cut off')) : inner.request(request)), close: () => inner.close() };
    const election = createLeaderElection({ client: createClient({ transport, clock, userAgent: identity }), clock, random, log: silentLogger, namespace: 'kube-system', name: 'test', identity, ...TIMES });
    const running = election.run(async (signal, term) => {
      note(`${identity} leads, term ${term.transitions}`);
      await new Promise<void>((resolve) => { signal.addEventListener('abort', () => resolve(), { once: true }); });
      note(`${identity} stops`);
    }, stop.signal);
    return { election, running };
  }

  try {
    const first = candidate('a');
    await until(() => notes.includes('a leads, term 0'));
    const second = candidate('b');
    assert.equal(first.election.isLeader(), true);
    cut.add('a');
    await until(() => notes.some((text) => text.startsWith('b leads')));
    assert.deepEqual(notes, ['a leads, term 0', 'a stops', 'b leads, term 1']);
    assert.equal(first.election.term(), undefined);
    assert.equal(second.election.isLeader(), true);
    stop.abort(new Error('test ends'));
    await Promise.all([first.running, second.running]);
    const lease = await createClient({ transport: server.transport(user), clock, userAgent: 'test' }).for(leases, 'kube-system').get('test');
    assert.equal(lease.spec?.holderIdentity ?? '', '', 'the lease is given back, so that the next one need not wait');
  } finally {
    stop.abort(new Error('test ends'));
    await server.stop();
    await storage.close();
  }
});

/** A leader by hand, as a process that was stopped: it cannot notice that its time is over. */
async function withServer(work: (client: Client, take: () => Promise<Lease>, fenced: (lease: Lease) => Client) => Promise<void>): Promise<void> {
  const storage = createMemoryStorage({ clock });
  const server = createApiServer({ storage, clock, random, log: silentLogger, metrics: new MetricsRegistry(), pki: clusterPki({ clock, random }) });
  await server.start(new AbortController().signal);
  const client = createClient({ transport: server.transport(user), clock, userAgent: 'test' });
  const api = client.for(leases, 'kube-system');
  let transitions = -1;
  try {
    await api.create({ metadata: { name: 'lead' }, spec: {} });
    await work(client, async () => {
      transitions++;
      return api.patch('lead', 'application/merge-patch+json', { spec: { holderIdentity: `process-${transitions}`, leaseTransitions: transitions } });
    }, (lease) => client.withHeaders(leaderTermHeaders({ lease: 'kube-system/lead', leaseUid: lease.metadata.uid!, transitions: lease.spec!.leaseTransitions! })));
  } finally {
    await server.stop();
    await storage.close();
  }
}

test('nothing of a former leader is written once another has taken the lease', async () => withServer(async (client, take, fenced) => {
  const of = (who: Client): ResourceClient<ConfigMap> => who.for(configmaps, 'default');
  const former = fenced(await take());
  await client.for(serviceaccounts, 'default').create({ metadata: { name: 'default' } });
  await client.for(nodes).create({ metadata: { name: 'n' } });
  await client.for(pods, 'default').create({ metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } });
  const kept = await of(former).create({ metadata: { name: 'kept' }, data: { by: 'former' } });
  const current = fenced(await take());
  const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'p' }, target: { kind: 'Node', name: 'n' } } as Binding;
  const late: [name: string, write: () => Promise<unknown>][] = [
    ['create', () => of(former).create({ metadata: { name: 'late' } })],
    ['update', () => of(former).update({ ...kept, data: { by: 'late' } })],
    ['patch', () => of(former).patch('kept', 'application/merge-patch+json', { data: { by: 'late' } })],
    ['apply', () => of(former).patch('kept', 'application/apply-patch+yaml', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kept' }, data: { by: 'late' } }, { fieldManager: 'm', force: true })],
    ['delete', () => of(former).delete('kept')],
    ['delete of all', () => of(former).deleteCollection()],
    ['binding', () => former.for(pods, 'default').createSubresource('p', 'binding', binding)],
  ];
  for (const [name, write] of late) await assert.rejects(write, isConflict, name);
  assert.deepEqual((await of(client).list()).items.filter((one) => one.metadata.name !== 'kube-root-ca.crt').map(({ metadata, data }) => [metadata.name, data]), [['kept', { by: 'former' }]]);
  await of(former).get('kept'); // reading is no harm
  await current.for(pods, 'default').createSubresource('p', 'binding', binding);
  await of(current).delete('kept');
}));

test('renewing the lease between two writes, or at the same time, refuses none', async () => withServer(async (client, take, fenced) => {
  const leader = fenced(await take()).for(configmaps, 'default');
  const api = client.for(leases, 'kube-system');
  const renew = (i: number): Promise<unknown> => api.patch('lead', 'application/merge-patch+json', { spec: { renewTime: `2026-01-01T00:00:00.${String(i).padStart(6, '0')}Z` } });
  await Promise.all(Array.from({ length: 50 }, (_, i) => [renew(i), leader.create({ metadata: { name: `c${i}` } })]).flat());
  assert.equal((await leader.list()).items.filter(({ metadata }) => metadata.name!.startsWith('c')).length, 50);
}));

test('a lease that was made anew begins a new term, and without a lease there is no leader', async () => withServer(async (client, take, fenced) => {
  const leader = fenced(await take()).for(configmaps, 'default');
  const api = client.for(leases, 'kube-system');
  await leader.create({ metadata: { name: 'a' } });
  await api.delete('lead');
  await assert.rejects(leader.create({ metadata: { name: 'b' } }), isConflict);
  await api.create({ metadata: { name: 'lead' }, spec: { leaseTransitions: 0 } });
  await assert.rejects(leader.create({ metadata: { name: 'b' } }), isConflict);
}));

test('a header that is no term is a bad request', async () => withServer(async (client) => {
  const odd = client.withHeaders({ 'kubernode-leader-term': 'x' });
  await assert.rejects(odd.for(configmaps, 'default').create({ metadata: { name: 'a' } }), (error: { code?: number }) => error.code === 400);
}));
