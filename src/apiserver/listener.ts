/**
 * HTTPS in front of the handler chain: HTTP/1.1 and HTTP/2 on one port, and connection upgrades, with a limit on everything.
 *
 *     TLS ≥ 1.2 ─┬─ request ──┐
 *                └─ upgrade ──┴→ ApiRequest → handler → ApiResponse → socket, with back-pressure
 *
 * Nothing is trusted here and nothing is interpreted beyond framing. What the parser of Node lets through although two
 * parsers could disagree (two Host headers, odd transfer encodings) is refused before anyone looks at it.
 */
import { constants, createSecureServer, type Http2SecureServer, type Http2ServerRequest, type ServerHttp2Session } from 'node:http2';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '#base/clock';
import type { Logger } from '#base/log';
import { nextTurn, TurnQueue } from '#base/turn';
import { answerPlainHttp, framingFault, HEADERS_MAX, SLOW_REQUEST_CHECK_MS } from '#component/http-framing';
import { newStatusError, type StatusError } from '#machinery/status-error';
import { withSeparateIdentities } from './authn/identity-headers.ts';
import { connectionOf } from './connection-info.ts';
import { readBody } from './filters/body.ts';
import { LazyAbort } from './lazy-abort.ts';
import { servePlainConnection } from './plain-connection.ts';
import type { ApiHandler, ApiRequest, ApiResponse, ConnectionInfo } from './request.ts';
import { send, sendRaw, type Incoming, type Outgoing } from './socket-answer.ts';

/** Go's limit is 1 MiB; this much is held per connection while headers come in. */
const HEADER_BYTES_MAX = 64 * 1024;
const KEEP_ALIVE_MS = 180_000;
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Each is 1 ms of signing and verifying, and clients that lost a server come back all at once. */
const HANDSHAKES_PER_TURN = 4;
const STREAMS_PER_CONNECTION_MAX = 100;
const SESSION_MEMORY_MB_MAX = 16;
const DRAIN_MS = 10_000;
/** Streams a peer may reset in one connection before it is closed (rapid reset). */
const RESETS_MAX = 1_000;

export interface ListenerLimits {
  /** For all headers of a request, or the first stream of an HTTP/2 connection: 408, or GOAWAY. */
  readonly headersMs: number;
  /** For a body once it is read: 408. */
  readonly bodyMs: number;
  /** For a whole request, read or not. */
  readonly requestMs: number;
  /** An HTTP/2 connection without a stream for so long is closed. */
  readonly idleMs: number;
  /** How exactly slow HTTP/1 requests are found. */
  readonly checkMs: number;
}

const LIMITS: ListenerLimits = { headersMs: 32_000, bodyMs: 60_000, requestMs: 90_000, idleMs: KEEP_ALIVE_MS, checkMs: SLOW_REQUEST_CHECK_MS };

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
  /** A connection was given up before it was one. */
  readonly handshakeFailed?: () => void;
  readonly limits?: Partial<ListenerLimits>;
}

export interface Listener {
  listen(host: string, port: number): Promise<{ host: string; port: number }>;
  /** New certificates for new connections. */
  replaceTls(tls: TlsMaterial): void;
  /** Stops accepting, waits for answers under way, then closes what is left. */
  close(): Promise<void>;
}

