/**
 * HTTPS in front of the handler chain: HTTP/1.1 and HTTP/2 on one port, and connection upgrades, with a limit on everything.
 *
 *     TLS ≥ 1.2 ─┬─ request ──┐
 *                └─ upgrade ──┴→ ApiRequest → handler → ApiResponse → socket, with back-pressure
 *
 * Nothing is trusted here and nothing is interpreted beyond framing. What the parser of Node lets through although two
 * parsers could disagree (two Host headers, odd transfer encodings) is refused before anyone looks at it.
 */
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse, type ServerHttp2Session } from 'node:http2';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '#base/clock';
import type { Logger } from '#base/log';
import { newBadRequest, newMethodNotSupported, newStatusError, type StatusError } from '#machinery/status-error';
import { withSeparateIdentities } from './authn/identity-headers.ts';
import { readBody } from './filters/body.ts';
import { LazyAbort } from './lazy-abort.ts';
import type { ApiHandler, ApiRequest, ApiResponse, ConnectionInfo } from './request.ts';

/** Go's limit is 1 MiB; this much is held per connection while headers come in. */
const HEADER_BYTES_MAX = 64 * 1024;
const HEADERS_MAX = 200;
const HEADERS_TIMEOUT_MS = 32_000;
const REQUEST_TIMEOUT_MS = 90_000;
const KEEP_ALIVE_MS = 180_000;
const HANDSHAKE_TIMEOUT_MS = 10_000;
const STREAMS_PER_CONNECTION_MAX = 100;
const SESSION_MEMORY_MB_MAX = 16;
const DRAIN_MS = 10_000;
/** Streams a peer may reset in one connection before it is closed (rapid reset). */
const RESETS_MAX = 1_000;

export interface TlsMaterial {
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
  /** Client certificates are verified against these; one that is not verifies nothing but is no error here. */
  readonly clientAuthorities: readonly string[];
}

export interface ListenerOptions {
  readonly handler: ApiHandler;
  readonly tls: TlsMaterial;
  readonly clock: Clock;
  readonly log: Logger;
  readonly statusResponse: (error: StatusError) => ApiResponse;
}

export interface Listener {
  listen(host: string, port: number): Promise<{ host: string; port: number }>;
  /** New certificates for new connections. */
  replaceTls(tls: TlsMaterial): void;
  /** Stops accepting, waits for answers under way, then closes what is left. */
  close(): Promise<void>;
}

type Incoming = IncomingMessage | Http2ServerRequest;
type Outgoing = ServerResponse | Http2ServerResponse;

