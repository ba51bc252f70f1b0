/**
 * One request with one JSON answer over a transport: retries what is safe to retry, and turns refusals into `StatusError`.
 *
 * Sent again: what never reached the server, and what the server refused with 429 or 5xx and a `Retry-After`. Everything
 * else is for the caller to decide.
 */
import { exponentialMs } from '#base/backoff';
import type { Clock } from '#base/clock';
import type { Status } from '#machinery/meta';
import { newGenericServerResponse, StatusError } from '#machinery/status-error';
import { TransportError, type Transport, type TransportRequest, type TransportResponse } from './transport.ts';

const ATTEMPTS_MAX = 10;
const RETRY_BASE_MS = 100;
const RETRY_MAX_MS = 5_000;
/** A longer Retry-After is left to the caller. */
const RETRY_AFTER_MAX_MS = 30_000;
/** An answer that is read as a whole. */
export const ANSWER_BYTES_MAX = 512 * 1024 * 1024;

/** What was asked, for the texts of errors whose body says nothing. */
export interface Subject { readonly group: string; readonly resource: string; readonly name: string }

/** An answer with a status below 300; its body is to be consumed or cancelled. @throws StatusError, TransportError */
export async function exchange(transport: Transport, clock: Clock, request: TransportRequest, subject: Subject): Promise<TransportResponse> {
  for (let attempt = 0; ; attempt++) {
    let response: TransportResponse;
    try {
      response = await transport.request(request);
    } catch (error) {
      const again = error instanceof TransportError && error.neverSent && attempt + 1 < ATTEMPTS_MAX;
      if (!again || request.signal?.aborted === true) throw error;
      await clock.sleep(exponentialMs(RETRY_BASE_MS, RETRY_MAX_MS, 2, attempt), request.signal);
      continue;
    }
    if (response.status < 300) return response;
    const waitMs = retryAfterMs(response);
    const body = await readBody(response);
    if (waitMs === undefined || waitMs > RETRY_AFTER_MAX_MS || attempt + 1 >= ATTEMPTS_MAX) throw refusal(request, response, body, subject);
    await clock.sleep(waitMs, request.signal);
  }
}

/** The wait the server asks for before the same request may be sent again. */
function retryAfterMs(response: TransportResponse): number | undefined {
  const seconds = Number.parseInt(response.headers['retry-after'] ?? '', 10);
  if (!(seconds >= 0)) return undefined;
  return response.status === 429 || response.status >= 500 ? seconds * 1000 : undefined;
}

export async function readBody(response: TransportResponse): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of response.body) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes > ANSWER_BYTES_MAX) {
      response.cancel();
      throw new TransportError(`the answer is larger than ${ANSWER_BYTES_MAX} bytes`);
    }
  }
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, bytes);
}

function refusal(request: TransportRequest, response: TransportResponse, body: Buffer, subject: Subject): StatusError {
  const text = body.toString('utf8');
  try {
    const status = JSON.parse(text) as Status;
    if (status.kind === 'Status') return new StatusError({ ...status, code: status.code ?? response.status });
  } catch {
    // not JSON: judged by the code alone
  }
  return newGenericServerResponse({
    code: response.status, verb: request.method, ...subject,
    serverMessage: text.slice(0, 2048).trim() || 'unknown', retryAfterSeconds: 0, unexpected: true,
  });
}

export function parseJson<T>(body: Buffer): T {
  try {
    return JSON.parse(body.toString('utf8')) as T;
  } catch (cause) {
    throw new TransportError('the answer is not JSON', { cause });
  }
}