export function createListener(options: ListenerOptions): Listener {
  const { handler, clock, log } = options;
  const limits = { ...LIMITS, ...options.limits };
  const server = createSecureServer({
    allowHTTP1: true, minVersion: 'TLSv1.2', requestCert: true, rejectUnauthorized: false, handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    // More pairs than are taken, so that too many get their 431 and not a dropped stream.
    maxHeaderListPairs: 4 * HEADERS_MAX,
    maxSessionMemory: SESSION_MEMORY_MB_MAX, settings: { maxConcurrentStreams: STREAMS_PER_CONNECTION_MAX, maxHeaderListSize: HEADER_BYTES_MAX },
    ...secureContext(options.tls), ...{ maxHeaderSize: HEADER_BYTES_MAX },
  });
  Object.assign(server, { headersTimeout: limits.headersMs, requestTimeout: limits.requestMs, keepAliveTimeout: KEEP_ALIVE_MS, connectionsCheckingInterval: limits.checkMs });
  answerPlainHttp(server);
  const sessions = new Set<ServerHttp2Session>();
  const sockets = new Set<Duplex>();
  let active = 0;
  let idle: (() => void) | undefined;

  async function serve(answered: () => Promise<ApiResponse>, respond: (response: ApiResponse) => Promise<void>, caller: LazyAbort): Promise<void> {
    active++;
    try {
      const response = await answered();
      if (response.hijacked !== true) await respond(response);
    } catch (error) {
      if (!caller.aborted) log.warn('Answer could not be sent', { error });
      caller.abort();
    } finally {
      active--;
      if (active === 0) idle?.();
    }
  }

  /** What Node's parser made of a request. @param respond is told whether the request was taken as it is framed. */
  function serveParsed(request: Incoming, respond: (response: ApiResponse, complete: boolean) => Promise<void>, caller: LazyAbort, more: RequestMore): void {
    const refused = refusal(request);
    void serve(
      () => refused === undefined ? handler(toApiRequest(request, caller, limits.bodyMs, clock, more)) : Promise.resolve(options.statusResponse(refused)),
      (response) => respond(response, refused === undefined), caller,
    );
  }

  /** The answer under way on each HTTP/1 connection, to know what else may be written on it. */
  const answers = new WeakMap<Duplex, ServerResponse>();
  const serveStream = (request: Incoming, response: Outgoing, beforeBody?: () => void): void => {
    const caller = new LazyAbort();
    if (request.httpVersionMajor < 2) answers.set(request.socket, response as ServerResponse);
    // Not `writableFinished`: HTTP/2 ends a stream itself when its client is gone.
    let answered = false;
    response.on('close', () => { if (!answered) caller.abort(); });
    response.on('error', () => caller.abort());
    serveParsed(request, async (answer, complete) => {
      await send(request, response, answer, caller, complete).catch((error: unknown) => { giveUp(response); throw error; });
      answered = true;
    }, caller, { beforeBody });
  };
  server.on('request', (request: Incoming, response: Outgoing) => serveStream(request, response));
  // The caller is told to go on when somebody reads the body, not before.
  server.on('checkContinue', (request: Incoming, response: Outgoing) => serveStream(request, response, () => { response.writeContinue(); }));
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    void send(request, response, options.statusResponse(newStatusError(417, '', 'the only expectation that is met is 100-continue')), new LazyAbort(), false);
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const caller = new LazyAbort();
    socket.on('close', () => caller.abort());
    socket.on('error', () => caller.abort());
    serveParsed(request, (answer) => sendRaw(socket, answer), caller, { upgrade: { socket, head } });
  });
  server.on('connect', (_request: unknown, socket: unknown) => {
    const error = options.statusResponse(newStatusError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource'));
    if (socket !== null && typeof socket === 'object' && 'write' in socket) void sendRaw(socket as Duplex, error);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (!socket.writable || error.code === 'ECONNRESET') { socket.destroy(); return; }
    const code = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
    const text = code === 431 ? 'the request header is too large' : code === 408 ? 'the request did not come in time' : 'the request is not well-formed HTTP';
    const tell = (): void => void sendRaw(socket, options.statusResponse(newStatusError(code, code === 400 ? 'BadRequest' : '', text)));
    const answer = answers.get(socket);
    if (answer === undefined || answer.writableFinished || !answer.headersSent) { tell(); return; }
    // Never into the middle of another answer.
    if (!answer.writableEnded) socket.destroy();
    else if (answer.shouldKeepAlive) answer.once('finish', tell);
  });
  server.on('tlsClientError', (error) => {
    options.handshakeFailed?.();
    log.debug('TLS handshake failed', { error: error.message });
  });
  server.on('sessionError', (error) => log.debug('HTTP/2 session failed', { error: error.message }));
  const handshakes = new TurnQueue(HANDSHAKES_PER_TURN);
  const [beginTls] = server.listeners('connection') as [(this: Http2SecureServer, socket: Socket) => void];
  server.off('connection', beginTls);
  server.on('connection', (socket: Socket) => {
    socket.on('error', () => {});
    handshakes.add(() => { if (!socket.destroyed) beginTls.call(server, socket); });
  });
  const [serveByNode] = server.listeners('secureConnection') as [(this: Http2SecureServer, socket: TLSSocket) => void];
  server.off('secureConnection', serveByNode);
  server.on('secureConnection', (socket: TLSSocket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    if (socket.alpnProtocol === 'h2') serveByNode.call(server, socket); else servePlain(socket);
  });
  function servePlain(socket: TLSSocket): void {
    servePlainConnection({
      socket, clock, firstMs: limits.headersMs, idleMs: KEEP_ALIVE_MS,
      serve: (request, caller, respond) => serve(() => handler(request), respond, caller),
      silent: () => void sendRaw(socket, options.statusResponse(newStatusError(408, '', 'the request did not come in time'))),
      handOver(begun) {
        serveByNode.call(server, socket);
        // At once: put back into the stream, it would come after what the parser takes from the handle itself.
        socket.emit('data', begun);
      },
    });
  }
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => {});
    closeWhenIdle(session, limits, clock);
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
      // The last answers leave with this turn of the event loop.
      await nextTurn();
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
  const fault = framingFault(request);
  if (fault === undefined) return undefined;
  return newStatusError(fault.code, fault.code === 400 ? 'BadRequest' : fault.code === 415 ? 'UnsupportedMediaType' : '', fault.text);
}

