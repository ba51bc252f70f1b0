/** Reads a request's body once, within a size and a time. */
import { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { Clock } from '#base/clock';
import { newBadRequest, newRequestEntityTooLarge, newStatusError } from '#machinery/status-error';

/** Largest body of any request. */
export const BODY_BYTES_MAX = 3 * 1024 * 1024;
export const BODY_TOO_SLOW = 'the body of the request did not come in time';
const EMPTY = Buffer.alloc(0);

/** The body of an HTTP/1 request that came with its head, as most do: nothing is to be waited for then. */
function wholeBody(request: Readable): Buffer | undefined {
  if (!(request instanceof IncomingMessage) || !request.complete || request.destroyed || request.readableFlowing !== null) return undefined;
  const body = request.read() as Buffer | null;
  // Lets the stream come to its end.
  request.resume();
  return body ?? EMPTY;
}

/** @throws StatusError 413, 408, 400 */
export function readBody(request: Readable & { headers: Record<string, string | string[] | undefined> }, maxBytes: number, withinMs: number, clock: Clock): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > maxBytes) return Promise.reject(newRequestEntityTooLarge(`limit is ${maxBytes}`));
  if (declared === 0 && request.headers['transfer-encoding'] === undefined && request.readableEnded) return Promise.resolve(EMPTY);
  const whole = wholeBody(request);
  if (whole !== undefined) return whole.length > maxBytes ? Promise.reject(newRequestEntityTooLarge(`limit is ${maxBytes}`)) : Promise.resolve(whole);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const timer = clock.setTimer(withinMs, () => fail(newStatusError(408, '', BODY_TOO_SLOW)), { unref: true });
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > maxBytes) fail(newRequestEntityTooLarge(`limit is ${maxBytes}`)); else chunks.push(chunk);
    };
    const onEnd = (): void => { leave(); resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes)); };
    const onBroken = (): void => fail(newBadRequest('unexpected EOF'));
    const leave = (): void => {
      timer.cancel();
      request.off('data', onData);
      request.off('end', onEnd);
      request.off('error', onBroken);
      request.off('close', onBroken);
    };
    const fail = (error: Error): void => { leave(); request.pause(); reject(error); };
    request.on('data', onData);
    request.on('end', onEnd);
    request.on('error', onBroken);
    request.on('close', onBroken);
  });
}
