/**
 * The server's side of one HTTP/2 connection (RFC 9113) for many small exchanges: what is answered in one turn of the event loop goes
 * out in one write, and a whole answer is one piece of memory.
 *
 *     socket ──▶ frames ──▶ onStream(headers), stream.onData, stream.onEnd
 *     stream.begin / write / end ──▶ flow control (stream, connection, socket) ──▶ socket
 *
 * Invariants: DATA never exceeds the peer's windows; a stream's frames keep their order; a peer that breaks the rules, or does not
 * read what it asks for, loses the connection and nobody else does. No server push, no priorities, no upgrade from HTTP/1.
 */
import type { Duplex } from 'node:stream';
import { ERROR, FLAG, FRAME, FRAME_BYTES_MAX, FRAME_HEAD_BYTES, SETTING, frame, settingsFrame, uint32Frame, writeFrameHead } from './frame.ts';
import { HpackDecoder, HpackError } from './hpack.ts';
import { dataFrame, ServerStream, type StreamSender } from './server-stream.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
/** What a stream and the whole connection may send us ahead. */
const STREAM_WINDOW_BYTES = 1 << 20;
const CONNECTION_WINDOW_BYTES = 16 << 20;
const STREAMS_MAX = 16_384;
/** A block of header fields with its continuations. */
const HEADER_BLOCK_BYTES_MAX = 32 << 10;
/** Answers to pings, settings and the like that the peer has not read. */
const CONTROL_BYTES_MAX = 1 << 20;
/** In the socket, not yet taken by the system: streams wait above it. */
const SOCKET_BYTES_MAX = 2 << 20;
/** The window all connections begin with. */
const WINDOW_AT_START = 65_535;
const WINDOW_MAX = 2 ** 31 - 1;
const NOTHING = Buffer.alloc(0);

export interface ConnectionEvents {
  /** Headers of a new stream are there; set the stream's callbacks now. */
  readonly onStream: (stream: ServerStream, headers: readonly (readonly [string, string])[]) => void;
  readonly onClose: () => void;
}

export class ServerConnection implements StreamSender {
  readonly #socket: Duplex;
  readonly #events: ConnectionEvents;
  readonly #hpack = new HpackDecoder();
  readonly #streams = new Map<number, ServerStream>();
  /** Streams with something to send and no window. */
  readonly #waiting = new Set<ServerStream>();
  #held: Buffer = NOTHING;
  #greeted = false;
  #lastStreamId = 0;
  #sendWindow = WINDOW_AT_START;
  #streamWindow = WINDOW_AT_START;
  #unacknowledged = 0;
  /** A header block that goes on in the next frame. */
  #block: { readonly streamId: number; readonly flags: number; parts: Buffer[]; bytes: number } | undefined;
  #out: Buffer[] = [];
  #outBytes = 0;
  #flushing = false;
  #controlBytes = 0;
  #leaving = false;
  #closed = false;

