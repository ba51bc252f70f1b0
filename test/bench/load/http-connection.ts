/**
 * One kept-alive HTTP/1.1 connection over TLS or TCP, as lean as a client can be: requests are bytes made beforehand, answers
 * are counted, not kept.
 *
 * The load of a benchmark shares the machine with what is measured, so the client must not be what is measured. The same one
 * is used for us and for every peer. One request at a time; answers with a length, in chunks, or until the end.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext } from 'node:tls';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** Absent: plain TCP. */
  readonly secureContext?: SecureContext;
}

export interface Answer {
  readonly status: number;
  readonly bodyBytes: number;
  /** From sending to the first byte of the body. */
  readonly firstByteMs: number;
  readonly wholeMs: number;
  /** Of small answers, or when asked for. */
  readonly body: Buffer | undefined;
}

export interface RequestOptions {
  /** Keeps the body. */
  readonly keep?: boolean;
  /** Gets the body as it comes. */
  readonly onBody?: (piece: Buffer) => void;
}

interface Pending extends RequestOptions {
  readonly sentMs: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  readonly kept: Buffer[];
  status: number;
  bodyBytes: number;
  firstByteMs: number;
  /** Bytes of the body (or of the chunk under way) still to come; -1: unknown. */
  remaining: number;
  mode: 'head' | 'length' | 'chunked' | 'close';
}

export class HttpConnection {
  readonly #socket: Socket;
  #rest: Buffer | undefined;
  #pending: Pending | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#onClose());
  }

  static open(endpoint: Endpoint): Promise<HttpConnection> {
    return new Promise((resolve, reject) => {
      const { host, port, secureContext } = endpoint;
      const socket = secureContext === undefined
        ? connectTcp({ host, port }, () => done())
        : connectTls({ host, port, secureContext, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] }, () => done());
      socket.once('error', reject);
      const done = (): void => { socket.off('error', reject); resolve(new HttpConnection(socket)); };
    });
  }

  request(bytes: Buffer | string, options: RequestOptions = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#pending = { ...options, sentMs: performance.now(), resolve, reject, kept: [], status: 0, bodyBytes: 0, firstByteMs: 0, remaining: -1, mode: 'head' };
      this.#socket.write(bytes);
    });
  }

  close(): void { this.#socket.destroy(); }

  #fail(error: Error): void {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.reject(error);
  }

  #onClose(): void {
    if (this.#pending?.mode === 'close') this.#finish(this.#pending);
    else this.#fail(new Error('the connection was closed'));
  }

  #onData(chunk: Buffer): void {
    let data: Buffer = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    while (this.#pending !== undefined && data.length > 0) {
      const left = this.#pending.mode === 'head' ? this.#head(this.#pending, data) : this.#pending.mode === 'chunked' ? this.#chunks(this.#pending, data) : this.#body(this.#pending, data);
      if (left === undefined) { this.#rest = data; return; }
      data = left;
    }
  }

  /** @returns what stands behind the head; undefined while it is not whole. */
  #head(pending: Pending, data: Buffer): Buffer | undefined {
    const end = data.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const head = data.toString('latin1', 0, end).toLowerCase();
    pending.status = Number(head.slice(9, 12));
    pending.firstByteMs = performance.now() - pending.sentMs;
    const length = /\r\ncontent-length: *(\d+)/.exec(head);
    if (length !== null) {
      pending.remaining = Number(length[1]);
      pending.mode = 'length';
      if (pending.remaining === 0) this.#finish(pending);
    } else if (head.includes('transfer-encoding: chunked')) pending.mode = 'chunked';
    else pending.mode = 'close';
    return data.subarray(end + 4);
  }

  #take(pending: Pending, piece: Buffer): void {
    pending.bodyBytes += piece.length;
    if (pending.keep === true) pending.kept.push(piece);
    pending.onBody?.(piece);
  }

  #body(pending: Pending, data: Buffer): Buffer {
    const piece = pending.remaining < 0 || data.length <= pending.remaining ? data : data.subarray(0, pending.remaining);
    if (pending.remaining > 0) pending.remaining -= piece.length;
    this.#take(pending, piece);
    if (pending.mode === 'length' && pending.remaining === 0) this.#finish(pending);
    return data.subarray(piece.length);
  }

  #chunks(pending: Pending, data: Buffer): Buffer | undefined {
    if (pending.remaining < 0) {
      const end = data.indexOf('\r\n');
      if (end < 0) return undefined;
      const size = Number.parseInt(data.toString('latin1', 0, end), 16);
      if (size === 0) {
        if (data.length < end + 4) return undefined;
        this.#finish(pending);
        return data.subarray(end + 4);
      }
      pending.remaining = size + 2;
      return data.subarray(end + 2);
    }
    const piece = data.subarray(0, pending.remaining);
    const content = Math.min(piece.length, Math.max(0, pending.remaining - 2));
    pending.remaining -= piece.length;
    if (content > 0) this.#take(pending, piece.subarray(0, content));
    if (pending.remaining === 0) pending.remaining = -1;
    return data.subarray(piece.length);
  }

  #finish(pending: Pending): void {
    this.#pending = undefined;
    const { status, bodyBytes, firstByteMs, sentMs, kept } = pending;
    pending.resolve({ status, bodyBytes, firstByteMs, wholeMs: performance.now() - sentMs, body: pending.keep === true ? Buffer.concat(kept) : undefined });
  }
}
