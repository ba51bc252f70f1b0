/**
 * As little of etcd's v3 gRPC API as a load needs (Put, Range), on Node's HTTP/2: no stubs, no reflection, bytes in and out.
 *
 * The same client is used against etcd and against the face of our own store, so that it favours neither.
 */
import { connect, constants, type ClientHttp2Session } from 'node:http2';
import { connect as connectSocket } from 'node:net';

const PUT = '/etcdserverpb.KV/Put';
const RANGE = '/etcdserverpb.KV/Range';

export interface EtcdClient {
  put(key: string, value: Buffer): Promise<void>;
  get(key: string): Promise<Buffer>;
  close(): void;
}

/** @param url `http://host:port` or `unix:///path` @param sessions connections to spread calls over. */
export async function etcdClient(url: string, sessions: number): Promise<EtcdClient> {
  const open = await Promise.all(Array.from({ length: sessions }, () => connected(url)));
  let turn = 0;
  const call = (path: string, message: Buffer): Promise<Buffer> => unary(open[turn++ % open.length]!, path, message);
  return {
    async put(key, value) { await call(PUT, Buffer.concat([field(1, Buffer.from(key)), field(2, value)])); },
    get: (key) => call(RANGE, field(1, Buffer.from(key))),
    close() { for (const session of open) session.destroy(); },
  };
}

function connected(url: string): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = url.startsWith('unix://') ? connect('http://localhost', { createConnection: () => connectSocket(url.slice('unix://'.length)) }) : connect(url);
    session.once('error', reject);
    session.once('connect', () => { session.off('error', reject); session.on('error', () => {}); resolve(session); });
  });
}

/** A length-delimited protobuf field. */
function field(number: number, bytes: Buffer): Buffer {
  const head: number[] = [number << 3 | 2];
  let left = bytes.length;
  while (left > 0x7f) { head.push(left & 0x7f | 0x80); left >>>= 7; }
  head.push(left);
  return Buffer.concat([Buffer.from(head), bytes]);
}

function unary(session: ClientHttp2Session, path: string, message: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST', [constants.HTTP2_HEADER_PATH]: path, 'content-type': 'application/grpc', te: 'trailers',
    });
    const pieces: Buffer[] = [];
    let status: unknown;
    stream.on('response', (headers) => { status = headers['grpc-status']; });
    stream.on('trailers', (headers) => { status = headers['grpc-status']; });
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('end', () => { if (status === undefined || Number(status) === 0) resolve(Buffer.concat(pieces)); else reject(new Error(`gRPC status ${String(status)}`)); });
    stream.on('error', reject);
    const frame = Buffer.allocUnsafe(5 + message.length);
    frame[0] = 0;
    frame.writeUInt32BE(message.length, 1);
    message.copy(frame, 5);
    stream.end(frame);
  });
}
