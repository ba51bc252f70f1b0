/**
 * A gRPC server over HTTP/2 connections: whole messages as bytes in, whole messages as bytes out.
 *
 * What it does not do: compression, deadlines (the client resets the stream when its own has passed), reflection. Encoding messages
 * is the business of the methods.
 */
import type { Duplex } from 'node:stream';
import { hpackEncode } from '../http2/hpack.ts';
import { ServerConnection } from '../http2/server-connection.ts';
import type { ServerStream } from '../http2/server-stream.ts';
import { GRPC, GrpcError } from './status.ts';

/** A message in pieces, as it was made. */
export type Message = Buffer | readonly Buffer[];

export interface GrpcCall {
  /** The client has gone or does not want the answer any more. */
  readonly cancelled: () => boolean;
  header(name: string): string | undefined;
}

export interface GrpcStream extends GrpcCall {
  /** Ends when the client has said all, or is gone. */
  messages(): AsyncGenerator<Buffer, void, undefined>;
  send(message: Message): void;
  /** Resolves when little of what was sent is still here; also when the client is gone. */
  drained(): Promise<void>;
  /** Called once, when the client is gone. */
  onCancel(callback: () => void): void;
}

export type UnaryMethod = (request: Buffer, call: GrpcCall) => Message | Promise<Message>;
export type StreamMethod = (stream: GrpcStream) => Promise<void>;

export interface GrpcMethods {
  /** By path, such as `/package.Service/Method`. */
  readonly unary: Readonly<Record<string, UnaryMethod>>;
  readonly streams: Readonly<Record<string, StreamMethod>>;
  readonly requestBytesMax: number;
  /** What a failure that is no GrpcError is told as. */
  readonly explain: (error: unknown) => GrpcError;
}

export interface GrpcServer {
  /** Serves one accepted connection until it ends. */
  accept(socket: Duplex): void;
  /** Tells clients to go elsewhere; what is being answered is answered. */
  leave(): void;
  /** Ends every connection. */
  destroy(): void;
}

const PREFIX_BYTES = 5;
/** Messages of a stream that wait for its method. */
const BACKLOG_MAX = 4_096;
/** Below it a stream takes more. */
const DRAINED_BYTES = 256 << 10;
const MESSAGE_LENGTH_MAX = 1_024;

const HEAD = hpackEncode([[':status', '200'], ['content-type', 'application/grpc']]);
const OK = hpackEncode([['grpc-status', '0']]);

export function createGrpcServer(methods: GrpcMethods): GrpcServer {
  const connections = new Set<ServerConnection>();
  const unary = new Map(Object.entries(methods.unary));
  const streams = new Map(Object.entries(methods.streams));
  return {
    accept(socket) {
      const connection: ServerConnection = new ServerConnection(socket, {
        onStream: (stream, fields) => {
          const call = new Call(stream, fields);
          const path = call.header(':path') ?? '';
          const method = unary.get(path);
          if (call.header(':method') !== 'POST' || !(call.header('content-type') ?? '').startsWith('application/grpc')) {
            stream.begin(hpackEncode([[':status', '415']]));
            stream.end(hpackEncode([['grpc-status', String(GRPC.unimplemented)]]));
          } else if (method !== undefined) {
            answerOnce(stream, call, method, methods);
          } else if (streams.has(path)) {
            void converse(stream, call, streams.get(path)!, methods);
          } else {
            refuse(stream, new GrpcError(GRPC.unimplemented, `unknown method ${path.slice(0, 200)}`), false);
          }
        },
        onClose: () => { connections.delete(connection); },
      });
      connections.add(connection);
    },
    leave() { for (const connection of connections) connection.leave(); },
    destroy() { for (const connection of connections) connection.destroy(); },
  };
}

class Call implements GrpcCall {
  readonly #stream: ServerStream;
  readonly #fields: readonly (readonly [string, string])[];
  constructor(stream: ServerStream, fields: readonly (readonly [string, string])[]) {
    this.#stream = stream;
    this.#fields = fields;
  }

