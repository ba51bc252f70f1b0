/**
 * One SPDY/3.1 connection over a byte stream, either side: many streams, each half-closed on its own.
 *
 *     client: createStream(headers) ──SYN_STREAM──→ server: onStream(stream) ──reply()──SYN_REPLY──→
 *     both:   stream.write / end (FIN) ⇄ data          stream.destroy() ──RST_STREAM──→
 *
 * Back-pressure is the byte stream's: a stream that nobody reads stops the whole connection, as with upstream's peers, which send no
 * window updates either. Invariant: frames are handled in the order they came, header blocks included.
 */
import { Duplex } from 'node:stream';
import { dataFrame, FrameReader, goAwayFrame, pingFrame, rstStreamFrame, synReplyFrame, synStreamFrame, type Frame } from './frame.ts';
import { HeaderCompressor, HeaderDecompressor, type SpdyHeaders } from './header-codec.ts';

const CANCEL = 5;
/** Streams one peer may have open. */
const STREAMS_MAX = 1_000;
const DATA_FRAME_BYTES = 64 * 1024;

export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: SpdyHeaders;
  readonly #connection: SpdyConnection;
  #wake: (() => void) | undefined;
  #peerEnded = false;

  constructor(connection: SpdyConnection, id: number, headers: SpdyHeaders) {
    super({ allowHalfOpen: true });
    this.#connection = connection;
    this.id = id;
    this.headers = headers;
  }

  /** Server side: accepts the stream. */
  reply(headers: SpdyHeaders = {}): Promise<void> { return this.#connection.sendReply(this.id, headers); }

  /** Takes data from the peer. @returns resolves when there is room for more. */
  deliver(data: Buffer): Promise<void> | undefined {
    if (this.destroyed || this.#peerEnded || this.push(data)) return undefined;
    return new Promise((resolve) => { this.#wake = resolve; });
  }

  /** The peer sends nothing more; said any number of times. */
  peerEnd(): void {
    if (this.#peerEnded || this.destroyed) return;
    this.#peerEnded = true;
    this.push(null);
  }

  override _read(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#connection.sendData(this.id, chunk, false).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#connection.sendData(this.id, Buffer.alloc(0), true).then(() => done(), () => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this._read();
    this.#connection.forget(this, !(this.readableEnded && this.writableFinished));
    done(error);
  }
}

export interface SpdyConnectionOptions {
  readonly role: 'client' | 'server';
  /** Bytes read from the transport already. */
  readonly head?: Buffer;
  /** Server: a new stream; call `reply()`, or `destroy()` to refuse it. */
  onStream?(stream: SpdyStream): void;
}

export class SpdyConnection {
  readonly #transport: Duplex;
  readonly #options: SpdyConnectionOptions;
  readonly #reader = new FrameReader();
  readonly #compressor = new HeaderCompressor();
  readonly #decompressor = new HeaderDecompressor();
  readonly #streams = new Map<number, SpdyStream>();
  #nextId: number;
  #sending: Promise<void> = Promise.resolve();
  #closed = false;
  #onClosed: () => void = () => undefined;
  /** Resolves when the connection is over, for whatever reason. */
  readonly closed: Promise<void>;

  constructor(transport: Duplex, options: SpdyConnectionOptions) {
    this.#transport = transport;
    this.#options = options;
    this.#nextId = options.role === 'client' ? 1 : 2;
    this.closed = new Promise((resolve) => { this.#onClosed = resolve; });
    // The reading loop ends with the transport, after all that came has been handled.
    transport.on('error', () => undefined);
    void this.#receive();
  }

  /** Opens a stream. @throws when the connection is over. */
  async createStream(headers: SpdyHeaders, options: { fin?: boolean } = {}): Promise<SpdyStream> {
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = new SpdyStream(this, id, headers);
    this.#streams.set(id, stream);
    await this.#send(async () => synStreamFrame(id, await this.#compressor.compress(headers), options.fin === true));
    if (options.fin === true) stream.end();
    return stream;
  }

  sendReply(id: number, headers: SpdyHeaders): Promise<void> {
    return this.#send(async () => synReplyFrame(id, await this.#compressor.compress(headers), false));
  }

  async sendData(id: number, data: Buffer, fin: boolean): Promise<void> {
    for (let at = 0; at < data.length; at += DATA_FRAME_BYTES) {
      const piece = data.subarray(at, at + DATA_FRAME_BYTES);
      await this.#send(() => dataFrame(id, piece, fin && at + DATA_FRAME_BYTES >= data.length));
    }
    if (data.length === 0) await this.#send(() => dataFrame(id, data, fin));
  }

  forget(stream: SpdyStream, reset: boolean): void {
    if (!this.#streams.delete(stream.id) || !reset || this.#closed) return;
    void this.#send(() => rstStreamFrame(stream.id, CANCEL)).catch(() => undefined);
  }

  /** Says goodbye and closes once what was sent has left. */
  async end(): Promise<void> {
    if (this.#closed) return;
    await this.#send(() => goAwayFrame(0)).catch(() => undefined);
    this.#transport.end();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stream of this.#streams.values()) {
      this.#streams.delete(stream.id);
      finishStream(stream);
    }
    this.#transport.destroy();
    this.#compressor.close();
    this.#decompressor.close();
    this.#onClosed();
  }

  /** One frame after another, waiting for the transport when it is full. */
  #send(make: () => Buffer | Promise<Buffer>): Promise<void> {
    const sent = this.#sending.then(async () => {
      if (this.#closed) throw new Error('the SPDY connection is closed');
      const frame = await make();
      if (this.#transport.write(frame)) return;
      await new Promise<void>((resolve) => {
        const go = (): void => { this.#transport.off('drain', go); this.#transport.off('close', go); resolve(); };
        this.#transport.on('drain', go);
        this.#transport.on('close', go);
      });
    });
    this.#sending = sent.catch(() => undefined);
    return sent;
  }

  async #receive(): Promise<void> {
    try {
      if (this.#options.head !== undefined && this.#options.head.length > 0) await this.#handleAll(this.#reader.push(this.#options.head));
      for await (const chunk of this.#transport) await this.#handleAll(this.#reader.push(chunk as Buffer));
    } catch {
      // A peer that breaks the protocol, or has gone, loses its connection.
    }
    this.close();
  }

  async #handleAll(frames: readonly Frame[]): Promise<void> {
    for (const frame of frames) await this.#handle(frame);
  }

  async #handle(frame: Frame): Promise<void> {
    switch (frame.kind) {
      case 'data': {
        const stream = this.#streams.get(frame.streamId);
        if (stream === undefined) return;
        if (frame.data.length > 0) await stream.deliver(Buffer.from(frame.data));
        if (frame.fin) stream.peerEnd();
        return;
      }
      case 'syn-stream': {
        const headers = await this.#decompressor.decompress(frame.block);
        const stream = new SpdyStream(this, frame.streamId, headers);
        if (this.#options.onStream === undefined || this.#streams.size >= STREAMS_MAX) {
          await this.#send(() => rstStreamFrame(frame.streamId, CANCEL));
          return;
        }
        this.#streams.set(frame.streamId, stream);
        if (frame.fin) stream.peerEnd();
        this.#options.onStream(stream);
        return;
      }
      case 'syn-reply':
      case 'headers':
        await this.#decompressor.decompress(frame.block);
        if (frame.fin) this.#streams.get(frame.streamId)?.peerEnd();
        return;
      case 'rst-stream': {
        const stream = this.#streams.get(frame.streamId);
        if (stream === undefined) return;
        this.#streams.delete(frame.streamId);
        finishStream(stream);
        return;
      }
      case 'ping':
        if ((frame.id % 2 === 1) === (this.#options.role === 'server')) await this.#send(() => pingFrame(frame.id));
        return;
      case 'go-away':
      case 'other':
    }
  }
}

/** Nothing more will come: what was received stays to be read. */
function finishStream(stream: SpdyStream): void {
  if (stream.destroyed) return;
  stream.peerEnd();
  if (stream.readableLength === 0) stream.destroy();
  else stream.once('end', () => stream.destroy());
}
