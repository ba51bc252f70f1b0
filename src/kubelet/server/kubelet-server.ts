/**
 * The kubelet's HTTPS server: who calls, whether he may, which route answers.
 *
 * Every path needs authentication; rights are asked of the API server (`nodes/<subresource>` of this node), so a stopped control
 * plane closes the door but for cached answers. No route answers before its right is known.
 */
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { ComponentContext } from '#component/component';
import type { Client } from '#client/client';
import { delegatedAuthentication, certificateCaller, type Caller, type DelegatedAuthentication } from '#component/delegated-authentication';
import { answerPlainHttp, framingFault, SLOW_REQUEST_CHECK_MS } from '#component/http-framing';
import { delegatedAuthorization, type DelegatedAuthorization } from '#component/delegated-authorization';
import type { KubeletConfig } from '../config.ts';
import type { RuntimeService } from '../cri/contract.ts';
import type { NodeAgent } from '../node-agent.ts';
import type { RuntimeHealth } from '../node/runtime-health.ts';
import type { PodPipeline } from '../pod-pipeline.ts';
import { containerLogRoutes } from './container-logs.ts';
import { nodeRoutes } from './node-routes.ts';
import { matchPath, type KubeletRoute, type RouteRequest, type StreamingRoutes, type UpgradeRoute } from './routes.ts';
import { text } from './text-answer.ts';

export interface ServingIdentity { certificate: string; key: string; /** PEM of the authorities whose client certificates count. */ clientCa: string }

export interface KubeletServerOptions extends ComponentContext {
  config: KubeletConfig;
  client?: Client;
  serving: ServingIdentity;
  pipeline: PodPipeline;
  agent: NodeAgent;
  runtime: RuntimeService;
  health: RuntimeHealth;
  streaming?: StreamingRoutes;
  limits?: Partial<KubeletServerLimits>;
}

export interface KubeletServer { start(): Promise<void>; stop(): Promise<void>; address(): { port: number } }

/** For the headers of a request and for all of it: 408. How exactly they are kept. */
export interface KubeletServerLimits { headersMs: number; requestMs: number; checkMs: number }

const LIMITS: KubeletServerLimits = { headersMs: 32_000, requestMs: 60_000, checkMs: SLOW_REQUEST_CHECK_MS };
const KEEP_ALIVE_MS = 15_000;
const PATH_CHARS_MAX = 16 * 1024;

export function createKubeletServer(options: KubeletServerOptions): KubeletServer {
  const { config, log } = options;
  const limits = { ...LIMITS, ...options.limits };
  const access = accessOf(options);
  const streaming = options.streaming?.({ pipeline: options.pipeline, runtime: options.runtime, config });
  const routes: readonly KubeletRoute[] = [...nodeRoutes(options), ...containerLogRoutes(options), ...(streaming?.routes ?? [])];
  const upgrades: readonly UpgradeRoute[] = streaming?.upgrades ?? [];
  const stopping = new AbortController();
  const sockets = new Set<Duplex>();
  const server: Server = createServer({
    cert: options.serving.certificate, key: options.serving.key, ca: options.serving.clientCa, requestCert: true, rejectUnauthorized: NO_CERTIFICATE_NEEDED, minVersion: 'TLSv1.2',
    // A caller that vanished without a word frees its stream.
    keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS,
    headersTimeout: limits.headersMs, requestTimeout: limits.requestMs, connectionsCheckingInterval: limits.checkMs,
  });
  answerPlainHttp(server);
  server.on('connection', (socket: Duplex) => { sockets.add(socket); socket.once('close', () => sockets.delete(socket)); });
  server.on('request', (raw, response) => { void answer(raw, response).catch((error: unknown) => fail(log, response, error)); });
  server.on('upgrade', (raw, socket, head) => { void upgrade(raw, socket, head).catch((error: unknown) => { log.warn('kubelet stream failed', { error }); refuse(socket, 500, 'Internal Server Error'); }); });
  server.on('tlsClientError', (error) => log.debug('TLS handshake failed', { error: error.message }));

  async function answer(raw: IncomingMessage, response: ServerResponse): Promise<void> {
    const fault = framingFault(raw);
    if (fault !== undefined) { response.setHeader('Connection', 'close'); text(response, fault.code, `${fault.text}\n`); return; }
    const target = targetOf(raw);
    if (target === undefined) { text(response, 400, 'Bad Request\n'); return; }
    const caller = await access.authenticate(raw);
    if (caller === undefined) { text(response, 401, 'Unauthorized'); return; }
    const found = find(routes, target.path);
    if (found === undefined) {
      if (!(await permit(caller, raw.method ?? 'GET', ['proxy'], response))) return;
      text(response, 404, '404 page not found\n');
      return;
    }
    if (!(await permit(caller, raw.method ?? 'GET', found.route.rights, response))) return;
    if (!found.route.methods.includes(raw.method ?? '')) { response.setHeader('Allow', found.route.methods.join(', ')); text(response, 405, '405: Method Not Allowed'); return; }
    const gone = new AbortController();
    response.once('close', () => gone.abort(new Error('the caller went away')));
    await found.route.handle({ raw, params: found.params, query: target.query, signal: AbortSignal.any([gone.signal, stopping.signal]) }, response);
  }

  async function permit(caller: Caller, method: string, rights: readonly string[], response: ServerResponse): Promise<boolean> {
    const verb = verbOf(method);
    for (const subresource of rights) if (await access.authorize(caller, verb, subresource)) return true;
    text(response, 403, `Forbidden (user=${caller.name}, verb=${verb}, resource=nodes, subresource(s)=[${rights.join(' ')}])\n`);
    return false;
  }

  async function upgrade(raw: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => undefined);
    if (framingFault(raw) !== undefined) { refuse(socket, 400, 'Bad Request'); return; }
    const target = targetOf(raw);
    const found = target === undefined ? undefined : find(upgrades, target.path);
    if (target === undefined) { refuse(socket, 400, 'Bad Request'); return; }
    const caller = await access.authenticate(raw);
    if (caller === undefined) { refuse(socket, 401, 'Unauthorized'); return; }
    let allowed = false;
    for (const subresource of found?.route.rights ?? ['proxy']) allowed ||= await access.authorize(caller, 'create', subresource);
    if (!allowed) { refuse(socket, 403, 'Forbidden'); return; }
    if (found === undefined || !found.route.methods.includes(raw.method ?? '')) { refuse(socket, 404, 'Not Found'); return; }
    const gone = new AbortController();
    socket.once('close', () => gone.abort(new Error('the caller went away')));
    const request: RouteRequest = { raw, params: found.params, query: target.query, signal: AbortSignal.any([gone.signal, stopping.signal]) };
    await found.route.handle(request, socket, head);
  }

  return {
    start: () => new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(config.port, config.address, () => { server.off('error', reject); resolve(); });
    }),
    stop: async () => {
      stopping.abort(new Error('kubelet stopped'));
      const closed = new Promise<void>((resolve) => { server.close(() => resolve()); });
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    address: () => ({ port: (server.address() as { port: number } | null)?.port ?? config.port }),
  };
}

