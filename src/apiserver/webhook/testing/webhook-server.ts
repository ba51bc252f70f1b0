/** A webhook to test with: a real HTTPS server on loopback, with an authority of its own. The last path segment chooses the answer. */
import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createPublicKey } from 'node:crypto';
import { systemRandom } from '#base/random';
import { systemClock } from '#base/clock';
import { createAuthority, generateKey, issueCertificate, privateKeyPem } from '#pki/certificate';

// oxlint-disable-next-line typescript/no-explicit-any -- any document, looked into by each test
export type Review = Record<string, any>;
/** The answer's body, or what to do with the connection. */
export type Answer = object | string | { readonly status: number; readonly text: string; readonly headers?: Readonly<Record<string, string>> } | 'hang' | 'cut';

export interface WebhookServer {
  readonly port: number;
  /** The authority's certificate, as `clientConfig.caBundle` takes it. */
  readonly caBundle: string;
  /** What came, oldest first. */
  readonly seen: { readonly path: string; readonly review: Review }[];
  answers: Record<string, (review: Review) => Answer>;
  /** Connections made so far. */
  readonly connections: number;
  close(): Promise<void>;
}

const DAY_MS = 86_400_000;

export async function startWebhookServer(answers: WebhookServer['answers']): Promise<WebhookServer> {
  const nowMs = systemClock.now();
  const period = { notBeforeMs: nowMs - DAY_MS, notAfterMs: nowMs + DAY_MS };
  const authority = createAuthority({ commonName: 'webhook-authority', random: systemRandom, ...period });
  const key = generateKey();
  const names = { dnsNames: ['localhost', 'hook.default.svc'], ipAddresses: ['127.0.0.1'] };
  const cert = issueCertificate(authority, { subject: { commonName: 'webhook' }, publicKey: createPublicKey(key), usages: ['digital signature', 'server auth'], names, ...period }, systemRandom);
  const server = createServer({ key: privateKeyPem(key), cert }, (request, response) => { void answer(request, response); });
  const state: WebhookServer & { connections: number } = {
    port: 0, caBundle: Buffer.from(authority.certificatePem).toString('base64'), seen: [], answers, connections: 0,
    close: () => new Promise((resolve) => { server.close(() => { resolve(); }); server.closeAllConnections(); }),
  };
  server.on('secureConnection', () => { state.connections++; });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
    const path = request.url ?? '';
    const review = JSON.parse(Buffer.concat(pieces).toString()) as Review;
    state.seen.push({ path, review });
    const made = state.answers[path.replace(/\?.*/, '').split('/').at(-1)!]?.(review) ?? { status: 404, text: 'no such answer' };
    if (made === 'hang') return;
    if (made === 'cut') { request.socket.destroy(); return; }
    if (typeof made === 'object' && 'status' in made && 'text' in made) {
      response.writeHead(made.status as number, { 'content-type': 'text/plain', ...made['headers'] as object });
      response.end(made.text);
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(typeof made === 'string' ? made : JSON.stringify(made));
  }

  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return Object.assign(state, { port: (server.address() as { port: number }).port });
}