  readonly cancelled = (): boolean => this.#stream.isClosed;
  header(name: string): string | undefined {
    for (const field of this.#fields) if (field[0] === name) return field[1];
    return undefined;
  }
}

function answerOnce(stream: ServerStream, call: Call, method: UnaryMethod, methods: GrpcMethods): void {
  const parser = messageParser(methods.requestBytesMax, (error) => refuse(stream, error, false));
  let request: Buffer | undefined;
  let count = 0;
  stream.onData = (bytes) => parser(bytes, (message) => { request = message; count++; });
  stream.onEnd = () => {
    if (request === undefined || count !== 1) { refuse(stream, new GrpcError(GRPC.internal, 'one message is expected'), false); return; }
    let answer: Message | Promise<Message>;
    try {
      answer = method(request, call);
    } catch (error) {
      refuse(stream, asGrpcError(error, methods), false);
      return;
    }
    if (answer instanceof Promise) answer.then((message) => respond(stream, message), (error: unknown) => refuse(stream, asGrpcError(error, methods), false));
    else respond(stream, answer);
  };
}

function respond(stream: ServerStream, message: Message): void {
  stream.respond(HEAD, framed(message), OK);
}

async function converse(stream: ServerStream, call: Call, method: StreamMethod, methods: GrpcMethods): Promise<void> {
  const held: Buffer[] = [];
  const cancels: (() => void)[] = [];
  let ended = false;
  let begun = false;
  let wake: (() => void) | undefined;
  let drained: (() => void) | undefined;
  const parser = messageParser(methods.requestBytesMax, (error) => refuse(stream, error, begun));
  stream.onData = (bytes) => {
    parser(bytes, (message) => held.push(message));
    if (held.length > BACKLOG_MAX) refuse(stream, new GrpcError(GRPC.resourceExhausted, 'too many messages at once'), begun);
    wake?.();
  };
  stream.onEnd = () => { ended = true; wake?.(); };
  stream.onDrain = () => drained?.();
  stream.onClose = () => {
    ended = true;
    wake?.();
    drained?.();
    for (const cancel of cancels.splice(0)) cancel();
  };
  const begin = (): void => {
    if (begun) return;
    begun = true;
    stream.begin(HEAD);
  };
  try {
    await method({
      cancelled: call.cancelled,
      header: (name) => call.header(name),
      async *messages() {
        for (;;) {
          const message = held.shift();
          if (message !== undefined) { yield message; continue; }
          if (ended) return;
          await new Promise<void>((resolve) => { wake = resolve; });
          wake = undefined;
        }
      },
      send(message) { begin(); stream.write(framed(message)); },
      async drained() {
        while (!stream.isClosed && stream.queuedBytes > DRAINED_BYTES) await new Promise<void>((resolve) => { drained = resolve; });
        drained = undefined;
      },
      onCancel(callback) { if (stream.isClosed) callback(); else cancels.push(callback); },
    });
    begin();
    stream.end(OK);
  } catch (error) {
    refuse(stream, asGrpcError(error, methods), begun);
  }
}

function asGrpcError(error: unknown, methods: GrpcMethods): GrpcError { return error instanceof GrpcError ? error : methods.explain(error); }

/** @param begun header fields have been sent. */
function refuse(stream: ServerStream, { code, message }: GrpcError, begun: boolean): void {
  if (stream.isClosed) return;
  if (!begun) stream.begin(HEAD);
  stream.end(hpackEncode([['grpc-status', String(code)], ['grpc-message', percentEncoded(message)]]));
}

function percentEncoded(text: string): string {
  return [...Buffer.from(text.slice(0, MESSAGE_LENGTH_MAX))].map((byte) => (byte >= 0x20 && byte < 0x7f && byte !== 0x25 ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, '0').toUpperCase()}`)).join('');
}

function framed(message: Message): Buffer {
  const parts = Buffer.isBuffer(message) ? [message] : message;
  let length = 0;
  for (const part of parts) length += part.length;
  const all = Buffer.allocUnsafe(PREFIX_BYTES + length);
  all[0] = 0;
  all.writeUInt32BE(length, 1);
  let at = PREFIX_BYTES;
  for (const part of parts) { part.copy(all, at); at += part.length; }
  return all;
}

/** Cuts what arrives into messages. */
function messageParser(bytesMax: number, fail: (error: GrpcError) => void): (bytes: Buffer, take: (message: Buffer) => void) => void {
  let parts: Buffer[] = [];
  let have = 0;
  let failed = false;
  return (bytes, take) => {
    if (failed) return;
    parts.push(bytes);
    have += bytes.length;
    while (have >= PREFIX_BYTES) {
      if (parts[0]!.length < PREFIX_BYTES) parts = [Buffer.concat(parts)];
      const first = parts[0]!;
      const length = first.readUInt32BE(1);
      if (first[0] !== 0 || length > bytesMax) {
        failed = true;
        parts = [];
        fail(first[0] !== 0 ? new GrpcError(GRPC.unimplemented, 'grpc: Decompressor is not installed for grpc-encoding')
          : new GrpcError(GRPC.resourceExhausted, `grpc: received message larger than max (${length} vs. ${bytesMax})`));
        return;
      }
      const end = PREFIX_BYTES + length;
      if (have < end) return;
      const all = first.length >= end ? first : Buffer.concat(parts);
      if (all !== first) parts = [all];
      take(all.subarray(PREFIX_BYTES, end));
      have -= end;
      if (all.length > end) parts[0] = all.subarray(end); else parts.shift();
    }
  };
}
