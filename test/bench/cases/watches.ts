/** A7, A8, M8: events to many watchers beside redis, from commit to watcher, and how often an event is encoded. */
import { connect, type Socket } from 'node:net';
import { createConfigMap } from './create-and-get.ts';
import { send } from '../fixtures.ts';
import { HttpConnection } from '../load/http-connection.ts';
import { httpRequest } from '../load/http-load.ts';
import { spreadOf } from '../load/spread.ts';
import { compare, resultOf, type BenchCase, type BenchContext, type Result } from '../measurement.ts';
import { sleep } from '../servers/child.ts';
import { startKubernode, type ApiServerUnderTest } from '../servers/kubernode.ts';
import { startRedis } from '../servers/peers.ts';

const WATCHERS = 5_000;
const CONNECT_AT_ONCE = 32;
const EVENTS = 20;
const WRITES_PER_SECOND = 1_000;
/** Of these writes; a server that has just started compiles meanwhile. Stalls count from the first. */
const WARM_UP_SHARE = 0.4;
const COLLECTION = '/api/v1/namespaces/default/configmaps';
/** Marks an event's name, so that deliveries can be counted in the stream. */
const MARK = Buffer.from('"name":"fan-');

export const watches: BenchCase = {
  ids: ['A7', 'A8'],
  async run(context) {
    const results: Result[] = [];
    const server = await startKubernode();
    try {
      if (context.wanted('A8')) results.push(...await commitToWatcher(context, server));
      if (context.wanted('A7')) results.push(await fanOut(context, server));
    } finally {
      await server.stop();
    }
    return results;
  },
};

interface Subscribers { readonly count: number; delivered: number; close(): void }

async function subscribe(count: number, open: (delivered: () => void) => Promise<{ close(): void }>): Promise<Subscribers> {
  const opened: { close(): void }[] = [];
  const all: Subscribers = { count, delivered: 0, close() { for (const one of opened) one.close(); } };
  for (let i = 0; i < count; i += CONNECT_AT_ONCE) {
    opened.push(...await Promise.all(Array.from({ length: Math.min(CONNECT_AT_ONCE, count - i) }, () => open(() => { all.delivered++; }))));
  }
  return all;
}

/** Deliveries a second of events that are sent one after the other, each when the one before has reached everybody. */
async function deliveries(subscribers: Subscribers, sendOne: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  for (let event = 0; event < EVENTS; event++) {
    const target = subscribers.delivered + subscribers.count;
    await sendOne();
    while (subscribers.delivered < target) await new Promise<void>((resolve) => { setImmediate(resolve); });
  }
  return subscribers.count * EVENTS / (performance.now() - startMs) * 1000;
}

function countIn(piece: Buffer, mark: Buffer, found: () => void): void {
  for (let at = piece.indexOf(mark); at >= 0; at = piece.indexOf(mark, at + mark.length)) found();
}

