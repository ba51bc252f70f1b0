/**
 * The API server's handler chain as a `Transport`: the same requests as over HTTPS, without a socket.
 *
 * The identity is given when the transport is made; everything behind authentication happens as for any other caller.
 */
import { newRequestEntityTooLarge } from '#machinery/status-error';
import { TransportError, type Transport, type TransportRequest, type TransportResponse } from '#client/transport';
import type { ApiHandler, ApiRequest, UserInfo } from './request.ts';

const EMPTY = Buffer.alloc(0);

export function inProcessTransport(handler: ApiHandler, user: UserInfo): Transport {
  const closed = new AbortController();
  return {
    async request(request: TransportRequest): Promise<TransportResponse> {
      if (closed.signal.aborted) throw new TransportError('transport is closed', { neverSent: true });
      const cancelled = new AbortController();
      const signals = [cancelled.signal, closed.signal];
      if (request.signal !== undefined) signals.push(request.signal);
      const signal = AbortSignal.any(signals);
      const body = request.body ?? EMPTY;
      const apiRequest: ApiRequest = {
        method: request.method, target: request.path, headers: request.headers ?? {}, signal,
        connection: { remoteAddress: '127.0.0.1', tls: true, user },
        async readBody(maxBytes) {
          if (body.length > maxBytes) throw newRequestEntityTooLarge(`limit is ${maxBytes}`);
          return body;
        },
      };
      const response = await handler(apiRequest);
      request.signal?.throwIfAborted();
      return { status: response.status, headers: flatten(response.headers), body: pieces(response.body), cancel: () => cancelled.abort() };
    },
    async close() { closed.abort(); },
  };
}

function flatten(headers: Record<string, string | string[]>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) flat[name] = typeof value === 'string' ? value : value.join(', ');
  return flat;
}

async function* pieces(body: Buffer | AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  if (Buffer.isBuffer(body)) { if (body.length > 0) yield body; } else yield* body;
}
