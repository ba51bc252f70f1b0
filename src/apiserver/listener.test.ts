import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import { once } from 'node:events';
import { connect as connectPlain } from 'node:net';
import { connect } from 'node:tls';
import { after, before, test } from 'node:test';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { seededRandom } from '#base/random';
import { clusterPki } from '#pki/cluster-pki';
import { statusErrorResponse } from './handlers/respond.ts';
import { createListener, type Listener, type ListenerOptions } from './listener.ts';
import type { ApiRequest } from './request.ts';

const LIMIT = 1024;
const pki = clusterPki({ clock: systemClock, random: seededRandom(1), addresses: ['127.0.0.1'] });
const seen: string[] = [];
let listener: Listener;
let port = 0;
/** The same with short limits. */
let hasty: Listener;
let hastyPort = 0;
const nobody: ApiRequest = { method: '', target: '', headers: {}, signal: new AbortController().signal, connection: { remoteAddress: '', tls: true }, readBody: async () => Buffer.alloc(0) };

const options: ListenerOptions = {
  clock: systemClock, log: silentLogger, statusResponse: (error) => statusErrorResponse(nobody, error),
  tls: { key: pki.serving.privateKeyPem, cert: pki.serving.certificatePem, clientAuthorities: [pki.authority.certificatePem] },
  async handler(request) {
    seen.push(`${request.method} ${request.target}`);
    try {
      const body = request.method === 'POST' ? await request.readBody(LIMIT) : Buffer.from(request.connection.clientCertificateVerified === true ? 'known' : 'unknown');
      return { status: 200, headers: { 'content-type': 'text/plain' }, body };
    } catch (error) {
      return statusErrorResponse(request, error as Parameters<typeof statusErrorResponse>[1]);
    }
  },
};

before(async () => {
  listener = createListener(options);
  hasty = createListener({ ...options, limits: { headersMs: 1_000, bodyMs: 300, requestMs: 2_500, idleMs: 500, checkMs: 50 } });
  ({ port } = await listener.listen('127.0.0.1', 0));
  ({ port: hastyPort } = await hasty.listen('127.0.0.1', 0));
});

after(() => Promise.all([listener.close(), hasty.close()]));

