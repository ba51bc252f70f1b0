/**
 * Calls webhooks: one JSON document sent over HTTPS, one answered, within a deadline.
 *
 *     target (url | service, caBundle) → connection kept alive per target → POST → status, size → text
 *
 * Redirects are not followed and nothing but the document is sent: no credentials leave with it. Texts of failures are those of
 * upstream's client, because they end up in Statuses that people search for.
 */
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { posix } from 'node:path';
import { LRUCache } from 'lru-cache';
import type { Clock } from '#base/clock';
import { newGenericServerResponse, newInternalError, StatusError } from '#machinery/status-error';
import type { Status } from '#machinery/meta';
import { decodePem } from '#pki/pem';
import type { Address, ServiceResolver } from '../service-resolver.ts';
import { connectionFault } from './connection-fault.ts';

export interface WebhookTarget {
  readonly url?: string;
  readonly service?: { readonly namespace: string; readonly name: string; readonly path?: string; readonly port?: number };
  /** PEM in base64; without it the system's authorities count. */
  readonly caBundle?: string;
}

export interface WebhookCall {
  readonly body: string;
  readonly timeoutMs: number;
  /** Told to the webhook where it differs: whole seconds. */
  readonly signal: AbortSignal;
}

export interface WebhookClient {
  /** The answer's text. @throws WebhookFailure when none came; StatusError as the webhook refused */
  call(target: WebhookTarget, call: WebhookCall): Promise<string>;
  close(): void;
}

/** No answer, or none that counts. */
export class WebhookFailure extends Error {
  /** The caller went away before. */
  readonly cancelled: boolean;
  constructor(message: string, cancelled = false) {
    super(message);
    this.cancelled = cancelled;
  }
}

/** Answers beyond are refused. */
const ANSWER_BYTES_MAX = 32 * 1024 * 1024;
/** Targets whose connections are kept. */
const AGENTS_MAX = 64;
const IDLE_SOCKETS_MAX = 16;
const SOCKETS_MAX = 256;
/** An idle connection is closed after this. */
const IDLE_MS = 90_000;
const ERROR_TEXT_MAX = 2_048;
const HTTPS_PORT = 443;
const SECOND_MS = 1_000;
/** A longer Retry-After is not waited for. */
const RETRY_AFTER_SECONDS_MAX = 30;
const ATTEMPTS_MAX = 10;

interface Place { readonly url: string; readonly path: string; readonly host: string; readonly port: number; readonly serverName: string; readonly authority: string }

export function webhookClient({ clock, resolver }: { clock: Clock; resolver: ServiceResolver }): WebhookClient {
  const agents = new LRUCache<string, Agent>({ max: AGENTS_MAX, dispose: retire });
  const agentFor = (target: WebhookTarget, serverName: string): Agent => {
    const key = JSON.stringify([serverName, target.caBundle ?? '']);
    let agent = agents.get(key);
    if (agent === undefined) {
      agent = new Agent({
        keepAlive: true, maxSockets: SOCKETS_MAX, maxFreeSockets: IDLE_SOCKETS_MAX, timeout: IDLE_MS, scheduling: 'lifo', minVersion: 'TLSv1.2',
        ...authorities(target.caBundle), ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
      });
      agents.set(key, agent);
    }
    return agent;
  };

  async function attempt(target: WebhookTarget, place: Place, call: WebhookCall, signal: AbortSignal): Promise<string | { readonly retryAfterMs: number }> {
    const agent = agentFor(target, place.serverName);
    const address = target.service === undefined ? place : await resolver.resolve({ ...target.service, port: place.port }, signal);
    const { incoming, connectedTo } = await send(agent, place, address, call.body, signal);
    let body: Buffer;
    try {
      body = await readAnswer(incoming);
    } catch (error) {
      throw new Unanswered(error, connectedTo);
    }
    const status = incoming.statusCode ?? 0;
    const retryAfter = Number.parseInt(incoming.headers['retry-after'] ?? '', 10);
    if ((status === 429 || status >= 500) && retryAfter >= 0 && retryAfter <= RETRY_AFTER_SECONDS_MAX) return { retryAfterMs: retryAfter * SECOND_MS };
    if (status < 200 || status > 206) throw refusal(status, body, incoming.headers['content-type'] ?? '');
    if (body.length === 0) throw new WebhookFailure(`0-length response with status code: ${status} and content type: ${incoming.headers['content-type'] ?? ''}`);
    return body.toString('utf8');
  }

  return {
    async call(target, call) {
      const place = placeOf(target, Math.ceil(call.timeoutMs / SECOND_MS));
      const deadline = new AbortController();
      const timer = clock.setTimer(call.timeoutMs, () => deadline.abort(TIMED_OUT), { unref: true });
      const signal = AbortSignal.any([call.signal, deadline.signal]);
      try {
        for (let tries = 1; ; tries++) {
          const answer = await attempt(target, place, call, signal);
          if (typeof answer === 'string') return answer;
          if (tries === ATTEMPTS_MAX) throw new WebhookFailure('the webhook asks to be tried again too often');
          await clock.sleep(answer.retryAfterMs, signal);
        }
      } catch (error) {
        if (error instanceof WebhookFailure || (error instanceof StatusError && target.service === undefined)) throw error;
        throw unanswered(error, place, signal, deadline.signal.aborted);
      } finally {
        timer.cancel();
      }
    },
    close() { for (const agent of agents.values()) agent.destroy(); agents.clear(); },
  };
}

