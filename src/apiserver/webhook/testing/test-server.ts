/** An API server in this process, asked as an administrator, for tests of what calls webhooks. */
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { systemRandom } from '#base/random';
import { clusterPki } from '#pki/cluster-pki';
import { createMemoryStorage } from '#storage/memory/memory-storage';
import { createApiServer, type ApiServer } from '../../server.ts';
import type { UserInfo } from '../../request.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- any kind of answer, looked into by each test
export type Body = Record<string, any>;
export interface Reply { readonly status: number; readonly body: Body; readonly text: string; readonly headers: Readonly<Record<string, string>> }
export interface AskOptions { readonly type?: string; readonly user?: UserInfo }

export interface TestServer {
  readonly server: ApiServer;
  readonly metrics: MetricsRegistry;
  ask(method: string, path: string, body?: unknown, options?: AskOptions): Promise<Reply>;
  /** Asks again until the answer is as wanted. */
  until(path: string, wanted: (reply: Reply) => boolean): Promise<Reply>;
  /** The events of a watch until `count` have come. */
  watch(path: string, count: number): Promise<Body[]>;
  /** The server's own watches have seen what was written. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

const TRIES_MAX = 400;
/** Watches in this process take a millisecond or two. */
const SETTLE_MS = 25;
const ADMIN: UserInfo = { name: 'admin', groups: ['system:masters', 'system:authenticated'] };

export async function startTestServer(): Promise<TestServer> {
  const metrics = new MetricsRegistry();
  const server = createApiServer({
    storage: createMemoryStorage({ clock: systemClock }), clock: systemClock, random: systemRandom, log: silentLogger, metrics, pki: clusterPki({ clock: systemClock, random: systemRandom }),
  });
  await server.start(new AbortController().signal);
  async function ask(method: string, path: string, body?: unknown, { type = 'application/json', user = ADMIN }: AskOptions = {}): Promise<Reply> {
    const bytes = body === undefined ? undefined : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    const response = await server.transport(user).request({ method, path, headers: bytes === undefined ? {} : { 'content-type': type }, ...(bytes === undefined ? {} : { body: bytes }) });
    const pieces: Buffer[] = [];
    for await (const piece of response.body) pieces.push(piece);
    const text = Buffer.concat(pieces).toString();
    return { status: response.status, text, body: text.startsWith('{') ? JSON.parse(text) as Body : {}, headers: response.headers };
  }
  return {
    server, metrics, ask,
    async until(path, wanted) {
      for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
        const reply = await ask('GET', path);
        if (wanted(reply)) return reply;
        await systemClock.sleep(5);
      }
      throw new Error(`${path} never came to be as wanted`);
    },
    async watch(path, count) {
      const response = await server.transport(ADMIN).request({ method: 'GET', path });
      const events: Body[] = [];
      let text = '';
      for await (const piece of response.body) {
        text += piece.toString();
        const lines = text.split('\n');
        text = lines.pop()!;
        events.push(...lines.map((line) => JSON.parse(line) as Body));
        if (events.length >= count) break;
      }
      response.cancel();
      return events;
    },
    settled: () => systemClock.sleep(SETTLE_MS),
    stop: () => server.stop(),
  };
}