  constructor(socket: Duplex, events: ConnectionEvents) {
    this.#socket = socket;
    this.#events = events;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('drain', () => { this.#controlBytes = 0; this.#sendWaiting(); });
    socket.on('error', () => this.#close());
    socket.on('end', () => this.#close());
    socket.on('close', () => this.#close());
    this.push(settingsFrame({ [SETTING.maxConcurrentStreams]: STREAMS_MAX, [SETTING.initialWindowSize]: STREAM_WINDOW_BYTES, [SETTING.maxHeaderListSize]: HEADER_BLOCK_BYTES_MAX }));
    this.push(uint32Frame(FRAME.windowUpdate, 0, CONNECTION_WINDOW_BYTES - WINDOW_AT_START));
  }

  /** Takes no new streams; those that are open may end. */
  leave(): void {
    if (this.#closed || this.#leaving) return;
    this.#leaving = true;
    this.#goaway(ERROR.none);
    if (this.#streams.size === 0) this.#endSocket();
  }

  destroy(): void {
    this.#socket.destroy();
    this.#close();
  }

  /** @internal */
  push(bytes: Buffer): void {
    if (this.#closed) return;
    this.#out.push(bytes);
    this.#outBytes += bytes.length;
    if (this.#flushing) return;
    this.#flushing = true;
    // After all that is answered in this turn.
    process.nextTick(() => this.#flush());
  }

  /** @internal */
  respond(stream: ServerStream, head: Buffer, body: Buffer, trailers: Buffer): void {
    if (stream.closed) return;
    const fits = body.length <= FRAME_BYTES_MAX && body.length <= stream.sendWindow && body.length <= this.#sendWindow && stream.queued === 0
      && this.#socket.writableLength < SOCKET_BYTES_MAX;
    if (!fits) {
      stream.begin(head);
      stream.write(body);
      stream.end(trailers);
      return;
    }
    const { id } = stream;
    const bodyAt = FRAME_HEAD_BYTES + head.length;
    const trailersAt = bodyAt + FRAME_HEAD_BYTES + body.length;
    const all = Buffer.allocUnsafe(trailersAt + FRAME_HEAD_BYTES + trailers.length);
    writeFrameHead(all, 0, head.length, FRAME.headers, FLAG.endHeaders, id);
    head.copy(all, FRAME_HEAD_BYTES);
    writeFrameHead(all, bodyAt, body.length, FRAME.data, 0, id);
    body.copy(all, bodyAt + FRAME_HEAD_BYTES);
    writeFrameHead(all, trailersAt, trailers.length, FRAME.headers, FLAG.endHeaders | FLAG.endStream, id);
    trailers.copy(all, trailersAt + FRAME_HEAD_BYTES);
    this.#sendWindow -= body.length;
    stream.localEnded = true;
    this.push(all);
    this.#ended(stream);
  }

  /** Sends what the windows allow. @internal */
  send(stream: ServerStream): void {
    while (stream.queued > 0) {
      const allowed = Math.min(FRAME_BYTES_MAX, stream.sendWindow, this.#sendWindow, stream.queued);
      if (allowed <= 0 || this.#outBytesTooMany()) { this.#waiting.add(stream); return; }
      this.push(dataFrame(stream, allowed));
      stream.sendWindow -= allowed;
      this.#sendWindow -= allowed;
    }
    this.#waiting.delete(stream);
    if (stream.trailers === undefined) { stream.onDrain(); return; }
    this.push(frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, stream.id, stream.trailers));
    stream.trailers = undefined;
    this.#ended(stream);
  }

  /** @internal */
  reset(stream: ServerStream, code: number): void {
    if (stream.closed) return;
    this.push(uint32Frame(FRAME.rstStream, stream.id, code));
    this.#forget(stream);
  }

  /** Ours is said. What the peer still sends on the stream is not wanted. */
  #ended(stream: ServerStream): void {
    if (!stream.remoteEnded) this.push(uint32Frame(FRAME.rstStream, stream.id, ERROR.none));
    this.#forget(stream);
  }

  #forget(stream: ServerStream): void {
    if (stream.closed) return;
    stream.closed = true;
    stream.queue = [];
    stream.queued = 0;
    this.#waiting.delete(stream);
    this.#streams.delete(stream.id);
    stream.onClose();
    if (this.#leaving && this.#streams.size === 0) this.#endSocket();
  }

  #outBytesTooMany(): boolean { return this.#socket.writableLength + this.#outBytes > SOCKET_BYTES_MAX; }

  #sendWaiting(): void { for (const stream of [...this.#waiting]) this.send(stream); }

  #flush(): void {
    this.#flushing = false;
    if (this.#closed || this.#out.length === 0) return;
    const out = this.#out;
    this.#out = [];
    this.#outBytes = 0;
    this.#socket.write(out.length === 1 ? out[0]! : Buffer.concat(out));
    if (this.#waiting.size > 0 && !this.#outBytesTooMany()) this.#sendWaiting();
  }

  #endSocket(): void {
    this.#flush();
    this.#socket.end();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stream of [...this.#streams.values()]) this.#forget(stream);
    this.#socket.destroy();
    this.#events.onClose();
  }

  #goaway(code: number): void {
    const payload = Buffer.allocUnsafe(8);
    payload.writeUInt32BE(this.#lastStreamId, 0);
    payload.writeUInt32BE(code, 4);
    this.push(frame(FRAME.goaway, 0, 0, payload));
  }

  /** The peer broke the rules: it is told, and that is all. */
  #fail(code: number): void {
    this.#goaway(code);
    this.#flush();
    this.#socket.end();
    this.#close();
  }

  #control(bytes: Buffer): void {
    this.#controlBytes += bytes.length;
    if (this.#socket.writableLength === 0) this.#controlBytes = bytes.length;
    if (this.#controlBytes > CONTROL_BYTES_MAX) this.#fail(ERROR.calm); else this.push(bytes);
  }

  #receive(chunk: Buffer): void {
    if (this.#closed) return;
    let bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    if (!this.#greeted) {
      if (bytes.length < PREFACE.length) { this.#held = bytes; if (!PREFACE.subarray(0, bytes.length).equals(bytes)) this.destroy(); return; }
      if (!bytes.subarray(0, PREFACE.length).equals(PREFACE)) { this.destroy(); return; }
      this.#greeted = true;
      bytes = bytes.subarray(PREFACE.length);
    }
    let at = 0;
    while (bytes.length - at >= FRAME_HEAD_BYTES) {
      const length = bytes.readUIntBE(at, 3);
      if (length > FRAME_BYTES_MAX) { this.#fail(ERROR.frameSize); return; }
      const end = at + FRAME_HEAD_BYTES + length;
      if (end > bytes.length) break;
      const streamId = bytes.readUInt32BE(at + 5) & 0x7fffffff;
      this.#frame(bytes[at + 3]!, bytes[at + 4]!, streamId, bytes.subarray(at + FRAME_HEAD_BYTES, end));
      if (this.#closed) return;
      at = end;
    }
    this.#held = at === bytes.length ? NOTHING : bytes.subarray(at);
  }

  #frame(type: number, flags: number, streamId: number, payload: Buffer): void {
    if (this.#block !== undefined && (type !== FRAME.continuation || streamId !== this.#block.streamId)) { this.#fail(ERROR.protocol); return; }
    switch (type) {
      case FRAME.data: this.#data(flags, streamId, payload); break;
      case FRAME.headers: this.#headers(flags, streamId, payload); break;
      case FRAME.continuation: this.#continuation(flags, payload); break;
      case FRAME.settings: this.#settings(flags, streamId, payload); break;
      case FRAME.windowUpdate: this.#windowUpdate(streamId, payload); break;
      case FRAME.ping:
        if (payload.length !== 8 || streamId !== 0) this.#fail(ERROR.frameSize);
        else if ((flags & FLAG.ack) === 0) this.#control(frame(FRAME.ping, FLAG.ack, 0, payload));
        break;
      case FRAME.rstStream: {
        const stream = this.#streams.get(streamId);
        if (payload.length !== 4 || streamId === 0) this.#fail(ERROR.frameSize);
        else if (stream !== undefined) this.#forget(stream);
        break;
      }
      case FRAME.pushPromise: this.#fail(ERROR.protocol); break;
      // Priorities mean nothing here, a goaway changes nothing for a server, and unknown types are for later versions.
      default: break;
    }
  }

  #data(flags: number, streamId: number, payload: Buffer): void {
    if (streamId === 0 || streamId > this.#lastStreamId) { this.#fail(ERROR.protocol); return; }
    this.#unacknowledged += payload.length;
    if (this.#unacknowledged >= CONNECTION_WINDOW_BYTES / 4) {
      this.push(uint32Frame(FRAME.windowUpdate, 0, this.#unacknowledged));
      this.#unacknowledged = 0;
    }
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    if (stream.remoteEnded) { this.reset(stream, ERROR.streamClosed); return; }
    const bytes = unpadded(flags, payload);
    if (bytes === undefined) { this.#fail(ERROR.protocol); return; }
    const ends = (flags & FLAG.endStream) !== 0;
    stream.unacknowledged += payload.length;
    if (!ends && stream.unacknowledged >= STREAM_WINDOW_BYTES / 2) {
      this.push(uint32Frame(FRAME.windowUpdate, streamId, stream.unacknowledged));
      stream.unacknowledged = 0;
    }
    if (bytes.length > 0) stream.onData(bytes);
    if (ends && !stream.closed) this.#remoteEnd(stream);
  }

  #remoteEnd(stream: ServerStream): void {
    stream.remoteEnded = true;
    stream.onEnd();
  }

  #headers(flags: number, streamId: number, payload: Buffer): void {
    let block = unpadded(flags, payload);
    if (block !== undefined && (flags & FLAG.priority) !== 0) block = block.length < 5 ? undefined : block.subarray(5);
    if (block === undefined || streamId % 2 === 0) { this.#fail(ERROR.protocol); return; }
    if ((flags & FLAG.endHeaders) !== 0) this.#headerBlock(flags, streamId, block);
    else this.#block = { streamId, flags, parts: [block], bytes: block.length };
  }

  #continuation(flags: number, payload: Buffer): void {
    const block = this.#block;
    if (block === undefined) { this.#fail(ERROR.protocol); return; }
    block.parts.push(payload);
    block.bytes += payload.length;
    // An empty one costs as well.
    if (block.bytes + block.parts.length * FRAME_HEAD_BYTES > HEADER_BLOCK_BYTES_MAX) { this.#fail(ERROR.calm); return; }
    if ((flags & FLAG.endHeaders) === 0) return;
    this.#block = undefined;
    this.#headerBlock(block.flags, block.streamId, Buffer.concat(block.parts));
  }

  /** A whole block: of a new stream, or the trailers of one that is open. */
  #headerBlock(flags: number, streamId: number, block: Buffer): void {
    let fields: readonly (readonly [string, string])[];
    try {
      fields = this.#hpack.decode(block);
    } catch (error) {
      if (!(error instanceof HpackError)) throw error;
      this.#fail(ERROR.compression);
      return;
    }
    const ends = (flags & FLAG.endStream) !== 0;
    const open = this.#streams.get(streamId);
    if (open !== undefined) {
      if (open.remoteEnded || !ends) this.reset(open, ERROR.protocol); else this.#remoteEnd(open);
      return;
    }
    if (streamId <= this.#lastStreamId) return;
    this.#lastStreamId = streamId;
    if (this.#leaving || this.#streams.size >= STREAMS_MAX) { this.#control(uint32Frame(FRAME.rstStream, streamId, ERROR.refusedStream)); return; }
    const stream = new ServerStream(this, streamId, this.#streamWindow);
    this.#streams.set(streamId, stream);
    this.#events.onStream(stream, fields);
    if (ends && !stream.closed) this.#remoteEnd(stream);
  }

  #settings(flags: number, streamId: number, payload: Buffer): void {
    if (streamId !== 0 || payload.length % 6 !== 0) { this.#fail(ERROR.frameSize); return; }
    if ((flags & FLAG.ack) !== 0) return;
    for (let at = 0; at < payload.length; at += 6) {
      const value = payload.readUInt32BE(at + 2);
      if (payload.readUInt16BE(at) !== SETTING.initialWindowSize) continue;
      if (value > WINDOW_MAX) { this.#fail(ERROR.flowControl); return; }
      for (const stream of this.#streams.values()) stream.sendWindow += value - this.#streamWindow;
      this.#streamWindow = value;
    }
    this.#control(frame(FRAME.settings, FLAG.ack, 0, NOTHING));
    this.#sendWaiting();
  }

  #windowUpdate(streamId: number, payload: Buffer): void {
    const by = payload.length === 4 ? payload.readUInt32BE(0) & 0x7fffffff : 0;
    if (by === 0) { this.#fail(ERROR.protocol); return; }
    if (streamId === 0) {
      this.#sendWindow += by;
      if (this.#sendWindow > WINDOW_MAX) { this.#fail(ERROR.flowControl); return; }
      this.#sendWaiting();
      return;
    }
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    stream.sendWindow += by;
    if (stream.sendWindow > WINDOW_MAX) this.reset(stream, ERROR.flowControl);
    else if (this.#waiting.has(stream)) this.send(stream);
  }
}

/** Undefined: the padding is longer than the frame. */
function unpadded(flags: number, payload: Buffer): Buffer | undefined {
  if ((flags & FLAG.padded) === 0) return payload;
  const padding = payload[0];
  return padding === undefined || padding + 1 > payload.length ? undefined : payload.subarray(1, payload.length - padding);
}
