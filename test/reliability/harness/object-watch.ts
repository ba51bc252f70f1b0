/** A client's watch on objects: its events are kept for the checker; it goes on where it was when the stream ends. */
import { lines } from '#client/watch-stream';
import type { Clock } from '#base/clock';
import { watchStream } from '#apiserver/store/watch-stream';
import type { ObjectEvent, ObjectWatchRecord } from '../checkers/object-watch-rules.ts';
import { ENCODER, PREFIX, parityOf, selectionOf, type ObjectStore } from './object-store.ts';

export type Parity = 'even' | 'odd' | undefined;

export interface ObjectWatchOptions {
  readonly name: string;
  readonly parity?: Parity;
  readonly from: 'initial' | number;
}

/** Opens a stream: all objects first, or what comes after a revision. */
export type WatchOpener = (from: 'initial' | number, parity: Parity, signal: AbortSignal) => AsyncIterable<Buffer>;

/** On a resource store, without HTTP. */
export function onStore({ store }: ObjectStore, clock: Clock): WatchOpener {
  return (from, parity, signal) => watchStream(store, {
    selection: selectionOf(parity), from: from === 'initial' ? { kind: 'initial', atLeast: undefined } : { kind: 'after', revision: from },
    bookmarks: true, markInitialEnd: from === 'initial', timeoutMs: 3_600_000, signal,
  }, ENCODER, clock);
}

interface Line {
  readonly type: ObjectEvent['type'];
  readonly object: { readonly code?: number; readonly metadata: { readonly name?: string; readonly namespace?: string; readonly resourceVersion: string; readonly annotations?: Record<string, string> }; readonly data?: { value: string } };
}

const IDLE_MS = 10;
/** Of frames kept parsed. */
const PARSED_MAX = 20_000;

interface Parsed { readonly event: ObjectEvent | undefined; readonly code: number | undefined }

/** Many watches are told the same frames: each is parsed, and held, once. */
const parsed = new Map<string, Parsed>();

/** @throws SyntaxError for a frame that was cut off. */
function parse(frame: string): Parsed {
  const known = parsed.get(frame);
  if (known !== undefined) return known;
  const { type, object } = JSON.parse(frame) as Line;
  const made = type === 'ERROR' ? { event: undefined, code: object.code ?? 500 } : { event: eventOf(type, object), code: undefined };
  if (parsed.size >= PARSED_MAX) parsed.clear();
  parsed.set(frame, made);
  return made;
}

function eventOf(type: ObjectEvent['type'], { metadata: { name, namespace, resourceVersion, annotations }, data }: Line['object']): ObjectEvent {
  const end = annotations?.['k8s.io/initial-events-end'] === 'true';
  return { type, revision: Number(resourceVersion), key: type === 'BOOKMARK' ? '' : `${PREFIX}${namespace}/${name}`, value: data?.value ?? '', ...(end ? { initialEnd: true } : {}) };
}

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

  open(opener: WatchOpener): void {
    const { parity, from } = this.#options;
    this.#stop = new AbortController();
    this.error = undefined;
    this.ended = false;
    const fresh = this.revision === 0 && from === 'initial';
    if (fresh) this.#events.length = 0;
    this.#reading = this.#read(opener(fresh ? 'initial' : this.revision, parity, this.#stop.signal));
  }

  /** Ends the stream, as a client that goes away. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#reading;
  }

  /** Waits for what is told of `last`; ends then. It must be complete up to `completeTo` unless it was refused. */
  async record(completeTo: number, last: number, withinMs: number): Promise<ObjectWatchRecord> {
    const untilMs = performance.now() + withinMs;
    // The initial objects end with a bookmark, also when nothing changes.
    const first = this.#options.from === 'initial' ? 1 : 0;
    while (this.revision < Math.max(last, first) && !this.ended && performance.now() < untilMs) await new Promise((resolve) => { setTimeout(resolve, IDLE_MS); });
    await this.close();
    const { name, from, parity } = this.#options;
    return { name, from, selects: (_key, value) => parity === undefined || parityOf(value) === parity, events: this.#events, ...(this.error === undefined ? { completeTo } : {}) };
  }

  async #read(chunks: AsyncIterable<Buffer>): Promise<void> {
    try {
      for await (const line of lines(chunks)) {
        let frame: Parsed;
        // Cut off in the middle of a frame.
        try { frame = parse(line.toString()); } catch { break; }
        this.#take(frame);
      }
    } catch {
      // The connection is gone: the owner opens another.
    }
    this.ended = true;
  }

  #take({ event, code }: Parsed): void {
    if (event === undefined) { this.error = code; return; }
    this.#events.push(event);
    // Until the initial objects are complete there is nothing to go on from.
    if (this.#options.from !== 'initial' || event.initialEnd === true || this.revision > 0) this.revision = Math.max(this.revision, event.revision);
  }
}
