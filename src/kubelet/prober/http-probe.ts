/**
 * One HTTP GET of a probe or hook: no keep-alive, no certificate check, no redirect off the host.
 *
 * A kubelet asks its own node's pods, whose certificates it cannot know; nothing of the answer but status and a bit of body is used.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Clock } from '#base/clock';
import type { HTTPGetAction } from '#api/generated/core/v1';
import { within } from '#component/component-group';

/** Of the body kept for messages. */
const BODY_BYTES_MAX = 10 * 1024;
const REDIRECTS_MAX = 10;

export interface HttpRequest { url: URL; headers: Record<string, string> }
export interface HttpAnswer { status: number; body: string; location: string }

export function httpRequestOf(action: HTTPGetAction, port: number, podIp: string, userAgent: string): HttpRequest {
  const scheme = (action.scheme ?? 'HTTP').toLowerCase();
  const host = action.host === undefined || action.host === '' ? podIp : action.host;
  const path = action.path ?? '/';
  const url = new URL(`${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}${path.startsWith('/') ? '' : '/'}${path}`);
  const headers: Record<string, string> = { 'User-Agent': userAgent, Accept: '*/*' };
  for (const { name, value } of action.httpHeaders ?? []) {
    for (const known of Object.keys(headers)) if (known.toLowerCase() === name.toLowerCase()) delete headers[known];
    // An empty value switches a default header off.
    if (value !== '' || !['user-agent', 'accept'].includes(name.toLowerCase())) headers[name] = value;
  }
  return { url, headers };
}

/** Follows redirects on the same host only; another host's redirect is returned as it is. */
export async function requestOnce(request: HttpRequest, clock: Clock, timeoutMs: number, signal?: AbortSignal): Promise<HttpAnswer> {
  let current = request;
  for (let hop = 0; ; hop++) {
    const answer = await within(clock, timeoutMs, `Get "${current.url.href}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`, (either) => get(current, either), signal);
    if (answer.status < 300 || answer.status >= 400 || answer.location === '') return answer;
    const next = new URL(answer.location, current.url);
    if (next.hostname !== current.url.hostname) return answer;
    if (hop >= REDIRECTS_MAX) throw new Error(`Get "${request.url.href}": stopped after ${REDIRECTS_MAX} redirects`);
    current = { ...request, url: next };
  }
}

function get(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(error instanceof Error ? new Error(`Get "${request.url.href}": ${dialText(error, request.url)}`) : error);
    const options = { method: 'GET', headers: request.headers, agent: false as const, signal, insecureHTTPParser: false };
    const onAnswer = (answer: IncomingMessage): void => readAnswer(answer, resolve, fail);
    const sent = request.url.protocol === 'https:'
      ? httpsRequest(request.url, { ...options, ...unverified() }, onAnswer) : httpRequest(request.url, options, onAnswer);
    sent.on('error', fail);
    sent.end();
  });
}

/** A pod's own certificate says nothing to its kubelet: upstream skips the check as well. */
function unverified(): { checkServerIdentity: () => undefined; rejectUnauthorized: boolean } {
  return { checkServerIdentity: () => undefined, rejectUnauthorized: false };
}

function readAnswer(answer: IncomingMessage, resolve: (value: HttpAnswer) => void, fail: (error: unknown) => void): void {
  const pieces: Buffer[] = [];
  let size = 0;
  const finish = (): void => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(pieces).toString('utf8', 0, Math.min(size, BODY_BYTES_MAX)), location: answer.headers.location ?? '' });
  answer.on('data', (piece: Buffer) => {
    pieces.push(piece);
    size += piece.length;
    if (size >= BODY_BYTES_MAX) { finish(); answer.destroy(); }
  });
  answer.on('end', finish);
  answer.on('error', (error) => { if (size < BODY_BYTES_MAX) fail(error); });
}

/** Go's words for the usual failures. */
export function dialText(error: NodeJS.ErrnoException, url: { hostname: string; port: string }): string {
  const address = `${url.hostname}:${url.port}`;
  if (error.code === 'ECONNREFUSED') return `dial tcp ${address}: connect: connection refused`;
  if (error.code === 'EHOSTUNREACH') return `dial tcp ${address}: connect: no route to host`;
  if (error.code === 'ECONNRESET') return `read tcp ${address}: read: connection reset by peer`;
  return error.message;
}
