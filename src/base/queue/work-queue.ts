/**
 * A queue of keys that hands out each key to one worker at a time.
 *
 *     add(k) ──▶ dirty ──take()──▶ processing ──done(k)──▶ gone
 *                  ▲                   │ add(k) meanwhile: marked dirty, queued again at done(k)
 *
 * Invariant: a key waits at most once, and is never processed by two workers at the same time; an `add` after the
 * worker took the key is never lost. It knows nothing of time or failure: `delaying-queue.ts` and
 * `rate-limited-queue.ts` are the layers above.
 */

export interface Queue<K> {
  add(key: K): void;
  /** The next key; undefined once the queue is shut down and drained. Rejects with the signal's reason. */
  take(signal?: AbortSignal): Promise<K | undefined>;
  /** Must be called for each taken key. */
  done(key: K): void;
  /** Keys that wait. */
  length(): number;
  /** No more keys are taken in; the waiting ones are still handed out. */
  shutDown(): void;
}

/** Called at the edges of a key's way through the queue; for metrics. */
export interface QueueObserver<K> {
  added?(key: K): void;
  taken?(key: K): void;
  finished?(key: K): void;
}

interface Waiter<K> { resolve(key: K | undefined): void }

export class WorkQueue<K = string> implements Queue<K> {
  /** Order of service; a Set because a key waits at most once. */
  readonly #waiting = new Set<K>();
  /** Added again while being processed. */
  readonly #dirty = new Set<K>();
  readonly #processing = new Set<K>();
  readonly #waiters = new Set<Waiter<K>>();
  readonly #observer: QueueObserver<K>;
  #shutDown = false;

  constructor(observer: QueueObserver<K> = {}) {
    this.#observer = observer;
  }

  add(key: K): void {
    if (this.#shutDown || this.#waiting.has(key) || this.#dirty.has(key)) return;
    this.#observer.added?.(key);
    if (this.#processing.has(key)) { this.#dirty.add(key); return; }
    this.#waiting.add(key);
    this.#serve();
  }

  take(signal?: AbortSignal): Promise<K | undefined> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) { reject(signal.reason); return; }
      const onAbort = (): void => { this.#waiters.delete(waiter); reject(signal!.reason); };
      const waiter: Waiter<K> = { resolve: (key) => { signal?.removeEventListener('abort', onAbort); resolve(key); } };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiters.add(waiter);
      this.#serve();
    });
  }

  done(key: K): void {
    if (!this.#processing.delete(key)) return;
    this.#observer.finished?.(key);
    if (this.#dirty.delete(key)) {
      this.#waiting.add(key);
      this.#serve();
    }
  }

  length(): number { return this.#waiting.size; }

  shutDown(): void {
    this.#shutDown = true;
    this.#serve();
  }

  #serve(): void {
    for (const waiter of this.#waiters) {
      const next = this.#waiting.values().next();
      if (next.done === true) {
        if (!this.#shutDown) return;
        this.#waiters.delete(waiter);
        waiter.resolve(undefined);
        continue;
      }
      const key = next.value;
      this.#waiting.delete(key);
      this.#processing.add(key);
      this.#waiters.delete(waiter);
      this.#observer.taken?.(key);
      waiter.resolve(key);
    }
  }
}
