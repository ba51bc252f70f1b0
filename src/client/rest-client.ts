/**
 * The REST client over any transport: typed by resource handles, JSON both ways.
 *
 * It keeps no state but its transport; it neither caches nor limits its rate (the server's priority and fairness does).
 */
import type { Clock } from '#base/clock';
import type { KubeList, KubeObject, ResourceType, Status } from '#machinery/meta';
import { StatusError } from '#machinery/status-error';
import type { CallOptions, GetOptions, Client, DeleteOptions, ListOptions, PatchOptions, PatchType, ResourceClient, WatchEvent, WatchOptions, WriteOptions } from './client.ts';
import { exchange, parseJson, readBody, type Subject } from './exchange.ts';
import { apiVersionOf, queryText, resourcePath } from './resource-path.ts';
import type { Transport, TransportResponse } from './transport.ts';
import { watchFrames } from './watch-stream.ts';

/** An ordinary request that takes longer is given up; watches have none. */
export const REQUEST_TIMEOUT_MS = 60_000;

export interface ClientOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Sent as User-Agent; field managers are taken from it where none is given. */
  readonly userAgent: string;
  readonly requestTimeoutMs?: number;
  /** Sent with each request. */
  readonly headers?: Readonly<Record<string, string>>;
}

interface Ask { method: string; path: string; body?: unknown; contentType?: string; accept?: string; signal?: AbortSignal | undefined; subject?: Subject; stream?: boolean }

const NO_SUBJECT: Subject = { group: '', resource: '', name: '' };

export function createClient(options: ClientOptions): Client {
  const { transport, clock } = options;
  const timeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;

  async function send(ask: Ask, signal: AbortSignal | undefined): Promise<TransportResponse> {
    const headers: Record<string, string> = { accept: ask.accept ?? 'application/json', 'user-agent': options.userAgent, ...options.headers };
    let body: Buffer | undefined;
    if (ask.body !== undefined) {
      body = Buffer.from(JSON.stringify(ask.body));
      headers['content-type'] = ask.contentType ?? 'application/json';
    }
    return exchange(transport, clock, { method: ask.method, path: ask.path, headers, ...(body && { body }), ...(signal && { signal }) }, ask.subject ?? NO_SUBJECT);
  }

  async function call<T>(ask: Ask): Promise<T> {
    ask.signal?.throwIfAborted();
    const timeout = new AbortController();
    const timer = clock.setTimer(timeoutMs, () => timeout.abort(new DOMException(`${ask.method} ${ask.path} timed out`, 'TimeoutError')), { unref: true });
    const onAbort = (): void => timeout.abort(ask.signal!.reason);
    ask.signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const body = await readBody(await send(ask, timeout.signal));
      return body.length === 0 ? (undefined as T) : parseJson<T>(body);
    } finally {
      timer.cancel();
      ask.signal?.removeEventListener('abort', onAbort);
    }
  }

  return {
    for: (resource, namespace) => resourceClient(resource, namespace, call, send),
    raw: (method, path, raw = {}) => call({
      method, path, body: raw.body, signal: raw.signal,
      ...(raw.contentType !== undefined && { contentType: raw.contentType }), ...(raw.accept !== undefined && { accept: raw.accept }),
    }),
    withHeaders: (headers) => createClient({ ...options, headers: { ...options.headers, ...headers } }),
    close: () => transport.close(),
  };
}

type Call = <T>(ask: Ask) => Promise<T>;
type Send = (ask: Ask, signal: AbortSignal | undefined) => Promise<TransportResponse>;

