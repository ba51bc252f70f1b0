/**
 * A streamed answer over WebSocket, for clients (browsers) that know no other stream: lines of a log, events of a watch.
 *
 *     log     binary.k8s.io, (none)   pieces as binary messages
 *             base64.binary.k8s.io    pieces in base64 as text messages; an empty message comes first in either form
 *     watch   (any)                   one event per message: text of JSON, binary of protobuf without its frame length
 *
 * Invariant: the answer is given up when the client leaves. What the client sends is not listened to.
 */
import type { IncomingMessage } from 'node:http';
import { acceptWebSocket, sendWithPressure } from '#wire/websocket/channel-socket';
import { PROTOBUF_TYPE } from '#machinery/codec/content-type';
import { newBadRequest } from '#machinery/status-error';
import { header, type RequestContext } from '../context.ts';
import type { ApiRequest, ApiResponse } from '../request.ts';

type Message = Buffer | string;

const BINARY = 'binary.k8s.io';
const BASE64 = 'base64.binary.k8s.io';
const BEARER_PREFIX = 'base64url.bearer.authorization.k8s.io.';
const FRAME_LENGTH_BYTES = 4;
const NEWLINE = 0x0a;

export function asksForWebSocket(request: ApiRequest): boolean {
  return request.upgrade !== undefined && header(request, 'upgrade').toLowerCase() === 'websocket';
}

/** An answer without a stream stays as it is. */
export async function logOverWebSocket(context: RequestContext, answer: ApiResponse): Promise<ApiResponse> {
  const encode = (piece: Buffer, protocol: string): Message => (protocol === BASE64 ? piece.toString('base64') : piece);
  return overWebSocket(context, answer, [BINARY, BASE64], async function* (source, protocol) {
    yield encode(Buffer.alloc(0), protocol);
    for await (const piece of source) yield encode(piece, protocol);
  });
}

/** An answer without a stream stays as it is. */
export async function watchOverWebSocket(context: RequestContext, answer: ApiResponse): Promise<ApiResponse> {
  const asText = !String(answer.headers['content-type']).startsWith(PROTOBUF_TYPE);
  const offered = header(context.request, 'sec-websocket-protocol').split(',').map((word) => word.trim()).filter((word) => word !== '' && !word.startsWith(BEARER_PREFIX));
  return overWebSocket(context, answer, offered, (source) => (asText ? lines : frames)(source));
}

async function overWebSocket(context: RequestContext, answer: ApiResponse, protocols: readonly string[], messages: (source: AsyncIterable<Buffer>, protocol: string) => AsyncIterable<Message>): Promise<ApiResponse> {
  const { request } = context;
  if (!asksForWebSocket(request)) throw newBadRequest('this path cannot be upgraded');
  if (Buffer.isBuffer(answer.body)) return answer;
  const { socket, head } = request.upgrade!;
  const source = answer.body[Symbol.asyncIterator]();
  const accepted = await acceptWebSocket({ method: request.method, headers: request.headers } as IncomingMessage, socket, head, protocols);
  if (accepted === undefined) await source.return?.();
  else {
    answer.abandoned?.addEventListener('abort', () => accepted.terminate(), { once: true });
    accepted.on('error', () => accepted.terminate());
    accepted.resume();
    accepted.once('close', () => { void source.return?.(); });
    void pump(accepted, messages({ [Symbol.asyncIterator]: () => source }, accepted.protocol));
  }
  return { status: 101, headers: {}, body: Buffer.alloc(0), hijacked: true };
}

type Accepted = NonNullable<Awaited<ReturnType<typeof acceptWebSocket>>>;

async function pump(socket: Accepted, messages: AsyncIterable<Message>): Promise<void> {
  try {
    for await (const message of messages) await sendWithPressure(socket, message);
    socket.close();
  } catch {
    socket.terminate();
  }
}

async function* lines(body: AsyncIterable<Buffer>): AsyncGenerator<Message> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of body) {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      yield rest.toString('utf8', 0, end + 1);
      rest = rest.subarray(end + 1);
    }
  }
}

async function* frames(body: AsyncIterable<Buffer>): AsyncGenerator<Message> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of body) {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    while (rest.length >= FRAME_LENGTH_BYTES) {
      const end = FRAME_LENGTH_BYTES + rest.readUInt32BE(0);
      if (rest.length < end) break;
      yield rest.subarray(FRAME_LENGTH_BYTES, end);
      rest = rest.subarray(end);
    }
  }
}
