/**
 * An API server alone and still (no controllers), and the one check that every bad input gets: the right refusal as a Status,
 * no revision consumed, and a second client served as before.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createApiServer, type ApiServer } from '#apiserver/server';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { systemRandom, type Random } from '#base/random';
import { clusterPki } from '#pki/cluster-pki';
import { createMemoryStorage } from '#storage/memory/memory-storage';

// oxlint-disable-next-line typescript/no-explicit-any -- any kind of answer, looked into by each test
export type Json = Record<string, any>;
export interface Answer { readonly status: number; readonly body: Json; readonly text: string; readonly headers: Readonly<Record<string, string>> }

export interface Bad {
  /** Begins with its id. */
  readonly name: string;
  readonly method?: string;
  readonly path: string;
  readonly body?: unknown;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly code: number;
  readonly says?: RegExp | string;
  readonly reason?: string;
  /** Fields of the causes, each of which must be there. */
  readonly causes?: readonly string[];
}

export interface Playground {
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Makes what a test needs. @throws when it is not taken */
  make(path: string, ...objects: readonly Json[]): Promise<Json>;
  revision(): Promise<number>;
  server(): ApiServer;
  refuses(...cases: readonly Bad[]): void;
}

export const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const PKI = clusterPki({ clock: systemClock, random: systemRandom });

export function playground(prepare?: (playground: Playground) => Promise<void>, random: Random = systemRandom): Playground {
  const storage = createMemoryStorage({ clock: systemClock });
  const server = createApiServer({ storage, clock: systemClock, random, log: silentLogger, metrics: new MetricsRegistry(), pki: PKI });

  async function ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}, user = 'admin'): Promise<Answer> {
    const transport = server.transport({ name: user, groups: ['system:masters'] });
    const bytes = body === undefined ? undefined : Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const response = await transport.request({ method, path, headers: { ...(bytes === undefined ? {} : { 'content-type': type }), ...headers }, ...(bytes === undefined ? {} : { body: bytes }) });
    const pieces: Buffer[] = [];
    for await (const piece of response.body) pieces.push(piece);
    const text = Buffer.concat(pieces).toString();
    let parsed: Json = {};
    try { parsed = JSON.parse(text) as Json; } catch { /* not every answer is JSON */ }
    return { status: response.status, body: parsed, text, headers: response.headers };
  }

  const place: Playground = {
    ask,
    server: () => server,
    revision: () => storage.currentRevision(),
    async make(path, ...objects) {
      let made: Answer | undefined;
      for (const object of objects) {
        made = await ask('POST', path, object);
        assert.ok(made.status === 201 || made.status === 200, `${path}: ${made.text}`);
      }
      return made!.body;
    },
    refuses(...cases) {
      for (const bad of cases) {
        test(`${bad.name}: ${bad.code}`, async () => {
          const revision = await storage.currentRevision();
          const witness = (): Promise<Answer> => ask('GET', `${CONFIG_MAPS}/witness`, undefined, {}, 'other');
          const { text } = await witness();
          const body = typeof bad.body === 'function' ? (bad.body as () => unknown)() : bad.body;
          const answer = await ask(bad.method ?? 'POST', bad.path, body, { ...(bad.type === undefined ? {} : { 'content-type': bad.type }), ...bad.headers });
          checkRefusal(bad, answer);
          assert.equal(await storage.currentRevision(), revision, 'no revision is consumed');
          assert.equal((await witness()).text, text, 'another client is served as before');
        });
      }
    },
  };
  before(async () => {
    await server.start(new AbortController().signal);
    await place.make('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
    await place.make(CONFIG_MAPS, { metadata: { name: 'witness' }, data: { a: '1' } });
    await prepare?.(place);
  });
  after(() => server.stop());
  return place;
}

function checkRefusal(bad: Bad, answer: Answer): void {
  assert.equal(answer.status, bad.code, answer.text.slice(0, 500));
  assert.equal(answer.body['kind'], 'Status', answer.text.slice(0, 500));
  assert.equal(answer.body['code'], bad.code);
  const message = String(answer.body['message']);
  if (typeof bad.says === 'string') assert.ok(message.includes(bad.says), message.slice(0, 2000));
  else if (bad.says !== undefined) assert.match(message.slice(0, 20_000), bad.says);
  if (bad.reason !== undefined) assert.equal(answer.body['reason'], bad.reason);
  const fields = ((answer.body['details'] as Json | undefined)?.['causes'] as Json[] | undefined ?? []).map((cause) => cause['field'] as string);
  for (const field of bad.causes ?? []) assert.ok(fields.includes(field), `${field} is not among ${fields.join(', ')}: ${message}`);
}
