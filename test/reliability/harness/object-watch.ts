/** A client's watch on a resource store: its events are kept for the checker; it resumes where it was when the stream ends. */
import type { Clock } from '#base/clock';
import { watchStream, type WatchRequest } from '#apiserver/store/watch-stream';
import type { ObjectEvent, ObjectWatchRecord } from '../checkers/object-watch-rules.ts';
import { ENCODER, PREFIX, parityOf, selectionOf, type ObjectStore } from './object-store.ts';

export interface ObjectWatchOptions {
  readonly name: string;
  readonly parity?: 'even' | 'odd';
  readonly from: 'initial' | number;
  readonly clock: Clock;
  /** How long the reader takes for a chunk now and then; 0: it never waits. */
  readonly slowMs?: () => number;
}

interface Line { type: ObjectEvent['type']; revision?: number; end?: boolean; code?: number; object?: { metadata: { name: string; namespace: string; resourceVersion: string }; data: { value: string } } }

const IDLE_MS = 10;

/** One stream on one server; `resume` goes on at another. */
export class ObjectWatch {
  readonly #options: ObjectWatchOptions;
  readonly #events: ObjectEvent[] = [];
  #stop = new AbortController();
  #reading: Promise<void> = Promise.resolve();
  /** The newest revision it has been told of. */
  revision: number;
  /** Code of the ERROR event that ended the last stream. */
  error: number | undefined;
  ended = false;

  constructor(options: ObjectWatchOptions) {
    this.#options = options;
    this.revision = options.from === 'initial' ? 0 : options.from;
  }

  get events(): readonly ObjectEvent[] { return this.#events; }

  open(server: ObjectStore): void {
    const { parity, from, clock } = this.#options;
    this.#stop = new AbortController();
    this.error = undefined;
    this.ended = false;
    const fresh = this.revision === 0 && from === 'initial';
    if (fresh) this.#events.length = 0;
    const request: WatchRequest = {
      selection: selectionOf(parity), from: fresh ? { kind: 'initial', atLeast: undefined } : { kind: 'after', revision: this.revision },
      bookmarks: true, markInitialEnd: fresh, timeoutMs: 3_600_000, signal: this.#stop.signal,
    };
    this.#reading = this.#read(watchStream(server.store, request, ENCODER, clock));
  }

  /** Ends the stream, as a client that goes away. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#reading;
  }

  /** Waits for all up to the revision that concerns it; ends then. */
  async record(completeTo: number, lastOwn: number, withinMs: number): Promise<ObjectWatchRecord> {
    const untilMs = performance.now() + withinMs;
    while (this.revision < lastOwn && !this.ended && performance.now() < untilMs) await new Promise((resolve) => { setTimeout(resolve, IDLE_MS); });
    await this.close();
    const { name, from, parity } = this.#options;
    return { name, from, selects: (_key, value) => parity === undefined || parityOf(value) === parity, events: this.#events, ...(this.error === undefined ? { completeTo } : {}) };
  }

  async #read(chunks: AsyncIterable<Buffer>): Promise<void> {
    const { slowMs } = this.#options;
    for await (const chunk of chunks) {
      for (const line of chunk.toString().trimEnd().split('\n')) this.#take(JSON.parse(line) as Line);
      const waitMs = slowMs?.() ?? 0;
      if (waitMs > 0) await new Promise((resolve) => { setTimeout(resolve, waitMs); });
    }
    this.ended = true;
  }

  #take({ type, revision, end, code, object }: Line): void {
    if (type === 'ERROR') { this.error = code; return; }
    const at = revision ?? Number(object!.metadata.resourceVersion);
    this.#events.push({
      type, revision: at, key: object === undefined ? '' : `${PREFIX}${object.metadata.namespace}/${object.metadata.name}`, value: object?.data.value ?? '',
      ...(end === true ? { initialEnd: true } : {}),
    });
    // Until the initial objects are complete there is nothing to go on from.
    if (this.#options.from !== 'initial' || end === true || this.revision > 0) this.revision = Math.max(this.revision, at);
  }
}
