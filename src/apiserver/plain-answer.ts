/**
 * Writes the answers of a plain HTTP/1.1 connection: by length or in chunks, with back-pressure.
 *
 * Invariant: small answers of one turn of the event loop leave together at its end; whatever else is written on any connection
 * comes after them.
 */
import { STATUS_CODES } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '#base/clock';
import type { LazyAbort } from './lazy-abort.ts';
import { discard } from './noticing-end.ts';
import type { ApiResponse } from './request.ts';
import { canonicalHeader, drained } from './socket-answer.ts';

/** Pieces up to this are copied between their chunk's ends, larger ones are written after each other. */
const COPIED_BYTES_MAX = 16 * 1024;

/** Status line, headers, and the empty line. @throws Error for what no header can hold */
function headOf({ status, headers }: ApiResponse, more: string, clock: Clock): string {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Status'}\r\n`;
  for (const name in headers) {
    const value = headers[name]!;
    for (const one of typeof value === 'string' ? [value] : value) {
      if (NOT_IN_HEADERS.test(one)) throw new Error(`the header ${name} holds characters that no header can`);
      head += `${canonicalHeader(name)}: ${one}\r\n`;
    }
  }
  return `${head}Date: ${httpDate(clock.now())}\r\n${more}\r\n`;
}

/** RFC 9110 §5.5. */
const NOT_IN_HEADERS = /[^\t\x20-\x7e\x80-\xff]/;

/** Resolves when there is room for the next answer. @throws Error for what no header can hold */
export async function writeAnswer(socket: TLSSocket, answer: ApiResponse, caller: LazyAbort, clock: Clock): Promise<void> {
  const { body, status } = answer;
  if (!socket.writable || caller.aborted) { await discard(body); return; }
  if (!Buffer.isBuffer(body)) { await writePieces(socket, answer, body, caller, clock); return; }
  if (socket.writableNeedDrain) await drained(socket, caller.signal);
  const bodiless = status === 204 || status === 304;
  const head = headOf(answer, bodiless ? '' : `Content-Length: ${body.length}\r\n`, clock);
  if (!writeBoth(socket, head, bodiless ? NOTHING : body)) await drained(socket, caller.signal);
}

const NOTHING = Buffer.alloc(0);

function writeBoth(socket: TLSSocket, head: string, body: Buffer): boolean {
  if (body.length <= COPIED_BYTES_MAX) {
    const whole = Buffer.allocUnsafe(head.length + body.length);
    whole.write(head, 0, 'latin1');
    whole.set(body, head.length);
    return writeSoon(socket, whole);
  }
  sendOutbox();
  socket.cork();
  socket.write(head, 'latin1');
  const room = socket.write(body);
  socket.uncork();
  return room;
}

/** Answers of this turn of the event loop. */
let outbox: { readonly socket: TLSSocket; readonly bytes: Buffer }[] = [];

/** Sent together, answers wake their clients once and not one after the other, which costs more than all else of sending. */
function writeSoon(socket: TLSSocket, bytes: Buffer): boolean {
  if (outbox.length === 0) setImmediate(sendOutbox);
  outbox.push({ socket, bytes });
  return true;
}

export function sendOutbox(): void {
  const answers = outbox;
  outbox = [];
  for (const { socket, bytes } of answers) socket.write(bytes);
}

/** In chunks, or as they are when the answer says how long it is. */
async function writePieces(socket: TLSSocket, answer: ApiResponse, body: AsyncIterable<Buffer>, caller: LazyAbort, clock: Clock): Promise<void> {
  const chunked = answer.headers['content-length'] === undefined;
  sendOutbox();
  socket.write(headOf(answer, chunked ? 'Transfer-Encoding: chunked\r\n' : '', clock), 'latin1');
  const { signal } = caller;
  const iterator = body[Symbol.asyncIterator]();
  const stop = (): void => { void iterator.return?.(); };
  const cut = (): void => { caller.abort(); socket.destroy(); };
  signal.addEventListener('abort', stop, { once: true });
  answer.abandoned?.addEventListener('abort', cut, { once: true });
  try {
    for (;;) {
      const next = await iterator.next();
      if (next.done === true || signal.aborted) break;
      if (next.value.length === 0) continue;
      if (!(chunked ? writeChunk(socket, next.value) : socket.write(next.value))) await drained(socket, signal);
    }
    if (chunked && !signal.aborted) socket.write('0\r\n\r\n', 'latin1');
  } finally {
    signal.removeEventListener('abort', stop);
    answer.abandoned?.removeEventListener('abort', cut);
    if (signal.aborted) await iterator.return?.();
  }
}

/** The piece that was framed last: all watchers of an event get the same one. */
let framed: { readonly piece: Buffer; readonly chunk: Buffer } | undefined;

function writeChunk(socket: TLSSocket, piece: Buffer): boolean {
  const size = `${piece.length.toString(16)}\r\n`;
  if (piece.length <= COPIED_BYTES_MAX) {
    if (framed?.piece !== piece) {
      const chunk = Buffer.allocUnsafe(size.length + piece.length + 2);
      chunk.write(size, 0, 'latin1');
      chunk.set(piece, size.length);
      chunk.write('\r\n', size.length + piece.length, 'latin1');
      framed = { piece, chunk };
    }
    return socket.write(framed.chunk);
  }
  socket.cork();
  socket.write(size, 'latin1');
  socket.write(piece);
  const room = socket.write('\r\n', 'latin1');
  socket.uncork();
  return room;
}

/** RFC 9110 §5.6.7; many are asked for in each second. */
function httpDate(epochMs: number): string {
  const second = Math.floor(epochMs / 1000);
  if (second !== dated.second) dated = { second, text: new Date(second * 1000).toUTCString() };
  return dated.text;
}

let dated = { second: Number.NaN, text: '' };
