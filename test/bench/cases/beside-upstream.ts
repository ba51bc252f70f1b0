/** M1–M6: single objects, lists of 20,000 pods and memory, beside upstream's own API server over etcd in the same run. */
import { makeAccount, podBody, send } from '../fixtures.ts';
import { HttpConnection, type Endpoint } from '../load/http-connection.ts';
import { httpLoad, httpRequest, openConnections, type LoadResult } from '../load/http-load.ts';
import { compare, resultOf, type BenchCase, type BenchContext, type Result } from '../measurement.ts';
import { sleep } from '../servers/child.ts';
import { startUpstream } from '../servers/kube-apiserver.ts';
import { startKubernode } from '../servers/kubernode.ts';
import { createConfigMap } from './create-and-get.ts';

const PODS = 20_000;
const WARM_MS = 6_000;
const IN_FLIGHT = 64;
const CREATORS = 32;
const COLLECTION = '/api/v1/namespaces/default/configmaps';
const PODS_PATH = '/api/v1/namespaces/default/pods';

interface Side { readonly endpoint: Endpoint; memoryMiB(): number; cpuMs(): number }

export const besideUpstream: BenchCase = {
  ids: ['M1', 'M2', 'M3', 'M4', 'M5', 'M6'],
  async run(context) {
    const theirs = await startUpstream(context.peerApiServer, context.peerEtcd);
    const ours = await startKubernode();
    try {
      await sleep(3_000);
      return [...await idleMemory(context, ours, theirs), ...await singleObjects(context, ours, theirs), ...await lists(context, ours, theirs)];
    } finally {
      await ours.stop();
      await theirs.stop();
    }
  },
};

function idleMemory(context: BenchContext, ours: Side, theirs: Side): Result[] {
  if (!context.wanted('M6')) return [];
  return [resultOf({ id: 'M6i', what: 'memory, fresh and idle (upstream: with its etcd)', unit: 'MiB', better: 'lower', aim: 'a tenth' }, [ours.memoryMiB()], [theirs.memoryMiB()])];
}

async function singleObjects(context: BenchContext, ours: Side, theirs: Side): Promise<Result[]> {
  const pools = new Map<Side, HttpConnection[]>();
  for (const side of [ours, theirs]) pools.set(side, await openConnections(side.endpoint, IN_FLIGHT));
  const some = (side: Side, inFlight: number): HttpConnection[] => pools.get(side)!.slice(0, inFlight);
  const create = (side: Side, inFlight: number, durationMs: number): Promise<LoadResult> => httpLoad({ connections: some(side, inFlight), durationMs, expect: 201, request: () => createConfigMap() });
  const name = 'four';
  const body = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${name}"},"data":{"value":"${'x'.repeat(3_700)}"}}`;
  const get = (side: Side, inFlight: number, durationMs: number): Promise<LoadResult> => httpLoad({ connections: some(side, inFlight), durationMs, expect: 200, request: () => httpRequest('GET', `${COLLECTION}/${name}`) });
  const results: Result[] = [];
  for (const side of [ours, theirs]) {
    await send(side, 'POST', COLLECTION, body);
    await create(side, 64, WARM_MS);
    await get(side, 64, WARM_MS / 2);
  }
  const cases = [
    { id: 'M1', what: 'create of a 1 KB ConfigMap, one at a time', run: create, inFlight: 1 }, { id: 'M2', what: 'the same, 64 in flight', run: create, inFlight: 64 },
    { id: 'M3', what: 'GET of a 4 KB object, one at a time', run: get, inFlight: 1 }, { id: 'M4', what: 'the same, 64 in flight', run: get, inFlight: 64 },
  ];
  for (const { id, what, run, inFlight } of cases) {
    if (!context.wanted(id)) continue;
    results.push(await compare(context, {
      id, what, unit: '1/s', better: 'higher', aim: '10 × upstream', cpu: { ours: () => ours.cpuMs(), peer: () => theirs.cpuMs() },
      ours: async () => (await run(ours, inFlight, context.roundMs)).perSecond, peer: async () => (await run(theirs, inFlight, context.roundMs)).perSecond,
    }));
  }
  return results;
}

async function lists(context: BenchContext, ours: Side, theirs: Side): Promise<Result[]> {
  if (!context.wanted('M5') && !context.wanted('M6')) return [];
  const count = context.size(PODS);
  for (const side of [ours, theirs]) await fill(side, count);
  const results: Result[] = [];
  const first: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
  const list = async (side: Side, kept: number[]): Promise<number> => {
    const connection = await HttpConnection.open(side.endpoint);
    const answer = await connection.request(httpRequest('GET', `${PODS_PATH}?resourceVersion=0`));
    connection.close();
    kept.push(answer.firstByteMs);
    return answer.wholeMs;
  };
  if (context.wanted('M5')) {
    results.push(await compare(context, {
      id: 'M5', what: `LIST of ${count} pods at resourceVersion=0, whole`, unit: 'ms', better: 'lower', aim: '10 × upstream', ours: () => list(ours, first.ours), peer: () => list(theirs, first.theirs),
    }));
    results.push(resultOf({ id: 'M5f', what: 'its first byte', unit: 'ms', better: 'lower' }, first.ours, first.theirs));
  }
  if (context.wanted('M6')) {
    for (let i = 0; i < 5; i++) for (const side of [ours, theirs]) await list(side, []);
    results.push(resultOf({ id: 'M6', what: `memory with ${count} pods after five full lists (upstream: with its etcd)`, unit: 'MiB', better: 'lower', aim: 'a tenth' }, [ours.memoryMiB()], [theirs.memoryMiB()]));
  }
  return results;
}

async function fill(side: Side, count: number): Promise<void> {
  await makeAccount(side);
  let next = 0;
  await Promise.all(Array.from({ length: CREATORS }, async () => {
    const connection = await HttpConnection.open(side.endpoint);
    while (next < count) {
      const answer = await connection.request(httpRequest('POST', PODS_PATH, podBody(`bench-${next++}`)), { keep: true });
      if (answer.status !== 201) throw new Error(`create of a pod was answered with ${answer.status}: ${answer.body!.toString('utf8').slice(0, 300)}`);
    }
    connection.close();
  }));
}
