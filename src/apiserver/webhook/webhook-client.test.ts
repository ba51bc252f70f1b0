/** What callers are told when a webhook does not answer, in upstream's words, and what bounds an answer. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { systemClock } from '#base/clock';
import { newNotFound } from '#machinery/status-error';
import type { ServiceResolver } from '../service-resolver.ts';
import { webhookClient, type WebhookClient, type WebhookTarget } from './webhook-client.ts';
import { startWebhookServer, type WebhookServer } from './testing/webhook-server.ts';

let hook: WebhookServer;
let client: WebhookClient;

const resolver: ServiceResolver = {
  resolve: ({ name }) => (name === 'hook' ? Promise.resolve({ host: '127.0.0.1', port: hook.port }) : Promise.reject(newNotFound('', 'service', name))),
};

before(async () => {
  hook = await startWebhookServer({
    echo: (review) => ({ got: review }), hang: () => 'hang', cut: () => 'cut', later: () => (hook.seen.length > 1 ? { ok: true } : { status: 503, text: 'busy', headers: { 'retry-after': '0' } }),
    large: () => 'x'.repeat(40 * 1024 * 1024),
  });
  client = webhookClient({ clock: systemClock, resolver });
});
after(async () => {
  client.close();
  await hook.close();
});

const call = (target: WebhookTarget, timeoutMs = 2_000, signal = new AbortController().signal): Promise<string> => client.call(target, { body: '{"a":1}', timeoutMs, signal });
const at = (path: string): WebhookTarget => ({ url: `https://127.0.0.1:${hook.port}/${path}`, caBundle: hook.caBundle });

test('an answer comes back as it was sent, from a URL and from a service', async () => {
  assert.deepEqual(JSON.parse(await call(at('echo'))), { got: { a: 1 } });
  assert.deepEqual(JSON.parse(await call({ service: { namespace: 'default', name: 'hook', path: '//x/../echo/' }, caBundle: hook.caBundle })), { got: { a: 1 } });
  assert.deepEqual(hook.seen.map(({ path }) => path), ['/echo?timeout=2s', '/echo?timeout=2s']);
  hook.seen.length = 0;
  assert.equal(await call(at('later')), '{"ok":true}', 'asked again when it says so');
});

test('what went wrong is told in upstream\'s words', async () => {
  const plain = createServer((_request, response) => { response.end('plain'); });
  await new Promise<void>((resolve) => { plain.listen(0, '127.0.0.1', resolve); });
  const plainPort = (plain.address() as AddressInfo).port;
  const { port } = hook;
  const cases: readonly [name: string, target: WebhookTarget, text: string][] = [
    ['nobody listens', { url: 'https://127.0.0.1:1/x' }, 'Post "https://127.0.0.1:1/x?timeout=1s": dial tcp 127.0.0.1:1: connect: connection refused'],
    ['an unknown authority', { url: `https://127.0.0.1:${port}/echo` }, `Post "https://127.0.0.1:${port}/echo?timeout=1s": tls: failed to verify certificate: x509: certificate signed by unknown authority`],
    ['another host', { service: { namespace: 'other', name: 'hook' }, caBundle: hook.caBundle }, 'Post "https://hook.other.svc:443/?timeout=1s": tls: failed to verify certificate: x509: certificate is valid for localhost, hook.default.svc, not hook.other.svc'],
    ['no TLS', { url: `https://127.0.0.1:${plainPort}/` }, `Post "https://127.0.0.1:${plainPort}/?timeout=1s": http: server gave HTTP response to HTTPS client`],
    ['a connection that ends', at('cut'), `Post "https://127.0.0.1:${port}/cut?timeout=1s": EOF`],
    ['no answer in time', at('hang'), `Post "https://127.0.0.1:${port}/hang?timeout=1s": context deadline exceeded`],
    ['no such service', { service: { namespace: 'default', name: 'none' } }, 'Post "https://none.default.svc:443/?timeout=1s": service "none" not found'],
    ['authorities that are none', { ...at('echo'), caBundle: 'aGVsbG8=' }, 'unable to load root certificates: unable to parse bytes as PEM block'],
    ['S30: an answer without end', at('large'), `Post "https://127.0.0.1:${port}/large?timeout=1s": the answer is larger than 33554432 bytes`],
  ];
  for (const [name, target, text] of cases) {
    const isSlow = name.startsWith('S30');
    await assert.rejects(call(target, isSlow ? 20_000 : 1_000), (error: Error) => { assert.equal(error.message.replace('timeout=20s', 'timeout=1s'), text, name); return true; });
  }
  await new Promise((resolve) => { plain.close(resolve); plain.closeAllConnections(); });
});

test('who gives up is not told of a failure of the webhook', async () => {
  const caller = new AbortController();
  const waiting = call(at('hang'), 5_000, caller.signal);
  setImmediate(() => { caller.abort(); });
  await assert.rejects(waiting, (error: Error & { cancelled?: boolean }) => error.cancelled === true && error.message.endsWith('context canceled'));
});
