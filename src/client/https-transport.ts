/**
 * The transport over HTTPS: keep-alive connections, client certificate or bearer token, the cluster's CA.
 *
 * Credentials may be files: they are read again when they are older than a minute, so that rotated certificates and
 * tokens take effect without a restart. A vanished peer is noticed by TCP keep-alive within a minute, also on watches.
 */
import { readFile } from 'node:fs/promises';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Clock } from '#base/clock';
import { TransportError, type Transport, type TransportRequest, type TransportResponse } from './transport.ts';

/** PEM or token: the content, the file that has it, or a function that gets it (asked again each minute). */
export type Source = { readonly data: string } | { readonly file: string } | { readonly read: () => Promise<string> };

export interface HttpsTransportOptions {
  /** `https://10.0.0.1:6443`; a path is put before each request's. */
  readonly server: string;
  readonly clock: Clock;
  /** Absent: the system's authorities. */
  readonly ca?: Source;
  readonly certificate?: Source;
  readonly key?: Source;
  readonly token?: Source;
  /** The name the server's certificate must have, when it is not the host. */
  readonly serverName?: string;
  /** Accepts any certificate: for a first contact that is verified otherwise. */
  readonly insecureSkipVerify?: boolean;
  /** Time for connecting including TLS. Default 30 s. */
  readonly connectTimeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_PROBE_MS = 30_000;
const IDLE_SOCKETS_MAX = 32;
const CREDENTIALS_FRESH_MS = 60_000;

interface Credentials { readonly ca?: string; readonly cert?: string; readonly key?: string; readonly token?: string }

export function httpsTransport(options: HttpsTransportOptions): Transport {
  const server = new URL(options.server);
  const prefix = server.pathname === '/' ? '' : server.pathname.replace(/\/$/, '');
  let agent: Agent | undefined;
  let inUse: Credentials = {};
  let readAtMs = -Infinity;
  let reading: Promise<void> | undefined;
  let closed = false;

  async function refresh(): Promise<void> {
    const [ca, cert, key, token] = await Promise.all([read(options.ca), read(options.certificate), read(options.key), read(options.token)]);
    const next: Credentials = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }), ...(token && { token: token.trim() }) };
    if (agent === undefined || next.ca !== inUse.ca || next.cert !== inUse.cert || next.key !== inUse.key) {
      const old = agent;
      agent = newAgent(options, server, next);
      if (old !== undefined) retire(old);
    }
    inUse = next;
    readAtMs = options.clock.monotonicNow();
  }

  async function current(): Promise<{ agent: Agent; token?: string }> {
    const fromFiles = [options.ca, options.certificate, options.key, options.token].some((source) => source !== undefined && !('data' in source));
    const stale = options.clock.monotonicNow() - readAtMs > (fromFiles ? CREDENTIALS_FRESH_MS : Infinity);
    if (agent === undefined || stale) {
      reading ??= refresh().finally(() => { reading = undefined; });
      try {
        await reading;
      } catch (error) {
        if (agent === undefined) throw new TransportError(`cannot read credentials: ${(error as Error).message}`, { cause: error, neverSent: true });
        readAtMs = options.clock.monotonicNow(); // keep the old ones; try again in a minute
      }
    }
    return { agent: agent!, ...(inUse.token !== undefined && { token: inUse.token }) };
  }

  return {
    async request(request) {
      if (closed) throw new TransportError('the transport is closed', { neverSent: true });
      const now = await current();
      const headers: Record<string, string> = { ...request.headers };
      if (now.token !== undefined) headers['authorization'] = `Bearer ${now.token}`;
      if (request.body !== undefined) headers['content-length'] = String(request.body.length);
      return send(request, {
        agent: now.agent, host: server.hostname.replace(/^\[|\]$/g, ''), port: server.port === '' ? 443 : Number(server.port), method: request.method,
        path: prefix + request.path, headers, ...(request.signal && { signal: request.signal }),
      }, options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS, options.clock);
    },
    async close() {
      closed = true;
      agent?.destroy();
    },
  };
}

async function read(source: Source | undefined): Promise<string | undefined> {
  if (source === undefined) return undefined;
  if ('data' in source) return source.data;
  return 'file' in source ? readFile(source.file, 'utf8') : source.read();
}

function newAgent(options: HttpsTransportOptions, server: URL, credentials: Credentials): Agent {
  return new Agent({
    keepAlive: true, keepAliveMsecs: KEEP_ALIVE_PROBE_MS, maxFreeSockets: IDLE_SOCKETS_MAX, scheduling: 'lifo',
    minVersion: 'TLSv1.2', rejectUnauthorized: options.insecureSkipVerify !== true,
    ...(credentials.ca !== undefined && { ca: credentials.ca }), ...(credentials.cert !== undefined && { cert: credentials.cert }),
    ...(credentials.key !== undefined && { key: credentials.key }),
    ...serverNameOf(options, server),
  });
}

function serverNameOf(options: HttpsTransportOptions, server: URL): { servername?: string } {
  if (options.serverName !== undefined) return { servername: options.serverName };
  return /^[\d.]+$|^\[/.test(server.hostname) ? {} : { servername: server.hostname };
}

/** Idle connections of the old credentials close now, busy ones after their answer. */
function retire(agent: Agent): void {
  agent.maxFreeSockets = 0;
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}

function send(request: TransportRequest, settings: RequestOptions, connectTimeoutMs: number, clock: Clock): Promise<TransportResponse> {
  return new Promise((resolve, reject) => {
    let outgoing: ClientRequest;
    try {
      outgoing = httpsRequest(settings);
    } catch (cause) {
      reject(new TransportError((cause as Error).message, { cause, neverSent: true }));
      return;
    }
    const timer = clock.setTimer(connectTimeoutMs, () => outgoing.destroy(Object.assign(new Error(`no connection within ${connectTimeoutMs} ms`), { code: 'ECONNTIMEOUT' })), { unref: true });
    let connected = false;
    outgoing.on('socket', (socket) => {
      const onConnected = (): void => { connected = true; timer.cancel(); };
      if (outgoing.reusedSocket) onConnected(); else socket.once('secureConnect', onConnected);
    });
    outgoing.on('error', (cause: NodeJS.ErrnoException) => {
      timer.cancel();
      if (request.signal?.aborted === true) { reject(request.signal.reason); return; }
      const lostIdle = outgoing.reusedSocket && (cause.code === 'ECONNRESET' || cause.code === 'EPIPE') && (request.method === 'GET' || request.method === 'HEAD');
      reject(new TransportError(`${request.method} ${pathOnly(request.path)}: ${cause.message || cause.code}`, { cause, neverSent: !connected || lostIdle }));
    });
    outgoing.on('response', (incoming) => { timer.cancel(); resolve(answer(incoming, request.signal)); });
    outgoing.end(request.body);
  });
}

function pathOnly(path: string): string {
  const query = path.indexOf('?');
  return query < 0 ? path : path.slice(0, query);
}

function answer(incoming: IncomingMessage, signal: AbortSignal | undefined): TransportResponse {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) headers[name] = Array.isArray(value) ? value.join(', ') : value ?? '';
  return {
    status: incoming.statusCode ?? 0,
    headers,
    body: pieces(incoming, signal),
    cancel: () => { if (!incoming.readableEnded) incoming.destroy(); },
  };
}

async function* pieces(incoming: IncomingMessage, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  try {
    for await (const piece of incoming) yield piece as Buffer;
  } catch (cause) {
    if (signal?.aborted === true) throw signal.reason;
    throw new TransportError(`the answer was cut off: ${(cause as Error).message}`, { cause });
  }
}
