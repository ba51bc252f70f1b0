/** Spoken to by node:http2, which is another implementation of the protocol. */
import assert from 'node:assert/strict';
import { connect, constants, type ClientHttp2Session } from 'node:http2';
import { createServer, connect as connectTcp, type AddressInfo, type Server } from 'node:net';
import { after, before, test } from 'node:test';
import { createGrpcServer, type GrpcServer } from './server.ts';
import { GRPC, GrpcError } from './status.ts';

const REQUEST_BYTES_MAX = 3 << 20;
let grpc: GrpcServer;
let server: Server;
let session: ClientHttp2Session;
let cancelled = 0;

before(async () => {
  grpc = createGrpcServer({
    unary: {
      '/t.T/Echo': (request) => Buffer.from(request),
      '/t.T/Later': async (request) => { await new Promise((resolve) => { setImmediate(resolve); }); return [request.subarray(0, 1), request.subarray(1)]; },
      '/t.T/Fail': () => { throw new GrpcError(GRPC.notFound, 'nicht da: 100 % ü'); },
      '/t.T/Crash': async () => { throw new Error('secret'); },
      '/t.T/Large': (request) => Buffer.alloc(Number(request.toString()), 'x'),
    },
    streams: {
      '/t.T/Count': async (stream) => {
        stream.onCancel(() => { cancelled++; });
        for await (const message of stream.messages()) {
          for (let i = 0; i < Number(message.toString()); i++) { stream.send(Buffer.from(String(i))); await stream.drained(); }
        }
      },
    },
    requestBytesMax: REQUEST_BYTES_MAX,
    explain: () => new GrpcError(GRPC.unknown, 'explained'),
  });
  server = createServer((socket) => grpc.accept(socket));
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', () => resolve()); });
  session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
after(async () => {
  session.destroy();
  grpc.destroy();
  await new Promise((resolve) => { server.close(resolve); });
});

interface Answer { readonly status: string | undefined; readonly message: string | undefined; readonly messages: Buffer[] }

function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function call(path: string, messages: readonly Buffer[], headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...headers });
    let body = Buffer.alloc(0);
    let status: string | undefined;
    let message: string | undefined;
    const note = (fields: Record<string, unknown>): void => { status ??= fields['grpc-status'] as string; message ??= fields['grpc-message'] as string; };
    const chunks: Buffer[] = [];
    stream.on('response', note);
    stream.on('trailers', note);
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('close', () => {
      body = Buffer.concat(chunks);
      const found: Buffer[] = [];
      for (let at = 0; at < body.length;) { const length = body.readUInt32BE(at + 1); found.push(body.subarray(at + 5, at + 5 + length)); at += 5 + length; }
      resolve({ status, message: message === undefined ? undefined : decodeURIComponent(message), messages: found });
    });
    for (const one of messages) stream.write(framed(one));
    stream.end();
  });
}

test('gRPC: answers, at once and later, small and larger than every window', async () => {
  assert.deepEqual(await call('/t.T/Echo', [Buffer.from('hello')]), { status: '0', message: undefined, messages: [Buffer.from('hello')] });
  assert.deepEqual((await call('/t.T/Later', [Buffer.from('hello')])).messages, [Buffer.from('hello')]);
  assert.deepEqual((await call('/t.T/Echo', [Buffer.alloc(0)])).messages, [Buffer.alloc(0)]);
  const large = Buffer.alloc(2_500_000, 'y');
  assert.ok((await call('/t.T/Echo', [large])).messages[0]!.equals(large));
  assert.equal((await call('/t.T/Large', [Buffer.from('20000000')])).messages[0]!.length, 20_000_000);
});

test('gRPC: many at once keep apart', async () => {
  const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => call(i % 2 === 0 ? '/t.T/Echo' : '/t.T/Later', [Buffer.from(String(i))], { [`x-${i}`]: 'ü'.repeat(i % 50) })));
  assert.deepEqual(answers.map(({ messages }) => Number(messages[0]!.toString())), Array.from({ length: 500 }, (_, i) => i));
});

test('gRPC: failures carry their code and text, others only what they are explained as', async () => {
  const table: [path: string, messages: Buffer[], status: number, text: RegExp][] = [
    ['/t.T/Fail', [Buffer.from('x')], GRPC.notFound, /^nicht da: 100 % ü$/], ['/t.T/Crash', [Buffer.from('x')], GRPC.unknown, /^explained$/],
    ['/t.T/None', [Buffer.from('x')], GRPC.unimplemented, /unknown method \/t.T\/None/], ['/t.T/Echo', [], GRPC.internal, /one message/],
    ['/t.T/Echo', [Buffer.from('x'), Buffer.from('y')], GRPC.internal, /one message/],
    ['/t.T/Echo', [Buffer.alloc(REQUEST_BYTES_MAX + 1)], GRPC.resourceExhausted, /larger than max/],
  ];
  for (const [path, messages, status, text] of table) {
    const answer = await call(path, messages);
    assert.equal(answer.status, String(status), path);
    assert.match(answer.message!, text);
  }
});

test('gRPC: a stream goes both ways, and learns that its client is gone', async () => {
  assert.deepEqual((await call('/t.T/Count', [Buffer.from('2'), Buffer.from('3')])).messages.map(String), ['0', '1', '0', '1', '2']);
  assert.equal((await call('/t.T/Count', [Buffer.from('100000')])).messages.length, 100_000);
  const before = cancelled;
  const stream = session.request({ ':method': 'POST', ':path': '/t.T/Count', 'content-type': 'application/grpc' });
  stream.on('error', () => undefined);
  stream.write(framed(Buffer.from('1')));
  await new Promise((resolve) => { stream.once('data', resolve); });
  stream.close(constants.NGHTTP2_CANCEL);
  while (cancelled === before) await new Promise((resolve) => { setImmediate(resolve); });
});

test('HTTP/2: what breaks the rules ends its connection, and only that', async () => {
  const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  const table: [string, Buffer][] = [
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')], ['a frame that is too long', Buffer.concat([preface, Buffer.from('ffffff000000000001', 'hex')])],
    ['data on a stream that is not open', Buffer.concat([preface, Buffer.from('000000000000000001', 'hex')])], ['an even stream', Buffer.concat([preface, Buffer.from('000001010400000002', 'hex'), Buffer.from([0x82])])],
    ['a block that is no HPACK', Buffer.concat([preface, Buffer.from('000001010400000001', 'hex'), Buffer.from([0xff])])], ['a push', Buffer.concat([preface, Buffer.from('000004050000000001', 'hex'), Buffer.alloc(4)])],
    ['a window that is widened by nothing', Buffer.concat([preface, Buffer.from('000004080000000000', 'hex'), Buffer.alloc(4)])],
    ['continuations without end', Buffer.concat([preface, Buffer.from('000000010000000001', 'hex'), ...Array.from({ length: 5_000 }, () => Buffer.from('000000090000000001', 'hex'))])],
    ['another frame within a header block', Buffer.concat([preface, Buffer.from('000000010000000001', 'hex'), Buffer.from('000008060000000000', 'hex'), Buffer.alloc(8)])],
  ];
  for (const [name, bytes] of table) {
    const socket = connectTcp((server.address() as AddressInfo).port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.resume();
    socket.write(bytes);
    const ended = await new Promise<string>((resolve) => { socket.on('close', () => resolve('closed')); setTimeout(() => resolve('still open'), 3_000).unref(); });
    socket.destroy();
    assert.equal(ended, 'closed', name);
  }
  assert.equal((await call('/t.T/Echo', [Buffer.from('well')])).status, '0');
});
