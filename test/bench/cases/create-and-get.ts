/** A1–A3: single objects over HTTPS with a client certificate, beside etcd's bare put, the disk's sync and nginx. */
import { closeSync, fdatasyncSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { send } from '../fixtures.ts';
import { callLoad } from '../load/call-load.ts';
import { etcdClient } from '../load/etcd-client.ts';
import { httpLoad, httpRequest, openConnections, type LoadResult } from '../load/http-load.ts';
import { median } from '../load/spread.ts';
import { compare, type BenchCase, type BenchContext, type Result } from '../measurement.ts';
import { cpuMs } from '../servers/child.ts';
import { startKubernode, type ApiServerUnderTest } from '../servers/kubernode.ts';
import { startEtcdPeer, startNginx } from '../servers/peers.ts';

const IN_FLIGHT = 64;
/** Sessions the etcd client spreads its calls over: one is what serves it best. */
const ETCD_SESSIONS = 1;
/** As long as it takes the compiler of the engine to settle. */
const WARM_MS = 8_000;
const SYNCS = 200;

export const createAndGet: BenchCase = {
  ids: ['A1', 'A2', 'A3'],
  async run(context) {
    const results: Result[] = [];
    const server = await startKubernode();
    try {
      if (context.wanted('A1')) results.push(await createBesideEtcd(context, server));
      if (context.wanted('A2')) results.push(await createAlone(context, server));
      if (context.wanted('A3')) results.push(await getBesideNginx(context, server));
    } finally {
      await server.stop();
    }
    return results;
  },
};

const COLLECTION = '/api/v1/namespaces/default/configmaps';
let made = 0;

export function createConfigMap(bytes = 1_024, path = COLLECTION): string {
  return httpRequest('POST', path, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"bench-${made++}"},"data":{"value":"${'x'.repeat(bytes - 80)}"}}`);
}

async function measured(context: BenchContext, id: string, server: ApiServerUnderTest, run: () => Promise<LoadResult>): Promise<LoadResult> {
  await server.read('reset');
  const result = await run();
  context.stalls.push({ id, ms: (await server.read('reset')).stallMs });
  return result;
}

async function createBesideEtcd(context: BenchContext, server: ApiServerUnderTest): Promise<Result> {
  const peer = await startEtcdPeer(context.peerEtcd);
  const client = await etcdClient(peer.url, ETCD_SESSIONS);
  const value = Buffer.alloc(1_024, 'x');
  let puts = 0;
  const connections = await openConnections(server.endpoint, IN_FLIGHT);
  const ours = (durationMs: number): Promise<LoadResult> => httpLoad({ connections, durationMs, expect: 201, request: () => createConfigMap() });
  const theirs = (durationMs: number): Promise<LoadResult> => callLoad({ inFlight: IN_FLIGHT, durationMs, call: () => client.put(`/bench/${puts++}`, value) });
  await ours(WARM_MS);
  await theirs(WARM_MS / 2);
  try {
    return await compare(context, {
      id: 'A1', what: 'durable create of a 1 KB ConfigMap over HTTPS, 64 in flight', unit: '1/s', better: 'higher', aim: '≥ 1 × etcd\'s bare put',
      note: peer.version, cpu: { ours: () => server.cpuMs(), peer: () => cpuMs(peer.pid) },
      ours: async () => (await measured(context, 'A1', server, () => ours(context.roundMs))).perSecond,
      peer: async () => (await theirs(context.roundMs)).perSecond,
    });
  } finally {
    client.close();
    await peer.stop();
  }
}

async function createAlone(context: BenchContext, server: ApiServerUnderTest): Promise<Result> {
  const connections = await openConnections(server.endpoint, 1);
  return compare(context, {
    id: 'A2', what: 'one client\'s durable create, p50, beside fdatasync of 1 KB, p50', unit: 'ms', better: 'lower', aim: 'fdatasync + 0.2 ms',
    ours: async () => (await httpLoad({ connections, durationMs: context.roundMs, expect: 201, request: () => createConfigMap() })).latencyMs.p50,
    peer: () => Promise.resolve(syncMs(server.directory)),
  });
}

function syncMs(directory: string): number {
  const file = openSync(join(directory, 'sync-probe'), 'w');
  const bytes = Buffer.alloc(1_024);
  const tookMs: number[] = [];
  for (let i = 0; i < SYNCS; i++) {
    const startMs = performance.now();
    writeSync(file, bytes, 0, bytes.length, i * bytes.length);
    fdatasyncSync(file);
    tookMs.push(performance.now() - startMs);
  }
  closeSync(file);
  return median(tookMs);
}

async function getBesideNginx(context: BenchContext, server: ApiServerUnderTest): Promise<Result> {
  const peer = await startNginx();
  try {
    const name = `four-${made++}`;
    const body = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${name}"},"data":{"value":"${'x'.repeat(3_700)}"}}`;
    await send(server, 'POST', COLLECTION, body);
    const request = httpRequest('GET', `${COLLECTION}/${name}`);
    writeFileSync(join(peer.directory, 'www/object'), Buffer.alloc(4_096, 'x'));
    const file = httpRequest('GET', '/object');
    const [connections, peerConnections] = [await openConnections(server.endpoint, IN_FLIGHT), await openConnections(peer.endpoint, IN_FLIGHT)];
    const ours = (durationMs: number): Promise<LoadResult> => httpLoad({ connections, durationMs, expect: 200, request: () => request });
    await ours(WARM_MS / 2);
    return await compare(context, {
      id: 'A3', what: 'GET of one 4 KB object over TLS, 64 in flight', unit: '1/s', better: 'higher', aim: '≥ 0.8 × nginx', note: `${peer.version}, one worker`, cpu: { ours: () => server.cpuMs(), peer: () => cpuMs(peer.pid) },
      ours: async () => (await measured(context, 'A3', server, () => ours(context.roundMs))).perSecond,
      peer: async () => (await httpLoad({ connections: peerConnections, durationMs: context.roundMs, expect: 200, request: () => file })).perSecond,
    });
  } finally {
    await peer.stop();
  }
}
