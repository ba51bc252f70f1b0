/** A4, A6, A11, B4, M7: 150,000 pods of 3.8 KB: lists, WatchList, memory, restart; 100,000 of 3 KB as part of them. */
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HttpConnection, type Answer, type Endpoint } from '../load/http-connection.ts';
import { httpRequest } from '../load/http-load.ts';
import { median } from '../load/spread.ts';
import { filledDirectory, podBody, send } from '../fixtures.ts';
import { compare, resultOf, type BenchCase, type BenchContext, type Result } from '../measurement.ts';
import { newDirectory, removeDirectory, sleep } from '../servers/child.ts';
import { startKubernode, type ApiServerUnderTest } from '../servers/kubernode.ts';
import { startNginx } from '../servers/peers.ts';

const PODS = 150_000;
const POD_BYTES = 3_800;
const SMALL_PODS = 100_000;
const SMALL_POD_BYTES = 3_000;
const MEMORY_POLL_MS = 5;
const K0S_MIB = 3_300;
const WATCHERS = 64;
const LIST = httpRequest('GET', '/api/v1/pods');
const WATCH_LIST = httpRequest('GET', '/api/v1/pods?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true');

export const largeLists: BenchCase = {
  ids: ['A4', 'A6', 'A11', 'B4', 'M7'],
  async run(context) {
    const results: Result[] = [];
    if (['A4', 'A6', 'A11', 'B4'].some((id) => context.wanted(id))) await withPods(context, PODS, POD_BYTES, (server, directory) => storeOfPods(context, server, directory, results));
    if (context.wanted('M7')) await withPods(context, SMALL_PODS, SMALL_POD_BYTES, (server) => streamedList(context, server, results));
    return results;
  },
};

async function withPods(context: BenchContext, count: number, bytes: number, run: (server: ApiServerUnderTest, directory: string) => Promise<ApiServerUnderTest | void>): Promise<void> {
  const directory = newDirectory();
  try {
    context.say(`filling a store with ${context.size(count)} pods of ${bytes} bytes`);
    await filledDirectory(directory, 'pods', context.size(count), (name) => podBody(name, bytes));
    const server = await startKubernode({ directory });
    const last = await run(server, directory);
    await (last ?? server).stop();
  } finally {
    removeDirectory(directory);
  }
}

