/**
 * Writes an answer of the handler chain onto its connection, with back-pressure.
 *
 * Invariant: a connection whose request was not read to its end is not used again; the one that left the HTTP server after an
 * answer written by hand is closed.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, type Http2ServerRequest, type Http2ServerResponse, type ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { LazyAbort } from './lazy-abort.ts';
import { discard } from './noticing-end.ts';
import type { ApiResponse } from './request.ts';

export type Incoming = IncomingMessage | Http2ServerRequest;
export type Outgoing = ServerResponse | Http2ServerResponse;

const canonicalNames = new Map<string, string>([['etag', 'ETag'], ['www-authenticate', 'WWW-Authenticate']]);

/** `content-type` → `Content-Type`: some HTTP/1 clients compare names as they are written. */
export function canonicalHeader(name: string): string {
  let canonical = canonicalNames.get(name);
  if (canonical === undefined) {
    canonical = name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
    canonicalNames.set(name, canonical);
  }
  return canonical;
}

/** HTTP/2 needs no header to have one: its stream ends with the headers, or goes on. */
function hasBody(request: Incoming): boolean {
  const { headers, method } = request;
  if (request.httpVersionMajor >= 2) return !(request as Http2ServerRequest).stream.endAfterHeaders;
  return (method !== 'GET' && method !== 'HEAD') || headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Turns of the event loop in which the session writes out what its streams have finished. */
const FLUSH_TURNS = 2;

/**
 * RFC 9113 §8.1: the answer is whole, the rest of the request is not wanted. A reset right at the answer's end would overtake it, as
 * sessions send control frames first.
 */
function closeWhenSent(stream: ServerHttp2Stream): void {
  const close = (turns: number): void => {
    if (turns > 0) { setImmediate(close, turns - 1); return; }
    stream.close(constants.NGHTTP2_NO_ERROR);
    // What came already must be let go: a stream with unread data is never over.
    stream.resume();
  };
  stream.once('finish', () => close(FLUSH_TURNS));
}

/** All headers in one step: half the price of setting them one by one. */
function writeHead(response: ServerResponse, { status, headers }: ApiResponse, length: number | undefined, close: boolean): void {
  const lines: (string | string[])[] = [];
  for (const name in headers) lines.push(canonicalHeader(name), headers[name]!);
  if (close) lines.push('Connection', 'close');
  if (length !== undefined) lines.push('Content-Length', String(length));
  response.writeHead(status, lines);
}

function setHeaders(response: Outgoing, { status, headers }: ApiResponse, length: number | undefined): void {
  for (const name in headers) response.setHeader(name, headers[name]!);
  response.statusCode = status;
  if (length !== undefined) response.setHeader('content-length', length);
}

/** `complete`: the request was taken as it is framed. */
export async function send(request: Incoming, response: Outgoing, answer: ApiResponse, caller: LazyAbort, complete: boolean): Promise<void> {
  const { body } = answer;
  if (response.destroyed || caller.aborted) { await discard(body); return; }
  const http1 = request.httpVersionMajor < 2;
  // A request that could be read in two ways, or whose body was not read: the connection cannot be used again.
  const unread = !request.complete && hasBody(request);
  if (!http1 && unread) closeWhenSent((request as Http2ServerRequest).stream);
  const length = Buffer.isBuffer(body) && request.method !== 'HEAD' ? body.length : undefined;
  if (http1) writeHead(response as ServerResponse, answer, length, !complete || unread);
  else setHeaders(response, answer, length);
  if (Buffer.isBuffer(body)) {
    (response as ServerResponse).end(request.method === 'HEAD' ? undefined : body);
    return;
  }
  (response as ServerResponse).flushHeaders();
  const { signal } = caller;
  const iterator = body[Symbol.asyncIterator]();
  const stop = (): void => { void iterator.return?.(); };
  signal.addEventListener('abort', stop, { once: true });
  const cut = (): void => { caller.abort(); if (http1) (response as ServerResponse).destroy(); else (request as Http2ServerRequest).stream.close(constants.NGHTTP2_CANCEL); };
  answer.abandoned?.addEventListener('abort', cut, { once: true });
  try {
    for (;;) {
      const next = await iterator.next();
      if (next.done === true || signal.aborted) break;
      if (!(response as ServerResponse).write(next.value)) await drained(response, signal);
    }
    (response as ServerResponse).end();
  } finally {
    signal.removeEventListener('abort', stop);
    answer.abandoned?.removeEventListener('abort', cut);
    if (signal.aborted) await iterator.return?.();
  }
}

export function drained(response: Outgoing | Duplex, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      response.off('drain', finish);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    response.once('drain', finish);
    signal.addEventListener('abort', finish, { once: true });
    if (signal.aborted) finish();
  });
}

/** An answer to a request whose socket left the HTTP server: written by hand, then the connection ends. */
export async function sendRaw(socket: Duplex, answer: ApiResponse): Promise<void> {
  if (!socket.writable) { socket.destroy(); return; }
  const pieces: Buffer[] = [];
  if (Buffer.isBuffer(answer.body)) pieces.push(answer.body); else for await (const piece of answer.body) pieces.push(piece);
  const body = Buffer.concat(pieces);
  const lines = [`HTTP/1.1 ${answer.status} ${REASONS[answer.status] ?? 'Status'}`];
  for (const [name, value] of Object.entries(answer.headers)) for (const one of Array.isArray(value) ? value : [value]) lines.push(`${canonicalHeader(name)}: ${one}`);
  lines.push(`content-length: ${body.length}`, 'connection: close', '', '');
  socket.end(Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), body]));
}

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK', 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed', 408: 'Request Timeout',
  409: 'Conflict', 415: 'Unsupported Media Type', 417: 'Expectation Failed', 429: 'Too Many Requests', 431: 'Request Header Fields Too Large', 500: 'Internal Server Error', 503: 'Service Unavailable',
};
