/** Answers on one HTTP/1.1 connection: in order, framed by length or in chunks, whatever kind follows which. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:tls';
import { after, before, test } from 'node:test';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { seededRandom } from '#base/random';
import { clusterPki } from '#pki/cluster-pki';
import { statusErrorResponse } from './handlers/respond.ts';
import { createListener, type Listener } from './listener.ts';
import type { ApiRequest, ApiResponse } from './request.ts';

const LARGE = 300_000;
const pki = clusterPki({ clock: systemClock, random: seededRandom(1), addresses: ['127.0.0.1'] });
const nobody: ApiRequest = { method: '', target: '', headers: {}, signal: new AbortController().signal, connection: { remoteAddress: '', tls: true }, readBody: async () => Buffer.alloc(0) };
let listener: Listener;
let port = 0;

async function* pieces(...texts: readonly string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

const ANSWERS: Readonly<Record<string, () => ApiResponse>> = {
  '/small': () => ({ status: 200, headers: { 'content-type': 'text/plain', warning: ['one', 'two'] }, body: Buffer.from('small') }),
  '/large': () => ({ status: 200, headers: {}, body: Buffer.alloc(LARGE, 'l') }),
  '/pieces': () => ({ status: 200, headers: {}, body: pieces('a', '', 'b'.repeat(20_000), 'c') }),
  '/known': () => ({ status: 200, headers: { 'content-length': '4' }, body: pieces('ab', 'cd') }),
  '/same': () => ({ status: 304, headers: { etag: '"x"' }, body: Buffer.alloc(0) }),
  '/split': () => ({ status: 200, headers: { warning: 'a\r\nSet-Cookie: b' }, body: Buffer.from('') }),
  '/end': () => ({ status: 404, headers: {}, body: Buffer.from('end') }),
};

before(async () => {
  listener = createListener({
    clock: systemClock, log: silentLogger, statusResponse: (error) => statusErrorResponse(nobody, error),
    tls: { key: pki.serving.privateKeyPem, cert: pki.serving.certificatePem, clientAuthorities: [] },
    handler: async ({ target }) => ANSWERS[target]!(),
  });
  ({ port } = await listener.listen('127.0.0.1', 0));
});

after(() => listener.close());

/** Asks for all at once, each in a record of its own, and reads until the last answer or the end. */
async function answersTo(...targets: readonly string[]): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', ca: pki.authority.certificatePem });
  await once(socket, 'secureConnect');
  for (const target of targets) socket.write(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
  let text = '';
  for await (const bytes of socket) {
    text += (bytes as Buffer).toString('latin1');
    if (text.endsWith('\r\n\r\nend')) break;
  }
  socket.destroy();
  return text.replace(/Date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n/g, 'Date: …\r\n');
}

const SMALL = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nWarning: one\r\nWarning: two\r\nDate: …\r\nContent-Length: 5\r\n\r\nsmall';
const LARGE_TEXT = `HTTP/1.1 200 OK\r\nDate: …\r\nContent-Length: ${LARGE}\r\n\r\n${'l'.repeat(LARGE)}`;
const PIECES = `HTTP/1.1 200 OK\r\nDate: …\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n4e20\r\n${'b'.repeat(20_000)}\r\n1\r\nc\r\n0\r\n\r\n`;
const KNOWN = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nDate: …\r\n\r\nabcd';
const SAME = 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nDate: …\r\n\r\n';
const END = 'HTTP/1.1 404 Not Found\r\nDate: …\r\nContent-Length: 3\r\n\r\nend';

test('answers come in the order of their requests, each framed', async () => {
  assert.equal(await answersTo('/small', '/pieces', '/small', '/large', '/same', '/small', '/known', '/end'), SMALL + PIECES + SMALL + LARGE_TEXT + SAME + SMALL + KNOWN + END);
});

test('what no header can hold ends the connection and splits no answer', async () => {
  assert.equal(await answersTo('/small', '/split', '/end'), SMALL);
  // Read by Node.
  assert.equal(await answersTo('/split HTTP/1.1\r\nConnection: close\r\nX:', '/end'), '');
});