export function createListener(options: ListenerOptions): Listener {
  const { handler, clock, log } = options;
  const server = createSecureServer({
    allowHTTP1: true, minVersion: 'TLSv1.2', requestCert: true, rejectUnauthorized: false, handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    // More pairs than are taken, so that too many get their 431 and not a dropped stream.
    maxHeaderListPairs: 4 * HEADERS_MAX,
    maxSessionMemory: SESSION_MEMORY_MB_MAX, settings: { maxConcurrentStreams: STREAMS_PER_CONNECTION_MAX, maxHeaderListSize: HEADER_BYTES_MAX },
    ...secureContext(options.tls), ...{ maxHeaderSize: HEADER_BYTES_MAX },
  });
  Object.assign(server, { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_MS });
  const sessions = new Set<ServerHttp2Session>();
  const sockets = new Set<Duplex>();
  let active = 0;
  let idle: (() => void) | undefined;

  async function serve(request: Incoming, respond: (response: ApiResponse, complete: boolean) => Promise<void>, caller: LazyAbort, upgrade?: ApiRequest['upgrade']): Promise<void> {
    active++;
    try {
      const refused = refusal(request);
      const apiRequest = refused === undefined ? toApiRequest(request, caller, clock, upgrade) : undefined;
      const response = apiRequest === undefined ? options.statusResponse(refused!) : await handler(apiRequest);
      if (response.hijacked !== true) await respond(response, refused === undefined);
    } catch (error) {
      if (!caller.aborted) log.warn('Answer could not be sent', { error });
      caller.abort();
    } finally {
      active--;
      if (active === 0) idle?.();
    }
  }

  server.on('request', (request: Incoming, response: Outgoing) => {
    const caller = new LazyAbort();
    response.on('close', () => { if (!response.writableFinished) caller.abort(); });
    response.on('error', () => caller.abort());
    void serve(request, (answer, complete) => send(request, response, answer, caller, complete), caller);
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const caller = new LazyAbort();
    socket.on('close', () => caller.abort());
    socket.on('error', () => caller.abort());
    void serve(request, (answer) => sendRaw(socket, answer), caller, { socket, head });
  });
  server.on('connect', (_request: unknown, socket: unknown) => {
    const error = options.statusResponse(newMethodNotSupported('', '', 'CONNECT'));
    if (socket !== null && typeof socket === 'object' && 'write' in socket) void sendRaw(socket as Duplex, error);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (!socket.writable || error.code === 'ECONNRESET') { socket.destroy(); return; }
    const code = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
    const text = code === 431 ? 'the request header is too large' : code === 408 ? 'the request did not come in time' : 'the request is not well-formed HTTP';
    void sendRaw(socket, options.statusResponse(newStatusError(code, code === 400 ? 'BadRequest' : '', text)));
  });
  server.on('tlsClientError', (error) => log.debug('TLS handshake failed', { error: error.message }));
  server.on('sessionError', (error) => log.debug('HTTP/2 session failed', { error: error.message }));
  server.on('secureConnection', (socket: TLSSocket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
  });
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => {});
    let resets = 0;
    session.on('stream', (stream) => {
      stream.on('error', () => {});
      stream.on('aborted', () => { if (++resets > RESETS_MAX) session.destroy(); });
    });
  });

  return {
    listen: (host, port) => new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => {
        server.off('error', reject);
        server.on('error', (error) => log.error('Listener failed', { error }));
        const address = server.address() as AddressInfo;
        resolve({ host: address.address, port: address.port });
      });
    }),
    replaceTls: (tls) => server.setSecureContext(secureContext(tls)),
    async close() {
      const closed = new Promise<void>((resolve) => { if (server.listening) server.close(() => resolve()); else resolve(); });
      for (const session of sessions) session.close();
      if (active > 0) {
        await new Promise<void>((resolve) => {
          const timer = clock.setTimer(DRAIN_MS, resolve, { unref: true });
          idle = () => { timer.cancel(); resolve(); };
        });
      }
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function secureContext(tls: TlsMaterial): { key: string | Buffer; cert: string | Buffer; ca?: string[] } {
  return { key: tls.key, cert: tls.cert, ...(tls.clientAuthorities.length > 0 ? { ca: [...tls.clientAuthorities] } : {}) };
}

/** What must not reach the chain: framing that two parsers could read differently. */
function refusal(request: Incoming): StatusError | undefined {
  const raw = request.rawHeaders;
  if (raw.length > HEADERS_MAX * 2) return newStatusError(431, '', `the request has more than ${HEADERS_MAX} headers`);
  const { headers } = request;
  if (request.httpVersionMajor < 2) {
    let hosts = 0;
    for (let i = 0; i < raw.length; i += 2) if (raw[i]!.length === 4 && raw[i]!.toLowerCase() === 'host') hosts++;
    if (hosts !== 1) return newBadRequest(hosts === 0 ? 'the request has no Host header' : 'the request has several Host headers');
    const encoding = headers['transfer-encoding'];
    if (encoding !== undefined && encoding.toLowerCase() !== 'chunked') return newBadRequest(`transfer encoding ${JSON.stringify(encoding)} is not supported`);
  }
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== '' && encoding.toLowerCase() !== 'identity') {
    return newStatusError(415, 'UnsupportedMediaType', `content encoding ${JSON.stringify(encoding)} is not supported`);
  }
  return undefined;
}

const connections = new WeakMap<object, ConnectionInfo>();

