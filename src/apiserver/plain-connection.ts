/**
 * An HTTP/1.1 connection for as long as its requests are plain (`plain-request.ts`): read and answered here at a third of
 * what Node's server takes for it, with the same limits.
 *
 *     bytes ─┬─ a plain request → handle → answer, one after the other
 *            └─ anything else → the connection is Node's from the first byte of that request on
 *
 * Invariant: a request is handled here or by Node, never by both, and nothing is read while an answer is under way.
 */
import type { TLSSocket } from 'node:tls';
import type { Clock, Timer } from '#base/clock';
import { newRequestEntityTooLarge } from '#machinery/status-error';
import { connectionOf } from './connection-info.ts';
import { LazyAbort } from './lazy-abort.ts';
import { sendOutbox, writeAnswer } from './plain-answer.ts';
import { readPlainRequest, type PlainRequest } from './plain-request.ts';
import type { ApiRequest, ApiResponse } from './request.ts';

/** A body that follows its head in a segment of its own is waited for so long, then by Node. */
const BODY_WAIT_MS = 100;
/** Segments that one request may come in. */
const SEGMENTS_MAX = 8;

export interface PlainConnectionOptions {
  readonly socket: TLSSocket;
  readonly clock: Clock;
  /** Without any byte from the start on, and between requests. */
  readonly firstMs: number;
  readonly idleMs: number;
  /** Resolves once the answer is written. Never rejects. */
  readonly serve: (request: ApiRequest, caller: LazyAbort, respond: (answer: ApiResponse) => Promise<void>) => Promise<void>;
  /** Nothing came at all. */
  readonly silent: () => void;
  /** The connection is Node's now. @param begun what has been read of its next request. */
  readonly handOver: (begun: Buffer) => void;
}

/** Follows the connection until it ends or is handed over. */
export function servePlainConnection(options: PlainConnectionOptions): void {
  const { socket, clock, serve } = options;
  let caller: LazyAbort | undefined;
  let held: Buffer | undefined;
  let segments = 0;
  let served = false;
  let waiting: Timer | undefined;

  const onData = (bytes: Buffer): void => {
    held = held === undefined ? bytes : Buffer.concat([held, bytes]);
    if (caller === undefined) take(); else socket.pause();
  };
  const onClose = (): void => { waiting?.cancel(); caller?.abort(); };
  const onTimeout = (): void => {
    if (caller !== undefined || held !== undefined) return;
    if (served) socket.destroy(); else options.silent();
  };

  function leave(): void {
    const begun = held!;
    held = undefined;
    waiting?.cancel();
    socket.off('data', onData);
    socket.off('close', onClose);
    socket.off('timeout', onTimeout);
    socket.setTimeout(0);
    // Before anything that Node answers.
    sendOutbox();
    options.handOver(begun);
  }

  /** Looks at what is held: a request to serve, part of one to wait for, or Node's. */
  function take(): void {
    const reading = readPlainRequest(held!);
    if (reading === 'other' || (reading === 'more' && ++segments >= SEGMENTS_MAX)) { leave(); return; }
    if (reading === 'more') { waiting ??= clock.setTimer(BODY_WAIT_MS, leave, { unref: true }); return; }
    waiting?.cancel();
    waiting = undefined;
    held = reading.rest;
    segments = 0;
    const current = caller = new LazyAbort();
    void serve(toApiRequest(reading, socket, current), current, (answer) => writeAnswer(socket, answer, current, clock)).then(next);
  }

  function next(): void {
    const failed = caller!.aborted;
    caller = undefined;
    served = true;
    if (failed) { socket.destroy(); return; }
    socket.setTimeout(options.idleMs);
    // Others get their turn before a request that came with this one.
    if (held === undefined) resume(); else setImmediate(resume);
  }

  function resume(): void {
    if (socket.isPaused()) socket.resume();
    if (!socket.destroyed && held !== undefined && caller === undefined && waiting === undefined) take();
  }

  socket.on('data', onData);
  socket.on('close', onClose);
  socket.on('timeout', onTimeout);
  socket.setTimeout(options.firstMs);
}

function toApiRequest({ method, target, headers, body }: PlainRequest, socket: TLSSocket, caller: LazyAbort): ApiRequest {
  return {
    method, target, headers, get signal() { return caller.signal; }, connection: connectionOf(socket, socket),
    readBody: (maxBytes) => body.length > maxBytes ? Promise.reject(newRequestEntityTooLarge(`limit is ${maxBytes}`)) : Promise.resolve(body),
  };
}
