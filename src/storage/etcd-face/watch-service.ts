/**
 * The Watch service: many watches on one stream, each a cursor of the store.
 *
 * Order on the wire: a watch's `created` comes before its events, its events in revision order, a revision whole (or in marked
 * fragments when the client takes them), and an asked-for progress answer after all events up to the revision it names.
 * Back-pressure: a client that does not read holds its cursors; one that falls behind compaction is told.
 */
import type { GrpcStream } from '#wire/grpc/server';
import { CompactedError } from '../contract.ts';
import { versionBefore } from '../mvcc/engine-core.ts';
import type { Version } from '../mvcc/version.ts';
import type { FaceContext } from './face-context.ts';
import { deletedBytes, keyRange, keyValueBytes, type KeyRange } from './keys.ts';
import { decodeMessage, encodeMessage, Writer } from './message-codec.ts';

interface CreateRequest {
  readonly key: Buffer; readonly range_end: Buffer; readonly start_revision: number; readonly progress_notify: boolean;
  readonly filters: readonly number[]; readonly prev_kv: boolean; readonly watch_id: number; readonly fragment: boolean;
}
interface WatchRequest {
  readonly create_request?: CreateRequest;
  readonly cancel_request?: { readonly watch_id: number };
  readonly progress_request?: object;
}
interface Watch {
  readonly abort: AbortController;
  askProgress: () => void;
  /** All events up to here are on the stream. */
  delivered: number;
}

const FILTER = { noPut: 0, noDelete: 1 } as const;
/** Stands for no watch, or for all of a stream. */
const NO_WATCH = -1;
/** Events of one answer, for clients that take fragments: etcd's limit of a request. */
const FRAGMENT_BYTES = 1.5 * 1024 * 1024;
const WATCHES_MAX = 10_000;
const ZERO = Buffer.from([0]);

export async function serveWatches(face: FaceContext, stream: GrpcStream): Promise<void> {
  const { core } = face.store;
  const { keyspace } = core;
  const watches = new Map<number, Watch>();
  let nextId = 0;
  /** Revisions that an asked-for progress answer is due for, oldest first. */
  const progressDue: number[] = [];

  const answer = (revision: number, fields: object): void => stream.send(encodeMessage('WatchResponse', { header: face.header(revision), ...fields }));
  const refuse = (reason: string): void => answer(keyspace.published, { watch_id: NO_WATCH, created: true, canceled: true, cancel_reason: reason });

  function create(request: CreateRequest): void {
    const range = keyRange(request.key.length === 0 ? ZERO : request.key, request.range_end);
    if (range.end <= range.start) { refuse('mvcc: watcher range is empty'); return; }
    if (watches.size >= WATCHES_MAX) { refuse('kubernode: too many watches on one stream'); return; }
    if (request.watch_id !== 0 && watches.has(request.watch_id)) { refuse('mvcc: duplicate watch ID provided on the WatchStream'); return; }
    while (watches.has(nextId)) nextId++;
    const id = request.watch_id !== 0 ? request.watch_id : nextId++;
    const watch: Watch = { abort: new AbortController(), askProgress: () => undefined, delivered: 0 };
    watches.set(id, watch);
    const after = request.start_revision > 0 ? request.start_revision - 1 : keyspace.published;
    answer(keyspace.published, { watch_id: id, created: true });
    void follow(id, watch, request, range, after);
  }

  async function follow(id: number, watch: Watch, request: CreateRequest, range: KeyRange, after: number): Promise<void> {
    const shape = eventShape(face, request);
    watch.delivered = after;
    try {
      const options = {
        start: range.start, end: range.end, afterRevision: after, progress: request.progress_notify, signal: watch.abort.signal,
        opened: (askProgress: () => void) => { watch.askProgress = askProgress; if (progressDue.length > 0) askProgress(); },
      };
      for await (const { events, revision } of core.hub.watchAs(options, shape)) {
        if (watches.get(id) !== watch) return;
        if (events.length > 0) sendEvents(id, request, events, revision);
        else if (request.progress_notify && progressDue.length === 0) answer(revision, { watch_id: id });
        watch.delivered = revision;
        answerProgress();
        await stream.drained();
      }
    } catch (error) {
      if (watches.get(id) !== watch) return;
      watches.delete(id);
      if (error instanceof CompactedError) answer(keyspace.published, { watch_id: id, canceled: true, compact_revision: face.compactedRevision() });
      else answer(keyspace.published, { watch_id: id, canceled: true, cancel_reason: (error as Error).message });
      answerProgress();
    }
  }

  function sendEvents(id: number, { fragment }: CreateRequest, events: readonly Buffer[], revision: number): void {
    let from = 0;
    let bytes = 0;
    for (let i = 0; fragment && i < events.length; i++) {
      bytes += events[i]!.length;
      if (i === from || bytes <= FRAGMENT_BYTES) continue;
      answer(revision, { watch_id: id, events: events.slice(from, i), fragment: true });
      from = i;
      bytes = events[i]!.length;
    }
    answer(revision, { watch_id: id, events: from === 0 ? events : events.slice(from) });
  }

  function cancel(id: number): void {
    const watch = watches.get(id);
    if (watch === undefined) return;
    watches.delete(id);
    watch.abort.abort();
    answer(keyspace.published, { watch_id: id, canceled: true });
    answerProgress();
  }

  function requestProgress(): void {
    if (watches.size === 0) return;
    progressDue.push(keyspace.published);
    for (const watch of watches.values()) watch.askProgress();
    answerProgress();
  }

  /** As soon as every watch of the stream is that far; one that begins in the future is not waited for. */
  function answerProgress(): void {
    while (progressDue.length > 0) {
      const due = progressDue[0]!;
      for (const { delivered } of watches.values()) if (delivered < due) return;
      progressDue.shift();
      answer(due, { watch_id: NO_WATCH });
    }
  }

  stream.onCancel(() => { for (const watch of watches.values()) watch.abort.abort(); });
  try {
    for await (const bytes of stream.messages()) {
      const request = decodeMessage<WatchRequest>('WatchRequest', bytes);
      if (request.create_request !== undefined) create(request.create_request);
      else if (request.cancel_request !== undefined) cancel(request.cancel_request.watch_id);
      else if (request.progress_request !== undefined) requestProgress();
    }
  } finally {
    const open = [...watches.values()];
    watches.clear();
    for (const watch of open) watch.abort.abort();
  }
}

/** An encoded Event of a version; undefined when the client does not want it. */
function eventShape({ store: { core } }: FaceContext, { filters, prev_kv: withPrevious }: CreateRequest): (version: Version) => Buffer | undefined {
  const noPut = filters.includes(FILTER.noPut);
  const noDelete = filters.includes(FILTER.noDelete);
  return (version) => {
    if (version.deleted ? noDelete : noPut) return undefined;
    const event = new Writer();
    if (version.deleted) event.number(1, 1);
    event.block(2, version.deleted ? deletedBytes(version) : keyValueBytes(version, core.valueOf(version)));
    if (withPrevious) {
      const value = core.previousOf(version)?.value;
      if (value !== undefined) event.block(3, keyValueBytes(versionBefore(version)!, value));
    }
    return event.bytes();
  };
}
