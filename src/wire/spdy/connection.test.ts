import assert from 'node:assert/strict';
import { createServer, connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { SpdyConnection, type SpdyStream } from './connection.ts';
import { SPDY_DICTIONARY } from './dictionary.ts';

async function pair(): Promise<{ a: Socket; b: Socket; close: () => Promise<void> }> {
  const server = createServer();
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const accepted = new Promise<Socket>((resolve) => { server.once('connection', resolve); });
  const a = connect((server.address() as { port: number }).port, '127.0.0.1');
  const b = await accepted;
  return { a, b, close: () => new Promise((resolve) => { a.destroy(); b.destroy(); server.close(() => resolve()); }) };
}

async function readAll(stream: SpdyStream): Promise<Buffer> {
  // Not `for await`: its end would destroy the writing side too.
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise<void>((resolve) => { stream.once('end', resolve); });
  return Buffer.concat(chunks);
}

test('the dictionary has the length the protocol says', () => {
  assert.equal(SPDY_DICTIONARY.length, 1423);
});

test('streams with headers, half-closed on their own, in both directions', async () => {
  const { a, b, close } = await pair();
  const seen: Record<string, string>[] = [];
  const server = new SpdyConnection(b, {
    role: 'server',
    onStream(stream) {
      seen.push({ ...stream.headers });
      void stream.reply().then(async () => {
        const text = (await readAll(stream)).toString();
        stream.end(`${text}!`);
      });
    },
  });
  const client = new SpdyConnection(a, { role: 'client' });
  const first = await client.createStream({ streamType: 'stdin' });
  const second = await client.createStream({ streamType: 'stdout' });
  second.end('two');
  first.end(Buffer.alloc(3_000_000, 'x'));
  const [one, two] = await Promise.all([readAll(first), readAll(second)]);
  assert.equal(one.length, 3_000_001);
  assert.equal(two.toString(), 'two!');
  assert.deepEqual(seen, [{ streamtype: 'stdin' }, { streamtype: 'stdout' }]);
  client.close();
  await server.closed;
  await close();
});

test('a peer that breaks the protocol loses its connection, nothing else', async () => {
  const { a, b, close } = await pair();
  const server = new SpdyConnection(b, { role: 'server', onStream() {} });
  a.write(Buffer.from('8002000100000000ffffffff', 'hex'));
  await server.closed;
  await close();
});