function connectionOf(request: Incoming): ConnectionInfo {
  const socket = ('stream' in request && request.httpVersionMajor >= 2 ? (request as Http2ServerRequest).stream.session?.socket : request.socket) as TLSSocket | undefined;
  const key: object = 'stream' in request && request.httpVersionMajor >= 2 ? (request as Http2ServerRequest).stream.session ?? request : request.socket;
  const known = connections.get(key);
  if (known !== undefined) return known;
  const certificate = socket?.getPeerCertificate(false);
  const hasCertificate = certificate !== undefined && certificate !== null && certificate.raw !== undefined;
  const info: ConnectionInfo = {
    remoteAddress: socket?.remoteAddress ?? '', ...(socket?.localAddress === undefined ? {} : { localAddress: socket.localAddress }), tls: true,
    ...(hasCertificate ? { clientCertificate: certificate.raw, clientCertificateVerified: socket?.authorized === true } : {}),
  };
  connections.set(key, info);
  return info;
}

function toApiRequest(request: Incoming, caller: LazyAbort, clock: Clock, upgrade: ApiRequest['upgrade']): ApiRequest {
  const headers = withSeparateIdentities(request.httpVersionMajor < 2 ? request.headers : withoutPseudo(request.headers), request.rawHeaders);
  return {
    method: request.method ?? '', target: request.url ?? '', headers, get signal() { return caller.signal; }, connection: connectionOf(request),
    readBody: (maxBytes) => readBody(request, maxBytes, clock), ...(upgrade === undefined ? {} : { upgrade }),
  };
}

function withoutPseudo(headers: Incoming['headers']): ApiRequest['headers'] {
  const plain: Record<string, string | string[] | undefined> = {};
  for (const name in headers) if (name.charCodeAt(0) !== 0x3a) plain[name] = headers[name];
  plain['host'] ??= headers[':authority'] as string | undefined;
  return plain;
}

const canonicalNames = new Map<string, string>([['etag', 'ETag'], ['www-authenticate', 'WWW-Authenticate']]);

/** `content-type` → `Content-Type`: some HTTP/1 clients compare names as they are written. */
function canonicalHeader(name: string): string {
  let canonical = canonicalNames.get(name);
  if (canonical === undefined) {
    canonical = name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
    canonicalNames.set(name, canonical);
  }
  return canonical;
}

async function send(request: Incoming, response: Outgoing, answer: ApiResponse, caller: LazyAbort, complete: boolean): Promise<void> {
  if (response.destroyed || caller.aborted) return;
  const { body } = answer;
  const http1 = request.httpVersionMajor < 2;
  for (const name in answer.headers) response.setHeader(http1 ? canonicalHeader(name) : name, answer.headers[name]!);
  // A request that could be read in two ways, or whose body was not read: the connection cannot be used again.
  if (http1 && (!complete || (!request.complete && request.method !== 'GET' && request.method !== 'HEAD'))) response.setHeader('Connection', 'close');
  response.statusCode = answer.status;
  if (Buffer.isBuffer(body)) {
    if (request.method !== 'HEAD') response.setHeader(http1 ? 'Content-Length' : 'content-length', body.length);
    (response as ServerResponse).end(request.method === 'HEAD' ? undefined : body);
    return;
  }
  (response as ServerResponse).flushHeaders();
  const { signal } = caller;
  const iterator = body[Symbol.asyncIterator]();
  const stop = (): void => { void iterator.return?.(); };
  signal.addEventListener('abort', stop, { once: true });
  try {
    for (;;) {
      const next = await iterator.next();
      if (next.done === true || signal.aborted) break;
      if (!(response as ServerResponse).write(next.value)) await drained(response, signal);
    }
    (response as ServerResponse).end();
  } finally {
    signal.removeEventListener('abort', stop);
    if (signal.aborted) await iterator.return?.();
  }
}

function drained(response: Outgoing, signal: AbortSignal): Promise<void> {
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
async function sendRaw(socket: Duplex, answer: ApiResponse): Promise<void> {
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
  409: 'Conflict', 415: 'Unsupported Media Type', 429: 'Too Many Requests', 431: 'Request Header Fields Too Large', 500: 'Internal Server Error', 503: 'Service Unavailable',
};
