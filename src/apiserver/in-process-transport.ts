/**
 * The API server's handler chain as a `Transport`: the same requests as over HTTPS, without a socket.
 *
 * The identity is given when the transport is made; everything behind authentication happens as for any other caller.
 */
import { newRequestEntityTooLarge } from '#machinery/status-error';
import { TransportError, type Transport, type TransportRequest, type TransportResponse } from '#client/transport';
import { LazyAbort } from './lazy-abort.ts';
import { discard } from './noticing-end.ts';
import type { ApiHandler, ApiRequest, UserInfo } from './request.ts';

const EMPTY = Buffer.alloc(0);

export function inProcessTransport(handler: ApiHandler, user: UserInfo): Transport {
  const active = new Set<LazyAbort>();
  let closed = false;
  return {
    async request(request: TransportRequest): Promise<TransportResponse> {
      if (closed) throw new TransportError('transport is closed', { neverSent: true });
      const { signal: callerSignal } = request;
      const caller = new LazyAbort(callerSignal === undefined ? undefined : () => callerSignal);
      active.add(caller);
      const done = (): void => { active.delete(caller); caller.leave(); };
      const body = request.body ?? EMPTY;
      const apiRequest: ApiRequest = {
        method: request.method, target: request.path, headers: request.headers ?? {}, get signal() { return caller.signal; },
        connection: { remoteAddress: '127.0.0.1', tls: true, user },
        async readBody(maxBytes) {
          if (body.length > maxBytes) throw newRequestEntityTooLarge(`limit is ${maxBytes}`);
          return body;
        },
      };
      let response;
      try {
        response = await handler(apiRequest);
        if (callerSignal?.aborted === true) await discard(response.body);
        callerSignal?.throwIfAborted();
      } catch (error) {
        done();
        throw error;
      }
      return { status: response.status, headers: flatten(response.headers), body: pieces(response.body, done), cancel: () => { caller.abort(); done(); } };
    },
    async close() {
      closed = true;
      for (const caller of active) caller.abort();
    },
  };
}

function flatten(headers: Record<string, string | string[]>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) flat[name] = typeof value === 'string' ? value : value.join(', ');
  return flat;
}

async function* pieces(body: Buffer | AsyncIterable<Buffer>, done: () => void): AsyncGenerator<Buffer> {
  try {
    if (Buffer.isBuffer(body)) { if (body.length > 0) yield body; } else yield* body;
  } finally {
    done();
  }
}
