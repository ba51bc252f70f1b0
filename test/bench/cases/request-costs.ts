/**
 * M8–M10: what a request costs in processor time, in one process without a network: a 3 KB pod created and applied, step by step,
 * a rule's evaluation, and how often an event is encoded for its watchers.
 *
 * The memory engine is used, so that the disk does not blur the figures; what a durable write adds is for A1 and B1 to say.
 */
import { planOf, serializer, storedPlanOf } from '#apiserver/codec';
import { compileRules } from '#apiserver/crd/rule-evaluation';
import type { ApiRequest, ApiResponse } from '#apiserver/request';
import { createApiServer, type ApiServer } from '#apiserver/server';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { systemRandom } from '#base/random';
import { canonicalObject } from '#machinery/codec/canonical-object';
import { encodeJsonText } from '#machinery/codec/json-encode';
import type { Structural } from '#machinery/schema/structural';
import { clusterPki } from '#pki/cluster-pki';
import { createMemoryStorage } from '#storage/memory/memory-storage';
import { podBody } from '../fixtures.ts';
import { resultOf, type BenchCase, type BenchContext, type Result } from '../measurement.ts';

const POD_BYTES = 3_000;
const REQUESTS = 3_000;
const WARM_REQUESTS = 6_000;
const APPLIED_PODS = 500;
const WATCHERS = 1_000;
const EVENTS = 20;
const PODS = '/api/v1/namespaces/default/pods';

export const requestCosts: BenchCase = {
  ids: ['M8', 'M9', 'M10'],
  async run(context) {
    const storage = createMemoryStorage({ clock: systemClock });
    const server = createApiServer({ storage, clock: systemClock, random: systemRandom, log: silentLogger, metrics: new MetricsRegistry(), pki: clusterPki({ clock: systemClock, random: systemRandom }) });
    await server.start(new AbortController().signal);
    try {
      const results: Result[] = [];
      await call(server, 'POST', '/api/v1/namespaces/default/serviceaccounts', '{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"default"}}');
      if (context.wanted('M9')) results.push(...await podCosts(context, server));
      if (context.wanted('M8')) results.push(await encodings(server));
      if (context.wanted('M10')) results.push(...await ruleCosts(context));
      return results;
    } finally {
      await server.stop();
      await storage.close();
    }
  },
};

async function call(server: ApiServer, method: string, target: string, body = '', contentType = 'application/json', signal = new AbortController().signal): Promise<ApiResponse> {
  const request: ApiRequest = {
    method, target, headers: { accept: 'application/json', 'content-type': contentType, 'user-agent': 'bench/1' }, signal, readBody: () => Promise.resolve(Buffer.from(body)),
    connection: { remoteAddress: '127.0.0.1', tls: true, user: { name: 'admin', groups: ['system:masters'] } },
  };
  const response = await server.handler(request);
  if (response.status >= 300) throw new Error(`${method} ${target}: ${response.status} ${Buffer.isBuffer(response.body) ? response.body.toString('utf8', 0, 500) : ''}`);
  return response;
}

/** Microseconds of processor time of each round, all threads, garbage collection included. */
async function costs(context: BenchContext, run: (n: number) => unknown, count = REQUESTS, warm = WARM_REQUESTS): Promise<number[]> {
  let n = 0;
  for (let i = 0; i < warm; i++) await run(n++);
  const found: number[] = [];
  for (let round = 0; round < context.rounds; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < count; i++) await run(n++);
    const { user, system } = process.cpuUsage(before);
    found.push((user + system) / count);
  }
  return found;
}