function resourceClient<T extends KubeObject>(resource: ResourceType<T>, namespace: string | undefined, call: Call, send: Send): ResourceClient<T> {
  const subject = (name: string): Subject => ({ group: resource.group, resource: resource.resource, name });
  const path = (name?: string, subresource?: string, query: Parameters<typeof queryText>[0] = {}, inNamespace = namespace): string =>
    resourcePath(resource, inNamespace, name, subresource) + queryText(query);
  const typed = (object: T): T => ({ apiVersion: apiVersionOf(resource), kind: resource.kind, ...object });
  const namespaceOf = (object: T): string | undefined => namespace ?? object.metadata.namespace;
  const put = (object: T, subresource: string | undefined, options: WriteOptions = {}): Promise<T> => {
    const name = object.metadata.name!;
    return call<T>({ method: 'PUT', path: path(name, subresource, writeQuery(options), namespaceOf(object)), body: typed(object), signal: options.signal, subject: subject(name) });
  };

  return {
    get: (name, options: GetOptions = {}) => call<T>({ method: 'GET', path: path(name, undefined, { resourceVersion: options.resourceVersion }), signal: options.signal, subject: subject(name) }),
    list: (options = {}) => call<KubeList<T>>({ method: 'GET', path: path(undefined, undefined, listQuery(options)), signal: options.signal, subject: subject('') }),
    watch: (options = {}) => watch<T>(path(undefined, undefined, watchQuery(options)), subject(''), send, options.signal),
    create: (object, options: WriteOptions = {}) => call<T>({
      method: 'POST', path: options.subresource === undefined
        ? path(undefined, undefined, writeQuery(options), namespaceOf(object))
        : path(object.metadata.name, options.subresource, writeQuery(options), namespaceOf(object)),
      body: typed(object), signal: options.signal, subject: subject(object.metadata.name ?? ''),
    }),
    update: (object, options) => put(object, options?.subresource, options),
    updateStatus: (object, options) => put(object, 'status', options),
    patch: (name, type: PatchType, patch, options: PatchOptions = {}) => call<T>({
      method: 'PATCH', path: path(name, options.subresource, { ...writeQuery(options), force: options.force }),
      body: patch, contentType: type, signal: options.signal, subject: subject(name),
    }),
    async delete(name, options: DeleteOptions = {}) {
      await call({ method: 'DELETE', path: path(name), body: deleteBody(options), signal: options.signal, subject: subject(name) });
    },
    async deleteCollection(options = {}) {
      await call({ method: 'DELETE', path: path(undefined, undefined, listQuery(options)), body: deleteBody(options), signal: options.signal, subject: subject('') });
    },
    createSubresource: <B, R>(name: string, subresource: string, body: B, options: CallOptions = {}) =>
      call<R>({ method: 'POST', path: path(name, subresource), body, signal: options.signal, subject: subject(name) }),
  };
}

async function* watch<T extends KubeObject>(path: string, subject: Subject, send: Send, signal: AbortSignal | undefined): AsyncGenerator<WatchEvent<T>> {
  const response = await send({ method: 'GET', path, subject }, signal);
  try {
    for await (const frame of watchFrames(response.body)) {
      if (frame.type === 'ERROR') throw new StatusError(frame.object as Status);
      yield frame as WatchEvent<T>;
    }
  } finally {
    response.cancel();
  }
}

function listQuery(options: ListOptions): Record<string, string | number | undefined> {
  return {
    labelSelector: options.labelSelector, fieldSelector: options.fieldSelector, limit: options.limit, continue: options.continue,
    resourceVersion: options.resourceVersion, resourceVersionMatch: options.resourceVersionMatch,
  };
}

function watchQuery(options: WatchOptions): Record<string, string | number | boolean | undefined> {
  return {
    watch: true, labelSelector: options.labelSelector, fieldSelector: options.fieldSelector, resourceVersion: options.resourceVersion,
    allowWatchBookmarks: options.allowWatchBookmarks, sendInitialEvents: options.sendInitialEvents, timeoutSeconds: options.timeoutSeconds,
    resourceVersionMatch: options.sendInitialEvents === true ? 'NotOlderThan' : undefined,
  };
}

function writeQuery(options: WriteOptions): Record<string, string | undefined> {
  return { fieldManager: options.fieldManager, dryRun: options.dryRun === true ? 'All' : undefined };
}

function deleteBody(options: DeleteOptions): unknown {
  const { gracePeriodSeconds, propagationPolicy, preconditions } = options;
  if (gracePeriodSeconds === undefined && propagationPolicy === undefined && preconditions === undefined) return undefined;
  return { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds, propagationPolicy, preconditions };
}