async function storeOfPods(context: BenchContext, first: ApiServerUnderTest, directory: string, results: Result[]): Promise<ApiServerUnderTest> {
  let server = first;
  const count = context.size(PODS);
  if (context.wanted('B4')) {
    const readyMs: number[] = [];
    const readyCpuMs: number[] = [];
    const listedMs: number[] = [];
    const listedCpuMs: number[] = [];
    for (let round = 0; round < context.rounds; round++) {
      if (round > 0) {
        await server.stop();
        server = await startKubernode({ directory });
      }
      readyMs.push(server.readyMs);
      readyCpuMs.push(server.readyCpuMs);
      listedMs.push(server.readyMs + await timed(() => send(server, 'GET', '/api/v1/pods?limit=1')));
      listedCpuMs.push(server.cpuMs());
    }
    results.push(
      resultOf({ id: 'B4', what: `restart to ready with ${count} pods`, unit: 'ms', better: 'lower', aim: '≤ 1,500 ms', note: `processor time ${median(readyCpuMs).toFixed(0)} ms` }, readyMs),
      resultOf({ id: 'B4l', what: 'the same until pods are listed, which waits until each has been read', unit: 'ms', better: 'lower', note: `processor time ${median(listedCpuMs).toFixed(0)} ms` }, listedMs),
    );
  }
  await sleep(2_000);
  if (context.wanted('A11')) {
    await server.read('collect');
    results.push(resultOf(
      { id: 'A11', what: `memory with ${count} pods of ${POD_BYTES} bytes`, unit: 'MiB', better: 'lower', aim: '≤ 820 MiB', note: `k0s's published figure at 20,000 pods as peer; with mapped pages of the file ${server.residentMiB().toFixed(0)} MiB` },
      [server.memoryMiB()], [K0S_MIB],
    ));
  }
  if (context.wanted('A4')) results.push(...await listBesideNginx(context, server));
  if (context.wanted('A6')) results.push(...await watchLists(context, server));
  return server;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

interface Streamed { readonly answer: Answer; readonly extraMiB: number }

/** One big answer, with how much the server's memory grew while it was being sent. */
async function streamed(endpoint: Endpoint, request: string, server: ApiServerUnderTest | undefined): Promise<Streamed> {
  const connection = await HttpConnection.open(endpoint);
  const before = server?.memoryMiB() ?? 0;
  let most = before;
  const timer = setInterval(() => { if (server !== undefined) most = Math.max(most, server.memoryMiB()); }, MEMORY_POLL_MS);
  try {
    return { answer: await connection.request(request), extraMiB: 0 + Math.max(0, most - before) };
  } finally {
    clearInterval(timer);
    connection.close();
  }
}

async function listBesideNginx(context: BenchContext, server: ApiServerUnderTest): Promise<Result[]> {
  const peer = await startNginx();
  try {
    const warm = await streamed(server.endpoint, LIST, undefined);
    const file = join(peer.directory, 'www/list');
    writeFileSync(file, '');
    truncateSync(file, warm.answer.bodyBytes);
    const fileRequest = httpRequest('GET', '/list');
    const firstByteMs: number[] = [];
    const extraMiB: number[] = [];
    await server.read('reset');
    const whole = await compare(context, {
      id: 'A4', what: `LIST of ${context.size(PODS)} pods, ${(warm.answer.bodyBytes / 1e6).toFixed(0)} MB over TLS`, unit: 'ms', better: 'lower', aim: '≥ 0.9 × nginx', note: peer.version,
      ours: async () => {
        const { answer, extraMiB: extra } = await streamed(server.endpoint, LIST, server);
        if (answer.status !== 200) throw new Error(`LIST was answered with ${answer.status}`);
        firstByteMs.push(answer.firstByteMs);
        extraMiB.push(extra);
        return answer.wholeMs;
      },
      peer: async () => (await streamed(peer.endpoint, fileRequest, undefined)).answer.wholeMs,
    });
    const { stallMs } = await server.read('reset');
    context.stalls.push({ id: 'A4', ms: stallMs });
    return [whole, ...streamFigures('A4', firstByteMs, extraMiB, '≤ 20 ms', '≤ 32 MiB')];
  } finally {
    await peer.stop();
  }
}

function streamFigures(id: string, firstByteMs: readonly number[], extraMiB: readonly number[], firstByteAim: string, memoryAim: string): Result[] {
  return [
    resultOf({ id: `${id}f`, what: 'its first byte', unit: 'ms', better: 'lower', aim: firstByteAim }, firstByteMs),
    resultOf({ id: `${id}m`, what: 'memory the server takes for it', unit: 'MiB', better: 'lower', aim: memoryAim }, extraMiB),
  ];
}

async function streamedList(context: BenchContext, server: ApiServerUnderTest, results: Result[]): Promise<void> {
  const wholeMs: number[] = [];
  const firstByteMs: number[] = [];
  const extraMiB: number[] = [];
  const stallMs: number[] = [];
  let bodyBytes = 0;
  await streamed(server.endpoint, LIST, undefined);
  for (let round = 0; round < context.rounds; round++) {
    await server.read('reset');
    const { answer, extraMiB: extra } = await streamed(server.endpoint, LIST, server);
    stallMs.push((await server.read('reset')).stallMs);
    ({ bodyBytes } = answer);
    wholeMs.push(answer.wholeMs);
    firstByteMs.push(answer.firstByteMs);
    extraMiB.push(extra);
  }
  context.stalls.push({ id: 'M7', ms: Math.max(...stallMs) });
  results.push(
    resultOf({ id: 'M7', what: `LIST of ${context.size(SMALL_PODS)} pods, ${(bodyBytes / 1e6).toFixed(0)} MB over TLS`, unit: 'ms', better: 'lower' }, wholeMs),
    ...streamFigures('M7', firstByteMs, extraMiB, 'tens of ms', '≤ 64 MiB'),
    resultOf({ id: 'M7s', what: 'longest stall of the event loop during it', unit: 'ms', better: 'lower', aim: '≤ 50 ms' }, stallMs),
  );
}

/** Reads initial events up to the bookmark that ends them. */
async function watchListOnce(endpoint: Endpoint): Promise<number> {
  const connection = await HttpConnection.open(endpoint);
  const startMs = performance.now();
  try {
    return await new Promise<number>((resolve, reject) => {
      let tail = '';
      connection.request(WATCH_LIST, {
        onBody: (piece) => {
          tail = (tail + piece.toString('latin1', Math.max(0, piece.length - TAIL_BYTES))).slice(-2 * TAIL_BYTES);
          if (tail.includes('k8s.io/initial-events-end')) resolve(performance.now() - startMs);
        },
      }).catch(reject);
    });
  } finally {
    connection.close();
  }
}

/** The closing bookmark of pods is shorter than this. */
const TAIL_BYTES = 4_096;

async function watchLists(context: BenchContext, server: ApiServerUnderTest): Promise<Result[]> {
  const many = context.quick ? 8 : WATCHERS;
  await watchListOnce(server.endpoint);
  await server.read('reset');
  const oneMs: number[] = [];
  for (let round = 0; round < context.rounds; round++) oneMs.push(await watchListOnce(server.endpoint));
  await server.read('collect');
  const before = server.memoryMiB();
  let most = before;
  const timer = setInterval(() => { most = Math.max(most, server.memoryMiB()); }, MEMORY_POLL_MS);
  const manyMs = await Promise.all(Array.from({ length: many }, () => watchListOnce(server.endpoint)));
  clearInterval(timer);
  context.stalls.push({ id: 'A6', ms: (await server.read('reset')).stallMs });
  return [
    resultOf({ id: 'A6', what: `WatchList of ${context.size(PODS)} pods, one client, until the closing bookmark`, unit: 'ms', better: 'lower', aim: '≤ 1,000 ms' }, oneMs),
    resultOf({ id: 'A6w', what: `the same, ${many} clients at once, until the last has it`, unit: 'ms', better: 'lower', note: `median client ${median(manyMs).toFixed(0)} ms; all of them read by one process` }, [Math.max(...manyMs)]),
    resultOf({ id: 'A6m', what: `memory the server takes for these ${many}`, unit: 'MiB', better: 'lower', aim: '≤ 256 MiB' }, [most - before]),
  ];
}