async function podCosts(context: BenchContext, server: ApiServer): Promise<Result[]> {
  const figure = (what: string, took: readonly number[]): Result => resultOf({ id: 'M9', what, unit: 'µs', better: 'lower' }, took);
  const body = Buffer.from(podBody('web', POD_BYTES));
  const kind = { group: '', version: 'v1', kind: 'Pod' };
  const decode = (): object => serializer.decode(body, 'application/json', kind, { fieldValidation: 'Warn' }).object;
  const object = decode() as Record<string, unknown>;
  const results = [
    figure('create of a 3 KB pod, everything but network and disk', await costs(context, (n) => call(server, 'POST', PODS, podBody(`web-${n}`, POD_BYTES)))),
    figure('  of which decoding against the schema, strict faults noted', await costs(context, decode)),
    figure('  of which the canonical form for field owners', await costs(context, () => canonicalObject(object, planOf('core/v1.Pod')))),
    figure('  of which encoding as stored', await costs(context, () => Buffer.from(encodeJsonText(object, storedPlanOf('core/v1.Pod'))))),
    figure('GET of it', await costs(context, () => call(server, 'GET', `${PODS}/web-1`))),
  ];
  const apply = (n: number): Promise<ApiResponse> => call(server, 'PATCH', `${PODS}/applied-${n % APPLIED_PODS}?fieldManager=bench`,
    podBody(`applied-${n % APPLIED_PODS}`, POD_BYTES).replace('bench:1', `bench:${n}`).replace('"serviceAccountName":"default",', ''), 'application/apply-patch+yaml');
  results.push(figure('server-side apply of it that changes the image', await costs(context, apply, REQUESTS / 3, WARM_REQUESTS / 4)));
  return results;
}

/** The frames of one event that this many watchers get: one buffer, or many. */
async function encodings(server: ApiServer): Promise<Result> {
  const stop = new AbortController();
  const seen: Set<Buffer>[] = [];
  const readers = await Promise.all(Array.from({ length: WATCHERS }, async () => {
    const response = await call(server, 'GET', '/api/v1/namespaces/default/configmaps?watch=1', '', 'application/json', stop.signal);
    return (response.body as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  }));
  for (let event = 0; event < EVENTS; event++) {
    const pieces = readers.map((reader) => reader.next());
    await call(server, 'POST', '/api/v1/namespaces/default/configmaps', `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"event-${event}"}}`);
    seen.push(new Set((await Promise.all(pieces)).map((piece) => piece.value as Buffer)));
  }
  stop.abort();
  return resultOf({ id: 'M8', what: `encodings of one event for ${WATCHERS} watchers`, unit: '', better: 'lower', aim: '1' }, seen.map((buffers) => buffers.size));
}

const RULES: readonly [what: string, rule: string][] = [
  ['a comparison, `self.replicas <= self.maximum`', 'self.replicas <= self.maximum'],
  ['a macro over 20 items, `self.items.all(i, i.size() < 10)`', 'self.items.all(i, i.size() < 10)'],
  ['a regular expression, `self.name.matches("^[a-z]([-a-z0-9]*[a-z0-9])?$")`', 'self.name.matches("^[a-z]([-a-z0-9]*[a-z0-9])?$")'],
];

async function ruleCosts(context: BenchContext): Promise<Result[]> {
  const value = { replicas: 3, maximum: 5, name: 'web-frontend', items: Array.from({ length: 20 }, (_, i) => `item-${i}`) };
  const results: Result[] = [];
  for (const [what, rule] of RULES) {
    const schema = {
      type: 'object', 'x-kubernetes-validations': [{ rule }],
      properties: {
        replicas: { type: 'integer' }, maximum: { type: 'integer' }, name: { type: 'string', maxLength: 63 }, items: { type: 'array', maxItems: 20, items: { type: 'string', maxLength: 63 } },
      },
    } as unknown as Structural;
    const rules = compileRules(schema, false)!;
    if (rules.check(value, undefined).errors.length > 0) throw new Error(`${rule} does not hold`);
    results.push(resultOf({ id: 'M10', what: `evaluation of ${what}`, unit: 'µs', better: 'lower' }, await costs(context, () => rules.check(value, undefined), REQUESTS * 5, WARM_REQUESTS * 5)));
  }
  return results;
}
