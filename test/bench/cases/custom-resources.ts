/** M11: 1,000 CustomResourceDefinitions, from the first create until all are served, discovered and documented. */
import { send } from '../fixtures.ts';
import { HttpConnection } from '../load/http-connection.ts';
import { httpRequest } from '../load/http-load.ts';
import { resultOf, type BenchCase } from '../measurement.ts';
import { sleep } from '../servers/child.ts';
import { startKubernode, type ApiServerUnderTest } from '../servers/kubernode.ts';

const DEFINITIONS = 1_000;
const GROUPS = 20;
const CREATORS = 16;
const POLL_MS = 20;
const WAIT_MS = 120_000;
const COLLECTION = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

const groupOf = (i: number): string => `group${i % GROUPS}.bench.example`;

function definition(i: number): string {
  const schema = {
    type: 'object', properties: {
      spec: {
        type: 'object', properties: {
          replicas: { type: 'integer', minimum: 0, maximum: 100 }, image: { type: 'string', maxLength: 200 }, mode: { type: 'string', enum: ['a', 'b'], default: 'a' },
          labels: { type: 'object', additionalProperties: { type: 'string' } }, ports: { type: 'array', items: { type: 'object', properties: { port: { type: 'integer' }, name: { type: 'string' } } } },
        },
      },
      status: { type: 'object', properties: { ready: { type: 'boolean' } } },
    },
  };
  return JSON.stringify({
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `things${i}s.${groupOf(i)}` },
    spec: {
      group: groupOf(i), scope: 'Namespaced', names: { plural: `things${i}s`, singular: `things${i}`, kind: `Thing${i}`, listKind: `Thing${i}List` },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema }, subresources: { status: {} } }],
    },
  });
}

export const customResources: BenchCase = {
  ids: ['M11'],
  async run(context) {
    const server = await startKubernode();
    try {
      const count = context.size(DEFINITIONS);
      const before = await memory(server);
      await server.read('reset');
      const cpuStartMs = server.cpuMs();
      const established = new Set<string>();
      const watch = await HttpConnection.open(server.endpoint);
      const watched = watch.request(httpRequest('GET', `${COLLECTION}?watch=1`), { onBody: namesIn(established) }).catch(() => {});
      const startMs = performance.now();
      let next = 0;
      await Promise.all(Array.from({ length: CREATORS }, async () => {
        const connection = await HttpConnection.open(server.endpoint);
        while (next < count) {
          const answer = await connection.request(httpRequest('POST', COLLECTION, definition(next++)), { keep: true });
          if (answer.status !== 201) throw new Error(`a definition was answered with ${answer.status}: ${answer.body!.toString('utf8').slice(0, 400)}`);
        }
        connection.close();
      }));
      const createdMs = performance.now() - startMs;
      await until(async () => established.size === count, 'established');
      const establishedMs = performance.now() - startMs;
      await until(async () => [...(await text(server, '/apis', 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList')).matchAll(/"resource":"things\d+s"/g)].length === count, 'discovered');
      const discoveredMs = performance.now() - startMs;
      await until(async () => [...(await text(server, `/openapi/v3/apis/${groupOf(count - 1)}/v1`)).matchAll(/"[a-z0-9.]*\.v1\.Thing\d+"\s*:/g)].length >= Math.floor(count / GROUPS), 'documented (v3)');
      await until(async () => new Set([...(await text(server, '/openapi/v2')).matchAll(/\.v1\.Thing(\d+)"\s*:/g)].map(([, i]) => i)).size === count, 'documented (v2)');
      const documentedMs = performance.now() - startMs;
      const { stallMs } = await server.read('reset');
      const cpuMs = server.cpuMs() - cpuStartMs;
      watch.close();
      await watched;
      const onceMore = await oneMore(server, count);
      const after = await memory(server);
      context.stalls.push({ id: 'M11', ms: stallMs });
      const figure = (what: string, ms: number): ReturnType<typeof resultOf> => resultOf({ id: 'M11', what, unit: 'ms', better: 'lower' }, [ms]);
      return [
        figure(`${count} definitions created, 16 in flight`, createdMs), figure('  all established', establishedMs), figure('  all in discovery', discoveredMs), figure('  all in OpenAPI v3 and v2', documentedMs),
        figure('  processor time of it all', cpuMs),
        figure('  one more: from its create to OpenAPI v2', onceMore),
        resultOf({ id: 'M11', what: '  memory they take: process', unit: 'MiB', better: 'lower' }, [after.process - before.process]),
        resultOf({ id: 'M11', what: '  memory one takes: heap and buffers', unit: 'KiB', better: 'lower' }, [(after.held - before.held) * 1024 / (count + 1)]),
        resultOf({ id: 'M11', what: '  longest stall of the event loop', unit: 'ms', better: 'lower' }, [stallMs]),
      ];
    } finally {
      await server.stop();
    }
  },
};

/** After a collection. */
async function memory(server: ApiServerUnderTest): Promise<{ process: number; held: number }> {
  const { heapMiB, externalMiB } = await server.read('collect');
  return { process: server.memoryMiB(), held: heapMiB + externalMiB };
}

/** Of the definitions in a watch's events that are established. */
function namesIn(established: Set<string>): (piece: Buffer) => void {
  let rest = '';
  return (piece) => {
    const lines = (rest + piece.toString('utf8')).split('\n');
    rest = lines.pop()!;
    for (const line of lines) if (line.includes('"type":"Established"')) established.add(/"name":"(things\d+s\.[^"]*)"/.exec(line)![1]!);
  };
}

async function oneMore(server: ApiServerUnderTest, number: number): Promise<number> {
  const startMs = performance.now();
  await send(server, 'POST', COLLECTION, definition(number), [201]);
  await until(async () => (await text(server, '/openapi/v2')).includes(`.v1.Thing${number}"`), 'documented (v2)');
  return performance.now() - startMs;
}

async function text(server: ApiServerUnderTest, path: string, accept = 'application/json'): Promise<string> {
  if (accept === 'application/json') return (await send(server, 'GET', path)).toString('utf8');
  const connection = await HttpConnection.open(server.endpoint);
  const answer = await connection.request(httpRequest('GET', path).replace('Accept: application/json', `Accept: ${accept}`), { keep: true });
  connection.close();
  return answer.body!.toString('utf8');
}

async function until(done: () => Promise<boolean>, what: string): Promise<void> {
  const endMs = performance.now() + WAIT_MS;
  while (!await done()) {
    if (performance.now() > endMs) throw new Error(`not all definitions were ${what} in time`);
    await sleep(POLL_MS);
  }
}
