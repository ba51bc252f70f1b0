/** What the kubelet's server refuses before any route: framing, targets, slow and plain callers. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectPlain } from 'node:net';
import { after, before, test } from 'node:test';
import { connect } from 'node:tls';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { MetricsRegistry } from '#base/metrics';
import { seededRandom } from '#base/random';
import { clusterPki } from '#pki/cluster-pki';
import { createKubeletServer, type KubeletServer, type KubeletServerOptions } from './kubelet-server.ts';

const pki = clusterPki({ clock: systemClock, random: seededRandom(1), addresses: ['127.0.0.1'] });
let server: KubeletServer;

before(async () => {
  // No route is reached, so nothing behind them is needed.
  server = createKubeletServer({
    clock: systemClock, random: seededRandom(1), log: silentLogger, metrics: new MetricsRegistry(),
    config: { port: 0, address: '127.0.0.1', nodeName: 'node' }, limits: { headersMs: 200, requestMs: 400, checkMs: 25 },
    serving: { certificate: pki.serving.certificatePem, key: pki.serving.privateKeyPem, clientCa: pki.authority.certificatePem },
  } as unknown as KubeletServerOptions);
  await server.start();
});
after(() => server.stop());

async function ask(bytes: string, { trickle = '', known = true } = {}): Promise<{ codes: string[]; closed: boolean }> {
  const socket = connect({ port: server.address().port, host: '127.0.0.1', ca: pki.authority.certificatePem, ...(known ? { cert: pki.admin.certificatePem, key: pki.admin.privateKeyPem } : {}) });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  socket.write(bytes, 'latin1');
  const drip = trickle === '' ? undefined : setInterval(() => { if (socket.writable) socket.write(trickle); }, 20).unref();
  let text = '';
  let closed = false;
  await new Promise<void>((resolve) => {
    socket.on('close', () => { closed = true; resolve(); });
    socket.on('data', (data) => { text += data.toString('latin1'); if (/^HTTP\/1.1 \d+ [^]*\r\n\r\n/.test(text) && !/^connection: close/im.test(text)) resolve(); });
  });
  clearInterval(drip);
  socket.destroy();
  return { codes: [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1]!), closed };
}

const HOST = 'Host: x\r\n';
const REFUSED: readonly (readonly [name: string, bytes: string, code: string])[] = [
  ['B1 Content-Length with Transfer-Encoding', `POST /pods HTTP/1.1\r\n${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, '400'],
  ['B2 two Host headers', 'GET /pods HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', '400'],
  ['B3 a header block over the limit', `GET /pods HTTP/1.1\r\n${HOST}X: ${'a'.repeat(80_000)}\r\n\r\n`, '431'],
  ['B3 more than 200 headers', `GET /pods HTTP/1.1\r\n${HOST}${Array.from({ length: 205 }, (_, i) => `X-${i}: a\r\n`).join('')}\r\n`, '431'],
  ['B6 Content-Encoding gzip', `POST /pods HTTP/1.1\r\n${HOST}Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}`, '415'],
];
for (const [name, bytes, code] of REFUSED) test(`${name}: ${code}, closed`, async () => assert.deepEqual(await ask(bytes), { codes: [code], closed: true }));

for (const target of ['/logs/../x', '/logs/%2e%2e/x', '/containerLogs/a/b%2fc/d', '/pods%00', '/pods\\x', '//pods', '/pods;x', '/%zz', '/pods?a=%zz', '/%ff', '/pods?a=%ff', 'http://x/pods']) {
  test(`B7, B8, B9, B83: ${target}: 400`, async () => assert.deepEqual((await ask(`GET ${target} HTTP/1.1\r\n${HOST}\r\n`)).codes, ['400']));
}

test('B83: an unknown path is 404, and 401 for who shows nothing', async () => {
  assert.deepEqual((await ask(`GET /nothing HTTP/1.1\r\n${HOST}\r\n`)).codes, ['404']);
  assert.deepEqual((await ask(`GET /nothing HTTP/1.1\r\n${HOST}\r\n`, { known: false })).codes, ['401']);
});

test('B4: headers that trickle get 408', async () => {
  assert.deepEqual(await ask(`GET /pods HTTP/1.1\r\n${HOST}X: `, { trickle: 'a' }), { codes: ['408'], closed: true });
});

test('B12: plain HTTP is told so', async () => {
  const socket = connectPlain(server.address().port, '127.0.0.1');
  let text = '';
  socket.on('data', (data) => { text += String(data); });
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(socket, 'close');
  assert.match(text, /^HTTP\/1\.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server\.\n$/);
});