const TIMED_OUT = new DOMException('the webhook took too long', 'TimeoutError');

/** Something broke on the way to an answer. */
class Unanswered extends Error {
  readonly fault: unknown;
  readonly address: Address;
  constructor(fault: unknown, address: Address) {
    super('no answer');
    this.fault = fault;
    this.address = address;
  }
}

/** Refusals by the webhook itself pass as they are. */
function unanswered(error: unknown, place: Place, signal: AbortSignal, timedOut: boolean): Error {
  if (error instanceof StatusError && error.status.details?.causes?.some((one) => one.reason === 'UnexpectedServerResponse') === true) return error;
  const sent = `Post ${JSON.stringify(place.url)}: `;
  if (timedOut) return new WebhookFailure(`${sent}context deadline exceeded`);
  if (signal.aborted) return new WebhookFailure(`${sent}context canceled`, true);
  if (error instanceof Unanswered) return new WebhookFailure(`${sent}${connectionFault(error.fault, error.address)}`);
  return new WebhookFailure(`${sent}${(error as Error).message}`);
}

/** @throws WebhookFailure */
function placeOf({ url, service }: WebhookTarget, timeoutSeconds: number): Place {
  const query = `?timeout=${timeoutSeconds}s`;
  if (service !== undefined) {
    const port = service.port ?? HTTPS_PORT;
    const name = `${service.name}.${service.namespace}.svc`;
    const path = cleanPath(service.path ?? '') + query;
    return { url: `https://${name}:${port}${path}`, path, host: name, port, serverName: name, authority: `${name}:${port}` };
  }
  const parsed = url === undefined ? undefined : URL.parse(url);
  if (parsed === undefined) throw new WebhookFailure('webhook configuration must have either service or URL');
  if (parsed === null || parsed.protocol !== 'https:') throw new WebhookFailure(`Unparsable URL: ${url}`);
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  const path = cleanPath(parsed.pathname) + query;
  return { url: `https://${parsed.host}${path}`, path, host, port: parsed.port === '' ? HTTPS_PORT : Number(parsed.port), serverName: host, authority: parsed.host };
}

function cleanPath(path: string): string {
  const clean = posix.join('/', path);
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean;
}

/** @throws WebhookFailure */
function authorities(caBundle: string | undefined): { ca?: string } {
  const pem = Buffer.from(caBundle ?? '', 'base64').toString('latin1');
  if (pem.trim() === '') return {};
  if (!decodePem(pem).some(({ label }) => label === 'CERTIFICATE')) throw new CertificateError('unable to load root certificates: unable to parse bytes as PEM block');
  return { ca: pem };
}

/** The target's own authorities cannot be read: there is no client for it. */
export class CertificateError extends WebhookFailure {}

function send(agent: Agent, place: Place, address: Address, body: string, signal: AbortSignal): Promise<{ incoming: IncomingMessage; connectedTo: Address }> {
  const options: RequestOptions = {
    agent, host: address.host, port: address.port, method: 'POST', path: place.path, signal,
    headers: { host: place.authority, accept: 'application/json, */*', 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), 'user-agent': 'kube-apiserver-admission' },
  };
  return new Promise((resolve, reject) => {
    const trySend = (again: boolean): void => {
      const outgoing = httpsRequest(options);
      outgoing.once('response', (incoming) => { resolve({ incoming, connectedTo: address }); });
      outgoing.once('error', (error: NodeJS.ErrnoException) => {
        // An idle connection that the other side had closed: nothing was asked of it.
        if (again && outgoing.reusedSocket && !signal.aborted && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) trySend(false);
        else reject(new Unanswered(error, address));
      });
      outgoing.end(body);
    };
    trySend(true);
  });
}

async function readAnswer(incoming: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of incoming as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > ANSWER_BYTES_MAX) {
      incoming.destroy();
      throw new WebhookFailure(`the answer is larger than ${ANSWER_BYTES_MAX} bytes`);
    }
    pieces.push(piece);
  }
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, bytes);
}

/** A Status in the body counts where the code itself says too little. */
function refusal(status: number, body: Buffer, contentType: string): StatusError {
  const isText = contentType === '' || /^text\/|^application\/json/.test(contentType);
  const text = body.subarray(0, ERROR_TEXT_MAX).toString('utf8').trim();
  try {
    const found = JSON.parse(body.toString('utf8')) as Partial<Status>;
    if (found.kind === 'Status' && found.apiVersion === 'v1' && found.status !== 'Success') return new StatusError({ ...found, metadata: found.metadata ?? {}, code: found.code ?? status } as Status);
  } catch {
    // Judged by the code alone.
  }
  if (status < 200) return newInternalError(new Error(`unexpected status ${status}`));
  return newGenericServerResponse({
    code: status, verb: 'POST', group: '', resource: '', name: '', serverMessage: isText && text !== '' ? text : 'unknown', retryAfterSeconds: 0, unexpected: true,
  });
}

/** Idle connections close now, busy ones after their answer. */
function retire(agent: Agent): void {
  agent.maxFreeSockets = 0;
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}