/** Callers may show a token instead of a certificate; who shows neither is anonymous and needs a right as anyone. */
const NO_CERTIFICATE_NEEDED = false;

interface Access { authenticate(raw: IncomingMessage): Promise<Caller | undefined>; authorize(caller: Caller, verb: string, subresource: string): Promise<boolean> }

function accessOf(options: KubeletServerOptions): Access {
  const { client, clock, config } = options;
  const authentication: DelegatedAuthentication | undefined = client === undefined ? undefined : delegatedAuthentication({ client, clock, anonymous: false });
  const authorization: DelegatedAuthorization | undefined = client === undefined ? undefined : delegatedAuthorization({ client, clock });
  return {
    authenticate: async (raw) => {
      const socket = raw.socket as TLSSocket;
      if (authentication === undefined) return certificateCaller(socket);
      return authentication.authenticate({ socket, ...(raw.headers.authorization === undefined ? {} : { authorization: raw.headers.authorization }) });
    },
    authorize: async (caller, verb, subresource) => {
      // Alone, without an API server, a certificate of the authority is all there is to ask for.
      if (authorization === undefined) return true;
      const decision = await authorization.authorize(caller, { resource: { verb, version: 'v1', resource: 'nodes', subresource, name: config.nodeName } });
      return decision.allowed;
    },
  };
}

const VERBS: Readonly<Record<string, string>> = { GET: 'get', HEAD: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

function verbOf(method: string): string {
  return VERBS[method] ?? method.toLowerCase();
}

function find<R extends { pattern: string }>(routes: readonly R[], path: string): { route: R; params: Record<string, string> } | undefined {
  for (const route of routes) {
    const params = matchPath(route.pattern, path);
    if (params !== undefined) return { route, params };
  }
  return undefined;
}

/** The raw target, unfolded: what is matched is what was sent. Undefined: two parsers could read it differently. */
function targetOf(raw: IncomingMessage): { path: string; query: URLSearchParams } | undefined {
  const target = raw.url ?? '';
  if (!target.startsWith('/') || target.length > PATH_CHARS_MAX || BROKEN_ESCAPE.test(target)) return undefined;
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  const query = mark === -1 ? '' : target.slice(mark + 1);
  try {
    if (path.slice(1).split('/').some((segment, i, all) => isOdd(decodeURIComponent(segment), i === all.length - 1))) return undefined;
    decodeURIComponent(query.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
  return { path, query: new URLSearchParams(query) };
}

const BROKEN_ESCAPE = /%(?![0-9A-Fa-f]{2})/;

function isOdd(segment: string, last: boolean): boolean {
  // eslint-disable-next-line no-control-regex
  return segment === '.' || segment === '..' || (segment === '' && !last) || /[\u0000-\u001f\u007f/\\;]/.test(segment);
}

function refuse(socket: Duplex, status: number, reason: string): void {
  if (socket.destroyed) return;
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${reason.length}\r\nConnection: close\r\n\r\n${reason}`);
}

function fail(log: ComponentContext['log'], response: ServerResponse, error: unknown): void {
  if (response.destroyed) return;
  log.warn('kubelet request failed', { error: error instanceof Error ? error.message : error });
  if (response.headersSent) response.destroy();
  else text(response, 500, `Internal Error: ${error instanceof Error ? error.message : 'unknown'}`);
}
