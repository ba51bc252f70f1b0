/** A stream ends when its reader is gone, however it goes: nothing is kept for clients that left. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:tls';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '#base/clock';
import { silentLogger } from '#base/log';
import { seededRandom } from '#base/random';
import { clusterPki } from '#pki/cluster-pki';
import { statusErrorResponse } from './handlers/respond.ts';
import { createListener, type Listener } from './listener.ts';
import type { ApiRequest } from './request.ts';

const pki = clusterPki({ clock: systemClock, random: seededRandom(1), addresses: ['127.0.0.1'] });
const nobody: ApiRequest = { method: '', target: '', headers: {}, signal: new AbortController().signal, connection: { remoteAddress: '', tls: true }, readBody: async () => Buffer.alloc(0) };
let listener: Listener;
let port = 0;
let open = 0;
let onClosed: () => void = () => undefined;

/** One piece, then nothing until the request is aborted: as a watch without events. */
async function* quietStream(signal: AbortSignal): AsyncGenerator<Buffer> {
  open++;
  try {
    yield Buffer.from('first');
    await new Promise<void>((resolve) => { signal.addEventListener('abort', () => resolve(), { once: true }); });
  } finally {
    open--;
    onClosed();
  }
}

before(async () => {
  listener = createListener({
    clock: systemClock, log: silentLogger, statusResponse: (error) => statusErrorResponse(nobody, error),
    tls: { key: pki.serving.privateKeyPem, cert: pki.serving.certificatePem, clientAuthorities: [] },
    handler: async (request) => ({ status: 200, headers: {}, body: quietStream(request.signal) }),
  });
  ({ port } = await listener.listen('127.0.0.1', 0));
});

after(() => listener.close());

describe('the stream of a client that leaves is closed', () => {
  const ca = pki.authority.certificatePem;
  const leaving: Record<string, () => Promise<void>> = {
    async 'HTTP/1: connection cut'() {
      const request = httpsRequest({ port, host: '127.0.0.1', ca, path: '/' }).end();
      const [response] = await once(request, 'response') as [NodeJS.ReadableStream];
      await once(response, 'data');
      request.destroy();
    },
    async 'HTTP/2: stream reset'() {
      const session = connectHttp2(`https://127.0.0.1:${port}`, { ca });
      const stream = session.request({ ':path': '/' });
      await once(stream, 'data');
      stream.close(8);
      stream.on('close', () => session.close());
    },
    async 'HTTP/2: connection cut'() {
      const socket = connect({ port, host: '127.0.0.1', ca, ALPNProtocols: ['h2'] });
      const session = connectHttp2(`https://127.0.0.1:${port}`, { createConnection: () => socket });
      session.on('error', () => {});
      const stream = session.request({ ':path': '/' });
      stream.on('error', () => {});
      await once(stream, 'data');
      socket.destroy();
    },
    async 'HTTP/2: the session says goodbye'() {
      const session = connectHttp2(`https://127.0.0.1:${port}`, { ca });
      const stream = session.request({ ':path': '/' });
      stream.on('error', () => {});
      await once(stream, 'data');
      session.destroy();
    },
  };
  for (const [name, leave] of Object.entries(leaving)) {
    test(name, async () => {
      const closed = new Promise<void>((resolve) => { onClosed = resolve; });
      await leave();
      await closed;
      assert.equal(open, 0);
    });
  }
});
