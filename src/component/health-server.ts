/**
 * The small HTTPS (or loopback HTTP) server of a component: health, readiness, metrics.
 *
 * Health is open to all; metrics need the caller's identity and the right to `get` the path, which the API server is asked
 * about. Without delegated checks the server must listen on loopback only.
 */
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { Logger } from '#base/log';
import type { MetricsRegistry } from '#base/metrics';
import type { Component } from './component.ts';
import type { DelegatedAuthentication } from './delegated-authentication.ts';
import type { DelegatedAuthorization } from './delegated-authorization.ts';
import { answerHealth, type HealthCheck } from './health.ts';

export interface HealthServerOptions {
  readonly name: string;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
  readonly metrics: MetricsRegistry;
  readonly log: Logger;
  readonly livez?: readonly HealthCheck[];
  readonly readyz?: readonly HealthCheck[];
  readonly authentication?: DelegatedAuthentication;
  readonly authorization?: DelegatedAuthorization;
}

const HEADER_BYTES_MAX = 16 * 1024;
const REQUEST_TIMEOUT_MS = 15_000;
const HEALTH_PATH = /^\/(healthz|livez|readyz)(\/[^/]*)?$/;

export function healthServer(options: HealthServerOptions): Component & { address(): { host: string; port: number } } {
  let server: Server | undefined;

  async function refusal(request: IncomingMessage, path: string, signal: AbortSignal): Promise<{ status: number; text: string } | undefined> {
    if (options.authentication === undefined || options.authorization === undefined) return undefined;
    const socket = options.tls === undefined ? undefined : (request.socket as TLSSocket);
    const caller = await options.authentication.authenticate({ ...(request.headers.authorization !== undefined && { authorization: request.headers.authorization }), ...(socket && { socket }) }, signal);
    if (caller === undefined) return { status: 401, text: 'Unauthorized\n' };
    const decision = await options.authorization.authorize(caller, { path: { path, verb: (request.method ?? 'get').toLowerCase() } }, signal);
    return decision.allowed ? undefined : { status: 403, text: `forbidden: User "${caller.name}" cannot get path "${path}"\n` };
  }

  async function handle(request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
    const [path = '/', search = ''] = (request.url ?? '/').split('?', 2);
    if (request.method !== 'GET' && request.method !== 'HEAD') { reply(response, 405, 'method not allowed\n'); return; }
    const health = HEALTH_PATH.exec(path);
    if (health !== null) {
      const endpoint = health[1]!;
      const checks = endpoint === 'readyz' ? [...(options.livez ?? []), ...(options.readyz ?? [])] : options.livez ?? [];
      const answer = await answerHealth(endpoint, checks, health[2] ?? '', new URLSearchParams(search), signal);
      reply(response, answer.status, answer.text);
      return;
    }
    const refused = await refusal(request, path, signal);
    if (refused !== undefined) { reply(response, refused.status, refused.text); return; }
    if (path === '/metrics') reply(response, 200, options.metrics.text(), 'text/plain; version=0.0.4; charset=utf-8');
    else reply(response, 404, '404 page not found\n');
  }

  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const gone = new AbortController();
    response.once('close', () => gone.abort(new Error('the caller went away')));
    handle(request, response, gone.signal).catch((error: unknown) => {
      options.log.warn('request to the health server failed', { error });
      if (!response.headersSent) reply(response, 500, 'internal server error\n');
    });
  };

  return {
    name: options.name,
    address() {
      const address = server?.address();
      if (address === null || address === undefined || typeof address === 'string') throw new Error('the health server does not listen');
      return { host: address.address, port: address.port };
    },
    start() {
      const limits = { maxHeaderSize: HEADER_BYTES_MAX, requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS };
      const made = options.tls === undefined
        ? createHttpServer(limits, onRequest)
        : createHttpsServer({
          ...limits, cert: options.tls.cert, key: options.tls.key, minVersion: 'TLSv1.2',
          ...(options.tls.clientCa !== undefined && { ca: options.tls.clientCa, requestCert: true, rejectUnauthorized: false }),
        }, onRequest);
      server = made;
      return new Promise<void>((resolve, reject) => {
        made.once('error', reject);
        made.listen(options.port, options.host, () => { made.off('error', reject); resolve(); });
      });
    },
    stop() {
      const running = server;
      server = undefined;
      if (running === undefined) return Promise.resolve();
      return new Promise<void>((resolve) => { running.close(() => resolve()); running.closeAllConnections(); });
    },
  };
}

function reply(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text), 'x-content-type-options': 'nosniff', 'cache-control': 'no-cache, private' });
  response.end(text);
}
