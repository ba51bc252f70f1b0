/** Of several candidates one leads; when it is cut off another takes over, and the first has stopped before. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createApiServer } from '#apiserver/server';
import { leases } from '#api/generated/coordination/v1';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { seededRandom } from '#base/random';
import { createLeaderElection, type LeaderElection } from '#client/leader-election/leader-election';
import { createClient } from '#client/rest-client';
import { TransportError, type Transport } from '#client/transport';
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