async function fanOut(context: BenchContext, server: ApiServerUnderTest): Promise<Result> {
  const peer = await startRedis();
  const count = context.size(WATCHERS);
  context.say(`connecting ${count} watchers and ${count} subscribers`);
  const watchers = await subscribe(count, async (delivered) => {
    const connection = await HttpConnection.open(server.endpoint);
    connection.request(httpRequest('GET', `${COLLECTION}?watch=1&labelSelector=fan%3Dout`), { onBody: (piece) => countIn(piece, MARK, delivered) }).catch(() => {});
    return connection;
  });
  const channel = Buffer.from('message\r\n');
  const subscribers = await subscribe(count, (delivered) => new Promise((resolve, reject) => {
    const socket: Socket = connect(peer.port, '127.0.0.1', () => socket.write('SUBSCRIBE fan\r\n'));
    socket.once('data', () => {
      socket.on('data', (piece) => countIn(piece, channel, delivered));
      resolve({ close: () => socket.destroy() });
    });
    socket.on('error', reject);
  }));
  const publisher = connect(peer.port, '127.0.0.1');
  const writer = await HttpConnection.open(server.endpoint);
  let made = 0;
  const create = (): Promise<unknown> => writer.request(httpRequest('POST', COLLECTION, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"fan-${made++}","labels":{"fan":"out"}},"data":{"value":"${'x'.repeat(600)}"}}`));
  const payload = 'x'.repeat(1_000);
  await sleep(1_000);
  await deliveries(watchers, create);
  await server.read('reset');
  const result = await compare(context, {
    id: 'A7', what: `deliveries of one event after the other to ${count} watchers over TLS`, unit: '1/s', better: 'higher', aim: '≥ 1 × redis pub/sub without TLS', note: peer.version,
    ours: () => deliveries(watchers, create),
    peer: () => deliveries(subscribers, () => Promise.resolve(publisher.write(`PUBLISH fan ${payload}\r\n`))),
  });
  context.stalls.push({ id: 'A7', ms: (await server.read('reset')).stallMs });
  watchers.close();
  subscribers.close();
  publisher.destroy();
  writer.close();
  await peer.stop();
  return result;
}

/** From the answer to a write, which says it is committed, to its event at a watcher; before counts as at once. From the request, as noted, is more than from the commit. */
async function commitToWatcher(context: BenchContext, server: ApiServerUnderTest): Promise<Result[]> {
  await send(server, 'POST', '/api/v1/namespaces', '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"lag"}}');
  const path = '/api/v1/namespaces/lag/configmaps';
  const sentMs = new Map<string, number>();
  const answeredMs = new Map<string, number>();
  const seenMs = new Map<string, number>();
  let rest = '';
  const watcher = await HttpConnection.open(server.endpoint);
  watcher.request(httpRequest('GET', `${path}?watch=1`), {
    onBody: (piece) => {
      rest += piece.toString('latin1');
      const whole = rest.lastIndexOf('\n') + 1;
      for (const [, name] of rest.slice(0, whole).matchAll(/"metadata":\{"resourceVersion":"\d+","name":"([^"]+)"/g)) seenMs.set(name!, performance.now());
      rest = rest.slice(whole);
    },
  }).catch(() => {});
  const idle = await Promise.all(Array.from({ length: 64 }, () => HttpConnection.open(server.endpoint)));
  const total = Math.round(context.roundMs * context.rounds / 2 / 1000 * WRITES_PER_SECOND);
  await server.read('reset');
  const startMs = performance.now();
  const pending: Promise<void>[] = [];
  for (let written = 0; written < total;) {
    const due = Math.min(total, Math.floor((performance.now() - startMs) * WRITES_PER_SECOND / 1000));
    for (; written < due && idle.length > 0; written++) {
      const connection = idle.pop()!;
      const request = createConfigMap(700, path);
      const name = /"name":"([^"]+)"/.exec(request)![1]!;
      sentMs.set(name, performance.now());
      pending.push(connection.request(request).then(() => { answeredMs.set(name, performance.now()); idle.push(connection); }));
    }
    await new Promise<void>((resolve) => { setImmediate(resolve); });
  }
  await Promise.all(pending);
  const rate = total / (performance.now() - startMs) * 1000;
  await sleep(200);
  context.stalls.push({ id: 'A8', ms: (await server.read('reset')).stallMs });
  watcher.close();
  for (const connection of idle) connection.close();
  const names = [...seenMs.keys()].slice(Math.round(total * WARM_UP_SHARE));
  const lag = spreadOf(names.map((name) => Math.max(0, seenMs.get(name)! - answeredMs.get(name)!)));
  const whole = spreadOf(names.map((name) => seenMs.get(name)! - sentMs.get(name)!));
  if (seenMs.size < total) throw new Error(`${total - seenMs.size} of ${total} events did not come`);
  return [
    resultOf({ id: 'A8', what: 'commit (its answer) to the first watcher at 1,000 writes/s, p50', unit: 'ms', better: 'lower', aim: '≤ 1 ms', note: `${rate.toFixed(0)} writes/s were reached; request to watcher p50 ${whole.p50.toFixed(2)} ms, p99 ${whole.p99.toFixed(1)} ms` }, [lag.p50]),
    resultOf({ id: 'A8l', what: 'the same, p99', unit: 'ms', better: 'lower', aim: '≤ 5 ms' }, [lag.p99]),
  ];
}
