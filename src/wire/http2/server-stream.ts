/** One exchange on a server's HTTP/2 connection, as its user sees it, and what of it waits to be sent. The connection does the sending. */
import { FLAG, FRAME, FRAME_HEAD_BYTES, frame, writeFrameHead } from './frame.ts';

/** Pieces that are gone and still in a stream's queue. */
const QUEUE_SLACK = 1_024;

export interface StreamSender {
  push(bytes: Buffer): void;
  /** Sends what the windows allow. */
  send(stream: ServerStream): void;
  respond(stream: ServerStream, head: Buffer, body: Buffer, trailers: Buffer): void;
  reset(stream: ServerStream, code: number): void;
}

export class ServerStream {
  readonly id: number;
  onData: (bytes: Buffer) => void = ignore;
  onEnd: () => void = ignore;
  /** Neither side has anything more to say: ended in order, reset, or the connection is gone. */
  onClose: () => void = ignore;
  /** All that was written has left for the socket. */
  onDrain: () => void = ignore;
  /** @internal */ sendWindow: number;
  /** @internal */ unacknowledged = 0;
  /** @internal */ remoteEnded = false;
  /** @internal */ localEnded = false;
  /** @internal */ closed = false;
  /** DATA waiting for windows; what stands before `sent` is gone. @internal */
  queue: Buffer[] = [];
  /** @internal */ sent = 0;
  /** @internal */ queued = 0;
  /** HEADERS that end the stream, once the queue is empty. @internal */
  trailers: Buffer | undefined;
  readonly #connection: StreamSender;

  constructor(connection: StreamSender, id: number, sendWindow: number) {
    this.#connection = connection;
    this.id = id;
    this.sendWindow = sendWindow;
  }

  get isClosed(): boolean { return this.closed; }
  get queuedBytes(): number { return this.queued; }

  /** @param block encoded header fields. */
  begin(block: Buffer): void { if (!this.closed) this.#connection.push(frame(FRAME.headers, FLAG.endHeaders, this.id, block)); }
  write(bytes: Buffer): void {
    if (this.closed || this.localEnded) return;
    this.queue.push(bytes);
    this.queued += bytes.length;
    this.#connection.send(this);
  }
  end(trailers: Buffer): void {
    if (this.closed || this.localEnded) return;
    this.localEnded = true;
    this.trailers = trailers;
    this.#connection.send(this);
  }
  /** Header fields, a small body and trailers in one piece when the windows allow it. */
  respond(head: Buffer, body: Buffer, trailers: Buffer): void { this.#connection.respond(this, head, body, trailers); }
  reset(code: number): void { this.#connection.reset(this, code); }
}

function ignore(): void { /* nobody listens */ }

/** Takes as many bytes off the queue, of one piece or many. */
export function dataFrame(stream: ServerStream, bytes: number): Buffer {
  const made = Buffer.allocUnsafe(FRAME_HEAD_BYTES + bytes);
  writeFrameHead(made, 0, bytes, FRAME.data, 0, stream.id);
  for (let at = FRAME_HEAD_BYTES; at < made.length;) {
    const piece = stream.queue[stream.sent]!;
    const taken = piece.copy(made, at);
    at += taken;
    if (taken < piece.length) stream.queue[stream.sent] = piece.subarray(taken); else stream.sent++;
  }
  stream.queued -= bytes;
  if (stream.queued === 0 || stream.sent > QUEUE_SLACK) {
    stream.queue.splice(0, stream.sent);
    stream.sent = 0;
  }
  return made;
}