/** Rather cut than left open: what was to be answered cannot be. */
function giveUp(response: Outgoing): void {
  if ('stream' in response) response.stream.close(constants.NGHTTP2_INTERNAL_ERROR); else response.destroy();
}

/** A peer that opens no stream, or never ends the headers of one, does not keep its connection. */
function closeWhenIdle(session: ServerHttp2Session, limits: ListenerLimits, clock: Clock): void {
  let open = 0;
  let idleUntilMs = clock.monotonicNow() + limits.headersMs;
  session.on('stream', (stream) => {
    open++;
    stream.once('close', () => {
      open--;
      idleUntilMs = clock.monotonicNow() + limits.idleMs;
    });
  });
  const look = (): void => {
    if (open === 0 && clock.monotonicNow() >= idleUntilMs) {
      session.close();
      session.destroy();
      return;
    }
    timer = clock.setTimer(open > 0 ? limits.idleMs : idleUntilMs - clock.monotonicNow(), look, { unref: true });
  };
  let timer = clock.setTimer(limits.headersMs, look, { unref: true });
  session.once('close', () => timer.cancel());
}

function connectionInfoOf(request: Incoming): ConnectionInfo {
  if (request.httpVersionMajor < 2) return connectionOf(request.socket, request.socket as TLSSocket);
  const { session } = (request as Http2ServerRequest).stream;
  return connectionOf(session ?? request, session?.socket as TLSSocket | undefined);
}

interface RequestMore { readonly upgrade?: ApiRequest['upgrade']; readonly beforeBody?: (() => void) | undefined }

function toApiRequest(request: Incoming, caller: LazyAbort, bodyMs: number, clock: Clock, { upgrade, beforeBody }: RequestMore): ApiRequest {
  let reading = false;
  const headers = withSeparateIdentities(request.httpVersionMajor < 2 ? request.headers : withoutPseudo(request.headers), request.rawHeaders);
  return {
    method: request.method ?? '', target: request.url ?? '', headers, get signal() { return caller.signal; }, connection: connectionInfoOf(request),
    get readingBody() { return reading; },
    readBody(maxBytes) {
      reading = true;
      // A body that is refused by its length is not asked for.
      if (Number(request.headers['content-length'] ?? 0) <= maxBytes) beforeBody?.();
      return readBody(request, maxBytes, bodyMs, clock).finally(() => { reading = false; });
    },
    ...(upgrade === undefined ? {} : { upgrade }),
  };
}

function withoutPseudo(headers: Incoming['headers']): ApiRequest['headers'] {
  const plain: Record<string, string | string[] | undefined> = {};
  for (const name in headers) if (name.charCodeAt(0) !== 0x3a) plain[name] = headers[name];
  plain['host'] ??= headers[':authority'] as string | undefined;
  return plain;
}
