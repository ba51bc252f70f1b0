/**
 * One watch on etcd that outlives its streams: when a stream breaks, the next one begins after the last revision that was
 * handed on, so that nothing is lost or told twice.
 *
 * Back-pressure: when the reader is behind, the stream is paused and etcd keeps the rest.
 */
import type { ServiceError } from '@grpc/grpc-js';
import type { Clock } from '#base/clock';
import { CompactedError, UnavailableError, type WatchBatch } from '../contract.ts';
import type { EtcdConnection } from './connection.ts';
import { fromEtcdError } from './errors.ts';
import { keyBytes, toWatchEvent, type WatchResponse } from './messages.ts';

export interface EtcdWatchOptions {
  readonly start: string; readonly end: string; readonly afterRevision: number; readonly progress?: boolean; readonly signal: AbortSignal;
}

/** Batches held for a reader that is behind, before the stream is paused. */
const HELD_BATCHES_MAX = 16;
const RECONNECT_MS_MIN = 50;
const RECONNECT_MS_MAX = 2_000;

export interface EtcdWatch {
  requestProgress(): void;
  batches(): AsyncGenerator<WatchBatch, void, undefined>;
}

/** @param closed aborts when the engine closes. */
export function etcdWatch(connection: EtcdConnection, clock: Clock, options: EtcdWatchOptions, closed: AbortSignal): EtcdWatch {
  let sendProgress: (() => void) | undefined;

  /** Yields what one stream gives; returns when it must be opened again. @throws CompactedError */
  async function* oneStream(cursor: { revision: number }): AsyncGenerator<WatchBatch, void, undefined> {
    const held: WatchResponse[] = [];
    let ended: Error | 'left' | undefined;
    let wake: (() => void) | undefined;
    const end = (why: Error | 'left'): void => { ended ??= why; wake?.(); };
    const { stream, done } = await connection.stream(() => end('left'));
    const onStop = (): void => end('left');
    options.signal.addEventListener('abort', onStop);
    closed.addEventListener('abort', onStop);
    stream.on('data', (response: WatchResponse) => {
      held.push(response);
      if (held.length >= HELD_BATCHES_MAX) stream.pause();
      wake?.();
    });
    stream.on('error', (error: ServiceError) => end(error));
    stream.on('end', () => end('left'));
    stream.write({
      create_request: {
        key: keyBytes(options.start), range_end: keyBytes(options.end), start_revision: startOf(cursor.revision),
        progress_notify: options.progress === true, prev_kv: true,
      },
    });
    sendProgress = () => { stream.write({ progress_request: {} }); };
    try {
      for (;;) {
        if (options.signal.aborted || closed.aborted) return;
        const response = held.shift();
        if (response === undefined) {
          if (ended instanceof Error) throw ended;
          if (ended !== undefined) return;
          await new Promise<void>((resolve) => { wake = resolve; });
          wake = undefined;
          continue;
        }
        if (held.length === 0) stream.resume();
        if (response.canceled) throw refusalOf(response);
        const batch = batchOf(response, cursor.revision);
        if (batch === undefined) continue;
        cursor.revision = batch.revision;
        if (batch.events.length > 0 || options.progress === true) yield batch;
      }
    } finally {
      sendProgress = undefined;
      done();
      options.signal.removeEventListener('abort', onStop);
      closed.removeEventListener('abort', onStop);
      stream.on('error', () => undefined);
      stream.cancel();
    }
  }

  async function* batches(): AsyncGenerator<WatchBatch, void, undefined> {
    const cursor = { revision: options.afterRevision };
    let waitMs = RECONNECT_MS_MIN;
    while (!options.signal.aborted) {
      if (closed.aborted) throw new UnavailableError('storage is closed');
      const before = cursor.revision;
      try {
        yield* oneStream(cursor);
      } catch (error) {
        if (error instanceof CompactedError) throw error;
        if (fromEtcdError(error as ServiceError, false) instanceof CompactedError) throw error;
        connection.leaveCurrent((error as Error).message);
      }
      if (options.signal.aborted) return;
      if (closed.aborted) throw new UnavailableError('storage is closed');
      waitMs = cursor.revision > before ? RECONNECT_MS_MIN : Math.min(waitMs * 2, RECONNECT_MS_MAX);
      await clock.sleep(waitMs, AbortSignal.any([options.signal, closed])).catch(() => undefined);
    }
  }

  return { requestProgress: () => sendProgress?.(), batches };
}

/**
 * One revision early: etcd before 3.4.34 takes a watch that begins at the revision of a compaction, though a deletion at just that one
 * is gone. What comes twice is dropped.
 */
function startOf(after: number): number { return Math.max(after, 1); }

function refusalOf(response: WatchResponse): Error {
  if (response.compact_revision > 0) return new CompactedError(response.compact_revision);
  return new UnavailableError(`etcd ended the watch: ${response.cancel_reason}`);
}

/**
 * Undefined: nothing to tell (the watch has been created, or it is a repetition).
 * @throws CompactedError when what an event replaced went while etcd was catching up: nobody can say any more whom it concerns
 */
function batchOf(response: WatchResponse, after: number): WatchBatch | undefined {
  if (response.events.length === 0) {
    return response.created || response.header.revision < after ? undefined : { events: [], revision: response.header.revision };
  }
  const events = response.events.map(toWatchEvent).filter((event) => event.revision > after);
  for (const { previous, created, revision } of events) if (previous === undefined && !created) throw new CompactedError(revision);
  return events.length === 0 ? undefined : { events, revision: events[events.length - 1]!.revision };
}