/** Sends raw bytes; gives the status line's code and whether the server closed the connection. */
async function ask(bytes: string, untilClosed = false, { to = port, trickle = '' } = {}): Promise<{ code: number; closed: boolean; text: string }> {
  const socket = connect({ port: to, host: '127.0.0.1', ca: pki.authority.certificatePem });
  await once(socket, 'secureConnect');
  socket.write(bytes, 'latin1');
  const drip = trickle === '' ? undefined : setInterval(() => { if (socket.writable) socket.write(trickle); }, 20).unref();
  let text = '';
  let closed = false;
  socket.on('error', () => {});
  await new Promise<void>((resolve) => {
    socket.on('data', (data) => {
      text += data.toString('latin1');
      const [head, body] = text.split('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(head ?? '')?.[1] ?? Infinity);
      if (!untilClosed && body !== undefined && body.length >= length && !/connection: close/i.test(head!)) resolve();
    });
    socket.on('close', () => { closed = true; resolve(); });
  });
  clearInterval(drip);
  socket.destroy();
  return { code: Number(text.slice(9, 12)), closed, text };
}

const HOST = 'Host: x\r\n';
const REFUSED: readonly (readonly [name: string, bytes: string, code: number])[] = [
  ['B1 Content-Length with Transfer-Encoding', `POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['B1 differing Content-Lengths', `POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`, 400],
  ['B1 unknown Transfer-Encoding', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: foo\r\n\r\n`, 400],
  ['B2 two Host headers', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
  ['B1 unknown Transfer-Encoding before chunked', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: foo, chunked\r\n\r\n0\r\n\r\n`, 400],
  ['B1 Transfer-Encoding in HTTP/1.0', `POST / HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['B1 malformed chunk size', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, foo\r\n\r\nzz\r\n`, 400],
  ['B2 malformed Host', 'GET / HTTP/1.1\r\nHost: a b/c?\r\n\r\n', 400],
  ['B2 HTTP/1.1 without Host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['B2 HTTP/1.0 without Host', 'GET / HTTP/1.0\r\n\r\n', 400],
  ['B3 header block over the limit', `GET / HTTP/1.1\r\n${HOST}X: ${'a'.repeat(80_000)}\r\n\r\n`, 431],
  ['B3 more than 200 headers', `GET / HTTP/1.1\r\n${HOST}${Array.from({ length: 205 }, (_, i) => `X-${i}: a\r\n`).join('')}\r\n`, 431],
  ['B3 NUL in a header', `GET / HTTP/1.1\r\n${HOST}X: a\0b\r\n\r\n`, 400],
  ['B3 bare LF in the headers', `GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n`, 400],
  ['B3 folded header', `GET / HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`, 400],
  ['B6 Content-Encoding gzip', `POST / HTTP/1.1\r\n${HOST}Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}`, 415],
  ['B8 bytes that are not UTF-8 in the target', `GET /api?x=\xff HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['B9 authority-form', `GET x:443 HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['B9 no such method', `FROB / HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['B15 Expect other than 100-continue', `POST / HTTP/1.1\r\n${HOST}Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}`, 417],
  ['B9 CONNECT', `CONNECT x:443 HTTP/1.1\r\n${HOST}\r\n`, 405],
];

for (const [name, bytes, code] of REFUSED) {
  test(`${name}: ${code}, closed, never handled`, async () => {
    const before = seen.length;
    const answer = await ask(bytes);
    assert.deepEqual([answer.code, answer.closed], [code, true], answer.text);
    assert.equal(answer.text.match(/HTTP\/1\.1 /g)?.length, 1, 'one answer');
    assert.equal(seen.length, before);
    assert.match(answer.text, /"kind":"Status"/);
  });
}

test('B5: a body over the limit is refused by its declared length and while it comes in chunks', async () => {
  const declared = await ask(`POST / HTTP/1.1\r\n${HOST}Content-Length: ${LIMIT + 1}\r\n\r\n{`);
  const chunked = await ask(`POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${`200\r\n${' '.repeat(0x200)}\r\n`.repeat(4)}`);
  assert.deepEqual([declared.code, declared.closed, chunked.code, chunked.closed], [413, true, 413, true]);
});

const SLOW: readonly (readonly [name: string, start: string, code: number])[] = [
  ['headers that trickle', `GET / HTTP/1.1\r\n${HOST}X: `, 408],
  ['a body that trickles by its length', `POST / HTTP/1.1\r\n${HOST}Content-Length: 1000\r\n\r\n`, 408],
  ['a body that trickles in chunks', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n400\r\n`, 408],
  ['a body that nobody reads', `GET / HTTP/1.1\r\n${HOST}Content-Length: 1000\r\n\r\n`, 200],
];

for (const [name, start, code] of SLOW) {
  test(`B4: ${name}: ${code}, closed`, { timeout: 30_000 }, async () => {
    const answer = await ask(start, true, { to: hastyPort, trickle: '1' });
    assert.deepEqual([answer.code, answer.closed, answer.text.match(/HTTP\/1\.1 /g)?.length], [code, true, 1], answer.text);
  });
}

test('B4 in HTTP/2: a body that trickles gets 408, a connection without streams and one with endless headers are closed', { timeout: 30_000 }, async () => {
  const session = connectHttp2(`https://127.0.0.1:${hastyPort}`, { ca: pki.authority.certificatePem });
  const closed = once(session, 'close');
  const slow = session.request({ ':method': 'POST', ':path': '/' });
  const ended = once(slow, 'close');
  const drip = setInterval(() => { if (slow.writable) slow.write('1'); }, 20).unref();
  let status: unknown;
  slow.on('response', (headers) => { status = headers[':status']; });
  slow.resume();
  await ended;
  clearInterval(drip);
  assert.equal(status, 408);
  await closed;
  const raw = connect({ port: hastyPort, host: '127.0.0.1', ca: pki.authority.certificatePem, ALPNProtocols: ['h2'] });
  await once(raw, 'secureConnect');
  // Preface, SETTINGS, and HEADERS without END_HEADERS; then CONTINUATION frames of no bytes.
  raw.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]), Buffer.from([0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82])]));
  const endless = setInterval(() => { if (raw.writable) raw.write(Buffer.from([0, 0, 1, 9, 0, 0, 0, 0, 1, 0x84])); }, 20).unref();
  raw.resume();
  raw.on('error', () => {});
  await once(raw, 'close');
  clearInterval(endless);
});

test('B5: a body is asked for only when its length is taken', async () => {
  const answer = await ask(`POST / HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: ${LIMIT + 1}\r\n\r\n`);
  assert.deepEqual([answer.code, answer.closed], [413, true]);
  const { text } = await ask(`POST / HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}`, true);
  assert.match(text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
});

test('a fault behind a request that is being answered is not written into its answer', async () => {
  const { text, closed } = await ask(`GET /a HTTP/1.1\r\n${HOST}\r\n\0\r\n\r\n`, true);
  assert.equal(closed, true);
  assert.match(text, /^HTTP\/1\.1 (200 OK[^]*unknown)?(HTTP\/1\.1 )?400 Bad Request|^$/);
});

test('B12: plain HTTP on the TLS port is answered as upstream does', async () => {
  const socket = connectPlain(port, '127.0.0.1');
  let text = '';
  socket.on('data', (data) => { text += String(data); });
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(socket, 'close');
  assert.equal(text, 'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n');
});

test('a connection serves one request after another', async () => {
  const { text } = await ask(`GET /a HTTP/1.1\r\n${HOST}\r\nGET /b HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, true);
  assert.equal(text.match(/HTTP\/1.1 200 OK/g)?.length, 2);
});

test('connections that are begun and cut by the hundred harm nobody', async () => {
  const begun = Array.from({ length: 300 }, (_, i) => {
    const socket = connectPlain({ port, host: '127.0.0.1' }, () => {
      if (i % 3 > 0) socket.write(i % 3 === 1 ? '\x16\x03\x01' : 'nonsense');
      if (i % 2 === 0) socket.resetAndDestroy(); else socket.end();
    });
    socket.on('error', () => {});
    return once(socket, 'close').catch(() => {});
  });
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask(`GET /among HTTP/1.1\r\n${HOST}\r\n`)));
  assert.deepEqual(new Set(answers.map(({ code }) => code)), new Set([200]));
  await Promise.all(begun);
});

test('HTTP/2 and client certificates', async () => {
  const { certificatePem: cert, privateKeyPem: key } = pki.admin;
  const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: pki.authority.certificatePem, cert, key });
  const stream = session.request({ ':path': '/two' });
  let body = '';
  for await (const piece of stream) body += String(piece);
  session.close();
  assert.equal(body, 'known');
  assert.match((await ask(`GET / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`)).text, /unknown$/);
});

test('S1: TLS 1.1 is refused', async () => {
  const socket = connect({ port, host: '127.0.0.1', ca: pki.authority.certificatePem, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' });
  await assert.rejects(once(socket, 'secureConnect'));
});

test('a connection goes on with another parser where one request is not plain, and after it', async () => {
  const plain = `GET /a HTTP/1.1\r\n${HOST}\r\n`;
  const chunked = `POST /b HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`;
  const before = seen.length;
  const { text, closed } = await askInTurn([plain, plain, chunked, plain, `GET /a HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`]);
  assert.equal(closed, true);
  assert.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, 5);
  assert.deepEqual(seen.slice(before), ['GET /a', 'GET /a', 'POST /b', 'GET /a', 'GET /a']);
});

test('a body may follow its head, and a request the one before it', async () => {
  const before = seen.length;
  const { text } = await askInTurn([`POST /a HTTP/1.1\r\n${HOST}Content-Length: 4\r\n\r\n`, '{}', '{}', `GET /b HTTP/1.1\r\n${HOST}\r\nGET /c HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`], 10);
  assert.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, 3);
  assert.match(text, /\r\n\r\n\{\}\{\}HTTP/);
  assert.deepEqual(seen.slice(before), ['POST /a', 'GET /b', 'GET /c']);
});

/** Sends each piece when something has been answered to the one before, or after a while. */
async function askInTurn(pieces: readonly string[], afterMs = 500): Promise<{ text: string; closed: boolean }> {
  const socket = connect({ port, host: '127.0.0.1', ca: pki.authority.certificatePem });
  await once(socket, 'secureConnect');
  let text = '';
  let closed = false;
  socket.on('data', (data) => { text += data.toString('latin1'); });
  const end = once(socket, 'close').then(() => { closed = true; });
  for (const piece of pieces) {
    socket.write(piece, 'latin1');
    await Promise.race([once(socket, 'data'), end, systemClock.sleep(afterMs)]);
  }
  await end;
  return { text, closed };
}
